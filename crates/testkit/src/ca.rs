//! A certificate authority of one's own, as universities have them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A fresh authority whose certificate lies in a PEM file.
pub struct TestCa {
    pem: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl TestCa {
    /// Makes the authority and writes `ca.pem` into `dir`.
    ///
    /// # Errors
    /// When no key can be made or the file cannot be written.
    pub fn new(dir: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, "Lectern test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let pem = dir.join("ca.pem");
        std::fs::write(&pem, certificate.pem()).with_context(|| format!("writing {}", pem.display()))?;
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority's certificate, for `ca_file`.
    #[must_use]
    pub fn pem(&self) -> &Path {
        &self.pem
    }

    /// A server certificate for this machine, signed by the authority.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn server(&self) -> anyhow::Result<Arc<ServerConfig>> {
        self.serve(&for_this_machine()?)
    }

    /// A server certificate that was valid in the year 2000.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn expired_server(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let mut params = for_this_machine()?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2000, 12, 31);
        self.serve(&params)
    }

    fn serve(&self, params: &CertificateParams) -> anyhow::Result<Arc<ServerConfig>> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn for_this_machine() -> anyhow::Result<CertificateParams> {
    Ok(CertificateParams::new(vec![
        "localhost".to_owned(),
        // Stores that have the bucket in the host's name.
        "*.localhost".to_owned(),
        // Not every client takes a star right below the root.
        "*.store.localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ])?)
}
