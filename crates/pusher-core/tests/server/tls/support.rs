//! A test certificate, and clients that trust it.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use pusher_core::{Certificate, Limits, Options, Recipe};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::support::{Browser, TestServer, connect, on_any_ports, start_server};

pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A self-signed certificate for `localhost`, in files.
pub(crate) struct TestCertificate {
    pub(super) folder: TempDir,
    pub(super) der: CertificateDer<'static>,
}

impl TestCertificate {
    pub(crate) fn new() -> Self {
        Self::expiring(4000)
    }

    /// Creates a certificate that is valid until the start of `year`.
    pub(super) fn expiring(year: i32) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chain.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        let der = certificate.der().clone();
        Self { folder, der }
    }

    pub(super) fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub(super) fn load(&self) -> Certificate {
        Certificate::load(&self.chain(), &self.key()).unwrap()
    }

    pub(super) fn options(&self, change: impl FnOnce(&mut Limits)) -> Options {
        let mut options = on_any_ports();
        options.live.certificate = Some(self.load());
        change(&mut options.live.limits);
        options
    }

    pub(crate) fn start(&self, change: impl FnOnce(&mut Limits)) -> TestServer {
        start_server(self.options(change), Recipe::default())
    }

    pub(super) fn connection(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(Arc::new(config), name).unwrap()
    }

    pub(super) fn connect(&self, server: &TestServer) -> Encrypted {
        self.connect_to(server.public)
    }

    pub(crate) fn connect_to(&self, address: SocketAddr) -> Encrypted {
        StreamOwned::new(self.connection(), connect(address))
    }

    pub(super) fn browser(&self, server: &TestServer) -> Browser<Encrypted> {
        Browser::open(self.connect(server), "wss://localhost/", &[])
    }
}

/// Reads to the end. An end without close_notify counts, too.
pub(super) fn read_rest(stream: &mut Encrypted) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        Err(error) => panic!("waited for the end: {error}"),
    }
    String::from_utf8(bytes).unwrap()
}
