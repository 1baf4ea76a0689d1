//! The certificate of the public listener.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::der::Decode;

use super::pem::Wanted;

/// A certificate with its key, for TLS on the public listener. Cheap to clone. `Debug` does not show the key.
#[derive(Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    not_after: Option<SystemTime>,
}

/// Reason why a certificate and its key cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file has the wrong content.
    #[error("{path}: {reason}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The mistake, and the remedy if it is known.
        reason: String,
    },
}

impl Certificate {
    /// Loads a certificate chain and its key from PEM files. The server's own certificate comes first in the chain,
    /// followed by the intermediate certificates. The key is RSA, ECDSA or Ed25519, and not encrypted.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let certificates = read_certificates(chain)?;
        let not_after = certificates.first().and_then(|first| not_after(first));
        let text = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| about(key, &text, Wanted::Key, &error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| content(chain, error.to_string()))?;
        let config = builder
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| about_pair(chain, key, &error))?;
        Ok(Self::new(config, not_after))
    }

    fn new(mut config: ServerConfig, not_after: Option<SystemTime>) -> Self {
        // Without this, a browser would choose HTTP/2, and the server only supports WebSocket over HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets let browsers resume a TLS session without the expensive part of the handshake. This matters when all
        // browsers reconnect at once. If there is no ticketer, every handshake is a full one.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        Self {
            config: Arc::new(config),
            not_after,
        }
    }

    /// Returns the time when the certificate expires, or `None` if its date cannot be parsed.
    ///
    /// Only the first certificate of the chain counts. If an intermediate certificate has expired, a browser may still
    /// find another path.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.not_after
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

/// Reads the certificates of a PEM file, at least one.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = match certificates {
        Ok(found) if found.is_empty() => Err(pem::Error::NoItemsFound),
        certificates => certificates,
    };
    certificates.map_err(|error| about(path, &text, Wanted::Certificate, &error))
}

/// Returns the time when a certificate in DER expires, or `None` if it cannot be parsed.
pub fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    Some(validity.not_after.to_system_time())
}

/// Returns the time from which a certificate in DER is valid, or `None` if it cannot be parsed.
pub fn not_before(certificate: &[u8]) -> Option<SystemTime> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    Some(validity.not_before.to_system_time())
}

fn content(path: &Path, reason: impl Into<String>) -> CertificateError {
    CertificateError::Content {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    super::pem::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn about(path: &Path, text: &[u8], wanted: Wanted, error: &pem::Error) -> CertificateError {
    if let Some(reason) = super::pem::mistake(path, text, wanted) {
        return content(path, reason);
    }
    match (error, wanted) {
        (pem::Error::NoItemsFound, Wanted::Certificate) => content(
            path,
            "the file has no certificate: BEGIN CERTIFICATE is missing",
        ),
        (pem::Error::NoItemsFound, Wanted::Key) => content(
            path,
            "the file has no private key: BEGIN PRIVATE KEY is missing",
        ),
        (error, _) => content(path, format!("the file is not PEM: {error}")),
    }
}

fn about_pair(chain: &Path, key: &Path, error: &rustls::Error) -> CertificateError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let chain = chain.display();
            content(
                key,
                format!(
                    "the key does not belong to the first certificate of {chain}: it is the key of another certificate, \
                     or the site's own certificate does not come first"
                ),
            )
        }
        rustls::Error::InvalidCertificate(error) => {
            content(chain, format!("the certificate is invalid: {error}"))
        }
        error => content(
            key,
            format!(
                "the key cannot be used: {error}; use RSA with at least 2048 bits, ECDSA with P-256 or P-384, or Ed25519"
            ),
        ),
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

#[cfg(test)]
impl Certificate {
    /// Makes a certificate for `localhost`. Returns also its DER form, for a client to trust.
    pub(crate) fn self_signed() -> (Self, CertificateDer<'static>) {
        let files = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
        std::fs::write(&chain, files.cert.pem()).unwrap();
        std::fs::write(&key, files.signing_key.serialize_pem()).unwrap();
        let certificate = Self::load(&chain, &key).unwrap();
        (certificate, files.cert.der().clone())
    }
}
