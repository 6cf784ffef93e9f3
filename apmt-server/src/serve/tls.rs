//! TLS: the certificate, and the handshake.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::watched::Watched;

/// What a TLS connection begins with (RFC 8446, 5.1: a record of the type handshake).
const HANDSHAKE: u8 = 22;

/// What who speaks no TLS is told.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\
    content-length: 132\r\nconnection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"this port speaks TLS: begin the URL with https://, not http://\"}\n";

/// A certificate and its private key, in PEM files.
///
/// The files are looked at when a connection comes in, once a second at most, and read again when one of them has
/// changed: a renewed certificate is used without a restart. While the two do not belong together, as when one is
/// written before the other, or cannot be read, the last ones that did are used, and it is warned of.
///
/// TLS 1.2 and 1.3, with the suites that rustls holds to be safe. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Watched<ServerConfig>>);

impl Tls {
    /// Reads the certificate, with those that vouch for it behind it, and the private key.
    ///
    /// # Errors
    /// For a file that cannot be read, or in which there is no certificate or private key, and where the two do not
    /// belong together: with the file, and what is wrong.
    pub fn open(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self> {
        let watched = Watched::open([certificate.into(), key.into()], |paths| match paths {
            [certificate, key] => configuration(certificate, key),
            _ => Err(Error::new(ErrorKind::Io, "a certificate and a key are two files")),
        });
        Ok(Self(Arc::new(watched?)))
    }

    /// Shakes hands. Nothing where the other side does not do it in time, or speaks something else.
    pub(super) async fn accept(&self, stream: TcpStream, limit: Duration) -> Option<TlsStream<TcpStream>> {
        match tokio::time::timeout(limit, shake_hands(self.0.current(), stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

async fn shake_hands(
    configuration: Arc<ServerConfig>,
    mut stream: TcpStream,
) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [HANDSHAKE];
    stream.peek(&mut first).await?;
    // Every method's name begins with a capital letter.
    if first[0].is_ascii_uppercase() {
        // What was sent is read, as far as it is there: closing before would take the answer back.
        let _ = stream.read(&mut [0; 8192]).await?;
        stream.write_all(SPEAK_TLS).await?;
        stream.shutdown().await?;
        return Ok(None);
    }
    TlsAcceptor::from(configuration).accept(stream).await.map(Some)
}

fn configuration(certificate: &Path, key: &Path) -> Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain: Vec<CertificateDer<'static>> =
        chain.map_err(|error| not_read(certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(not_read(certificate, "certificate", pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| not_read(key, "private key", error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let configuration =
        builder.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    let mut configuration = configuration.map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        let said = match &error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!("{key}: is not the private key of the certificate in {certificate}")
            }
            _ => format!("{certificate} with {key}: cannot be used for TLS: {error}"),
        };
        Error::new(ErrorKind::Corrupt, said).with_source(error)
    })?;
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(configuration)
}

fn not_read(path: &Path, what: &str, error: pem::Error) -> Error {
    let path = path.display();
    match error {
        pem::Error::Io(error) => {
            Error::new(ErrorKind::Io, format!("{path}: cannot read the {what}: {error}")).with_source(error)
        }
        pem::Error::NoItemsFound => {
            let said =
                format!("{path}: there is no {what} in it; it must be in PEM, between BEGIN and END lines");
            Error::new(ErrorKind::Corrupt, said)
        }
        error => {
            let said = format!("{path}: the {what} is no PEM that can be read: {error}");
            Error::new(ErrorKind::Corrupt, said).with_source(error)
        }
    }
}
