//! `--ca-certificate`: certificates that a client trusts besides those of this machine's issuers.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use clap::{Arg, ArgMatches};
use pusher_core::{CertificateError, not_after, not_before, read_certificates};
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError as Invalid, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

const NAME: &str = "ca-certificate";

/// The certificates of the option's file. None without the option.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CaCertificates(Arc<[CertificateDer<'static>]>);

/// The option of all commands that connect to a public URL.
pub(crate) fn ca_certificate() -> Arg {
    Arg::new(NAME)
        .long(NAME)
        .value_name("FILE")
        .value_parser(CaCertificates::read)
        .help(
            "A PEM file with certificates to trust besides the public ones: that of your own issuer, or a self-signed \
             one. For tests: browsers do not trust them",
        )
}

impl CaCertificates {
    /// Returns the value of the option.
    pub(crate) fn given(matches: &ArgMatches) -> Self {
        matches.get_one(NAME).cloned().unwrap_or_default()
    }

    fn read(path: &str) -> Result<Self, CertificateError> {
        let path = Path::new(path);
        let found = read_certificates(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &found {
            let added = roots.add(certificate.clone());
            added.map_err(|error| CertificateError::Content {
                path: path.to_owned(),
                reason: format!("a certificate is invalid: {error}"),
            })?;
        }
        Ok(Self(found.into()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the certificates to the issuers. Returns their number.
    pub(super) fn add_to(&self, roots: &mut RootCertStore) -> usize {
        roots.add_parsable_certificates(self.0.iter().cloned()).0
    }

    fn contains(&self, certificate: &CertificateDer<'_>) -> bool {
        self.0
            .iter()
            .any(|one| one.as_ref() == certificate.as_ref())
    }
}

/// Accepts the given certificates themselves, too, and leaves all others to webpki. webpki refuses the certificate of an
/// issuer as that of a server, but `openssl req -x509` makes only such certificates by default.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) issuers: Arc<WebPkiServerVerifier>,
    pub(super) given: CaCertificates,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.given.contains(shown) {
            let issuers = &self.issuers;
            return issuers.verify_server_cert(shown, intermediates, name, ocsp, now);
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        verify_validity(shown, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issuers.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issuers.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issuers.supported_verify_schemes()
    }
}

/// Checks that a certificate is valid at this time.
fn verify_validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let unix = |time: Option<SystemTime>| {
        let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map(UnixTime::since_unix_epoch)
    };
    let end = unix(not_after(certificate)).ok_or(Invalid::BadEncoding)?;
    // A time before 1970 has passed.
    let begin = unix(not_before(certificate));
    if let Some(begin) = begin.filter(|begin| now.as_secs() < begin.as_secs()) {
        return Err(Invalid::NotValidYetContext {
            time: now,
            not_before: begin,
        }
        .into());
    }
    if end.as_secs() < now.as_secs() {
        return Err(Invalid::ExpiredContext {
            time: now,
            not_after: end,
        }
        .into());
    }
    Ok(())
}
