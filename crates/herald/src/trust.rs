//! Whose certificates a webhook's connection trusts: the system's, and the target's own CA if the
//! configuration names one. There is no switch that turns verification off.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::fault::Fault;

/// Builds the configuration; reads the system's certificates and `ca_file` from the disk.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, Fault> {
    let extra = ca_file.map_or(Ok(Vec::new()), extra_roots)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |error: rustls::Error| {
        Fault::new(
            format!("The certificates to be trusted cannot be used: {error}."),
            "Install the package ca-certificates, and check ca_file if it has one.",
        )
    };
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(broken)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn extra_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let roots = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, &error.to_string()))?;
    if roots.is_empty() {
        Err(unusable(path, "it holds no certificate"))
    } else {
        Ok(roots)
    }
}

/// What is said of a `ca_file` that is none.
pub(crate) fn unusable(path: &Path, why: &str) -> Fault {
    Fault::new(
        format!("The certificate file {} cannot be used: {why}.", path.display()),
        "Check ca_file: it must be a PEM file with at least one certificate.",
    )
}
