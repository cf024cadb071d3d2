//! The one TLS configuration of a platform: the system's trust, and the platform's own CA if the
//! configuration names one. There is no switch that turns verification off.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::fault::Fault;

/// HTTP/1.1 only: one flow, and the socket under it stays ours to pace.
const ALPN: &[u8] = b"http/1.1";

/// Builds the configuration; reads the system's certificates and `ca_file` from the disk.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Fault> {
    let extra = ca_file.map_or(Ok(Vec::new()), extra_roots)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |error: rustls::Error| {
        Fault::refused(
            format!("The certificates to be trusted cannot be used: {error}."),
            "Install the package ca-certificates, and check the platform's ca_file if it has one.",
        )
    };
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(broken)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// A configuration that trusts nobody, for a platform on this machine that is spoken to in clear.
pub(super) fn trusting_nobody() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring offers the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(config)
}

fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let unusable = |why: String| {
        Fault::refused(
            format!("The certificate file {} cannot be used: {why}.", path.display()),
            "Check the platform's ca_file: it must be a PEM file with at least one certificate.",
        )
    };
    let roots = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(error.to_string()))?;
    if roots.is_empty() {
        Err(unusable("it holds no certificate".to_owned()))
    } else {
        Ok(roots)
    }
}

/// The TLS error that an error was caused by. It may hide inside an I/O error, whose `source`
/// skips it.
pub(super) fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        next = match current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &'a (dyn Error + 'static)),
            None => current.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_that_is_none_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        for text in [None, Some("no PEM at all")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let fault = client_config(Some(&path)).unwrap_err();
            assert!(fault.to_string().contains("ca_file"), "{fault}");
            assert!(fault.to_string().contains(path.to_str().unwrap()), "{fault}");
        }
    }

    #[test]
    fn a_tls_error_is_found_inside_the_errors_that_wrap_it() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(inner.clone()));
        assert_eq!(cause(&wrapped), Some(&inner));
        assert_eq!(cause(&io::Error::other("plain")), None);
    }
}
