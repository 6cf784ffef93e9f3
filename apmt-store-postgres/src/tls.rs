//! TLS to the server, by rustls: what is verified of its certificate.

use std::sync::Arc;

use apmt_core::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Encryption, Verify};

/// What connects with TLS, as the URL asks.
pub(crate) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let in_part = |authority| Arc::new(InPart { provider: Arc::clone(&provider), authority });
    let verifier: Arc<dyn ServerCertVerifier> = match encryption.verify {
        Verify::Nothing => in_part(None),
        Verify::Authority => in_part(Some(trusted(encryption, &provider)?)),
        Verify::Everything => trusted(encryption, &provider)?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Io, format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(encryption: &Encryption, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    let from = if let Some(path) = &encryption.authorities {
        let unreadable = |why: String| {
            let message = format!("sslrootcert: {}: {why}: name a file of PEM certificates", path.display());
            Error::new(ErrorKind::Io, message)
        };
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        }
        path.display().to_string()
    } else {
        // Some of a machine's certificates may be unreadable: the others are enough, if there are any.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        "this machine".to_owned()
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().map_err(|_| {
        let message =
            format!("sslrootcert: {from} has no authority's certificate: name a file of PEM certificates");
        Error::new(ErrorKind::Io, message)
    })
}

/// What rustls says under an error of the driver's.
pub(crate) fn of_tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(tls) = wrapped.and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>()) {
            return Some(tls);
        }
        next = error.source();
    }
    None
}

/// Verifies less than everything of a certificate; that the server has its key is verified all the same.
#[derive(Debug)]
struct InPart {
    provider: Arc<CryptoProvider>,
    /// `sslmode=verify-ca`: the authority is verified, and the certificate may bear another host's name. Without one,
    /// `sslmode=prefer`: whoever listens is kept out, whoever answers is not asked for proof.
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for InPart {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last, so that everything else is as it should be.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
