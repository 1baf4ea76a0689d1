//! An issuer of certificates, for servers with TLS.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An issuer that only this test knows, and a certificate from it.
#[derive(Debug)]
pub struct Issuer(TempDir);

impl Issuer {
    /// Makes an issuer, and lets it issue a certificate for a host.
    #[track_caller]
    pub fn with_certificate_for(host: &str) -> Self {
        let its = Self(TempDir::new().expect("a folder"));
        let key = || KeyPair::generate().expect("a key");
        let params = |host: &[&str]| {
            let names: Vec<_> = host.iter().map(ToString::to_string).collect();
            CertificateParams::new(names).expect("names of hosts")
        };
        let mut of_issuer = params(&[]);
        of_issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // The folder has a name that no other issuer has.
        let name = its.0.path().display().to_string();
        of_issuer.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(of_issuer, key()).expect("an issuer");
        let its_key = key();
        let certificate = params(&[host]).signed_by(&its_key, &issuer);
        for (name, text) in [
            (ISSUER, issuer.pem()),
            (CERTIFICATE, certificate.expect("a certificate").pem()),
            (KEY, its_key.serialize_pem()),
        ] {
            fs::write(its.0.path().join(name), text).expect("a file");
        }
        its
    }

    /// Returns the file with the certificate of the issuer, for `SSL_CERT_FILE`.
    pub fn file(&self) -> PathBuf {
        self.0.path().join(ISSUER)
    }

    /// Returns the files with the key and the certificate of the host.
    pub fn key_and_certificate(&self) -> [PathBuf; 2] {
        [KEY, CERTIFICATE].map(|name| self.0.path().join(name))
    }

    /// Returns options of redis-server that make it speak TLS on a port, and nothing else on TCP.
    pub fn options(&self, port: u16) -> Vec<String> {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        let words = [
            "--port",
            "0",
            "--tls-port",
            &port.to_string(),
            "--tls-auth-clients",
            "no",
            "--tls-ca-cert-file",
            &path(ISSUER),
            "--tls-cert-file",
            &path(CERTIFICATE),
            "--tls-key-file",
            &path(KEY),
        ];
        words.map(str::to_owned).to_vec()
    }
}

const ISSUER: &str = "issuer.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
