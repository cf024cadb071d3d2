//! TLS for other machines, and the first word of a connection: encrypted or not.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the other side may take to say hello and to agree.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The first byte of every TLS connection: the type of a handshake record. No HTTP begins so.
const HELLO: u8 = 0x16;
/// For a person who typed http:// instead of https://.
const IN_CLEAR: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 60\r\n\r\nThis address is encrypted. Open it with https:// in front.\r\n";

/// Certificate and key, ready for use. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate in the PEM text, or a broken one.
    #[error("holds no readable certificate in PEM: {0}")]
    Certificate(String),
    /// There is no private key in the PEM text, or a broken one.
    #[error("holds no readable private key in PEM: {0}")]
    Key(rustls::pki_types::pem::Error),
    /// The two do not belong together, or cannot be used.
    #[error("certificate and key cannot be used together: {0}")]
    Pair(rustls::Error),
}

impl Tls {
    /// From PEM: the server's certificate with those that lead to its authority, and its key.
    ///
    /// # Errors
    /// [`TlsError`]; its words follow the name of the file.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(TlsError::Certificate("it is empty".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// A connection that may be spoken on.
pub(crate) enum Greeted {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// Finds out how the other side speaks, and agrees on TLS if it wants it. Unencrypted speech is
/// for this machine only (`near`). `None`: it is over.
pub(crate) async fn greet(mut stream: TcpStream, tls: Option<&Tls>, near: bool) -> Option<Greeted> {
    let agreed = timeout(HANDSHAKE_WITHIN, async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match (first == [HELLO], tls) {
            (true, Some(Tls(acceptor))) => {
                let stream = acceptor.accept(stream).await?;
                Ok(Greeted::Encrypted(Box::new(stream)))
            }
            (false, _) if near => Ok(Greeted::Plain(stream)),
            (false, Some(_)) => {
                stream.write_all(IN_CLEAR).await?;
                stream.shutdown().await?;
                Err(io::Error::other("it speaks in clear"))
            }
            (_, None) => Err(io::Error::other("there is no TLS to speak")),
        }
    });
    match agreed.await {
        Ok(Ok(greeted)) => Some(greeted),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection did not come about");
            None
        }
        Err(_) => {
            tracing::debug!("a connection took too long to come about");
            None
        }
    }
}
