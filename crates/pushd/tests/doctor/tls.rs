//! HTTPS: certificates, and ports that do not match the scheme of the URL.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::ResolvesServerCertUsingSni;
use tokio_rustls::rustls::{
    ConfigBuilder, ServerConfig, ServerConnection, StreamOwned, WantsVerifier,
};

use crate::support::{
    Found, Pushd, doctor_with, html, public, pushd, read_head, server, until_closed,
};

static ISSUERS: AtomicU32 = AtomicU32::new(0);

/// A certificate issuer. The doctor trusts it if it reads the file `roots`.
struct Issuer {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Issuer {
    fn new() -> Self {
        Self::with(|_| ())
    }

    /// Returns a certificate authority. A server named `localhost` can also use the authority's own certificate. `change` edits
    /// that certificate before it is signed.
    fn with(change: impl Fn(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        // rustls finds an issuer by its name, so each has another one.
        let serial = ISSUERS.fetch_add(1, Ordering::Relaxed);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("issuer {serial}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("roots.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Returns the configuration of a server with a self-signed certificate, like those of `openssl req -x509`.
    fn config_of_itself(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.issuer.key().serialize_der()));
        let certificate = self.issuer.der().clone();
        let config = builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        Arc::new(config.unwrap())
    }

    fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Returns the configuration of a server with a certificate for a name. `change` edits the certificate.
    fn config(&self, name: &str, change: impl Fn(&mut CertificateParams)) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().unwrap()
}

/// Starts a web server with HTTPS that answers 404.
fn https(config: Arc<ServerConfig>) -> SocketAddr {
    server(move |stream| answer_tls(stream, &config))
}

fn answer_tls(stream: TcpStream, config: &Arc<ServerConfig>) {
    let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
    if !read_head(&mut stream).is_empty() {
        let _ = stream.write_all(html("404 Not Found", "Server: nginx\r\n").as_bytes());
    }
    let _ = stream.flush();
    stream.conn.send_close_notify();
    let _ = stream.flush();
    until_closed(&mut stream.sock);
}

#[track_caller]
fn found(roots: &Path, url: &str) -> Found {
    let mut command = pushd();
    command
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent");
    doctor_with(&mut command, &["--no-publish", url])
}

#[test]
fn valid_certificate_leads_to_the_web_server() {
    let issuer = Issuer::new();
    let port = https(issuer.config("localhost", |_| ())).port();
    let found = found(&issuer.roots(), &format!("https://localhost:{port}/push"));
    assert_eq!(found.step("tls")["status"], "ok");
    found.assert_fault("websocket", "not-proxied", "nginx");
}

/// Returns a change after which a certificate expires in `days` days and one hour.
fn end_in(days: u64) -> impl Fn(&mut CertificateParams) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = now + Duration::from_secs(days * 24 * 3600 + 3600);
    move |params| params.not_after = date_time_ymd(1970, 1, 1) + end
}

#[test]
fn certificate_that_expires_soon_is_a_warning() {
    let issuer = Issuer::new();
    for (days, status, part) in [
        (40, "ok", "valid for 40 days"),
        (30, "ok", "valid for 30 days"),
        (29, "warning", "expires in 29 days"),
        (0, "warning", "expires in less than a day"),
    ] {
        let port = https(issuer.config("localhost", end_in(days))).port();
        let found = found(&issuer.roots(), &format!("https://localhost:{port}/push"));
        assert_eq!(found.step("tls")["status"], "ok");
        let step = found.step("expiry");
        assert_eq!(step["status"], status, "{step}");
        assert!(step["what"].as_str().unwrap().contains(part), "{step}");
        if status == "warning" {
            assert_eq!(step["code"], "certificate-ends-soon");
            assert!(step["todo"].as_str().unwrap().contains("certbot renew"));
        }
        // A warning does not stop the doctor.
        found.assert_fault("websocket", "not-proxied", "nginx");
    }
}

#[test]
fn invalid_certificates() {
    let (issuer, unknown) = (Issuer::new(), Issuer::new());
    for (config, code, part) in [
        (
            issuer.config("localhost", |params| {
                params.not_after = date_time_ymd(2020, 2, 3)
            }),
            "certificate-expired",
            "days ago",
        ),
        (
            issuer.config("localhost", |params| {
                params.not_before = date_time_ymd(4000, 2, 3)
            }),
            "certificate-not-yet-valid",
            "clock",
        ),
        (
            issuer.config("other.example", |_| ()),
            "certificate-name",
            "not for localhost but for other.example",
        ),
        (
            unknown.config("localhost", |_| ()),
            "certificate-issuer",
            "fullchain.pem",
        ),
        (
            unknown.config_of_itself(),
            "certificate-issuer",
            "self-signed",
        ),
    ] {
        let port = https(config).port();
        let found = found(&issuer.roots(), &format!("wss://localhost:{port}/push"));
        found.assert_fault("tls", code, part);
    }
}

/// Runs the doctor with `--ca-certificate`, on a machine that trusts `roots`.
#[track_caller]
fn found_with(given: &Path, roots: &Path, url: &str) -> Found {
    let mut command = pushd();
    command
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent");
    let words = ["--no-publish", "--ca-certificate", given.to_str().unwrap()];
    doctor_with(&mut command, &[&words[..], &[url]].concat())
}

#[test]
fn given_certificates_are_trusted_besides_those_of_the_machine() {
    let (issuer, machine) = (Issuer::new(), Issuer::new());
    let empty = issuer.folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for (config, roots) in [
        (issuer.config("localhost", |_| ()), machine.roots()),
        (issuer.config("localhost", |_| ()), empty),
        // Like `openssl req -x509`: the server has the certificate of the issuer itself.
        (issuer.config_of_itself(), machine.roots()),
        (machine.config("localhost", |_| ()), machine.roots()),
    ] {
        let url = format!("https://localhost:{}/push", https(config).port());
        let found = found_with(&issuer.roots(), &roots, &url);
        let step = found.step("tls");
        assert_eq!(step["status"], "ok", "{step}");
        let what = step["what"].as_str().unwrap();
        assert!(what.contains("--ca-certificate"), "{what}");
        found.assert_fault("websocket", "not-proxied", "nginx");
    }
}

#[test]
fn given_certificate_must_be_valid_for_the_name_and_now() {
    let machine = Issuer::new();
    let other = Issuer::new();
    for (issuer, code, part) in [
        (
            Issuer::with(|params| params.not_after = date_time_ymd(2020, 2, 3)),
            "certificate-expired",
            "days ago",
        ),
        (
            Issuer::with(|params| params.not_before = date_time_ymd(4000, 2, 3)),
            "certificate-not-yet-valid",
            "clock",
        ),
        (
            Issuer::with(|params| params.subject_alt_names.clear()),
            "certificate-name",
            "not for localhost",
        ),
    ] {
        let url = format!(
            "https://localhost:{}/push",
            https(issuer.config_of_itself()).port()
        );
        let found = found_with(&issuer.roots(), &machine.roots(), &url);
        found.assert_fault("tls", code, part);
    }
    let url = format!(
        "https://localhost:{}/push",
        https(other.config_of_itself()).port()
    );
    let found = found_with(&machine.roots(), &machine.roots(), &url);
    found.assert_fault("tls", "certificate-issuer", "--ca-certificate");
}

#[test]
fn file_without_certificates_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.pem");
    fs::write(&file, "no certificate").unwrap();
    let invalid = folder.path().join("invalid.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(&invalid, text).unwrap();
    let absent = folder.path().join("absent.pem");
    for (file, part) in [
        (&file, "no certificate"),
        (&invalid, "a certificate is invalid"),
        (&absent, "cannot read"),
    ] {
        let mut command = pushd();
        let words = ["doctor", "https://localhost/", "--ca-certificate"];
        let output = command.args(words).arg(file).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn machine_without_root_certificates() {
    let issuer = Issuer::new();
    let empty = issuer.folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let port = https(issuer.config("localhost", |_| ())).port();
    let found = found(&empty, &format!("https://localhost:{port}/push"));
    found.assert_fault("tls", "no-roots", "ca-certificates");
}

#[test]
fn web_server_without_a_certificate_for_the_name() {
    let issuer = Issuer::new();
    let nobody = Arc::new(ResolvesServerCertUsingSni::new());
    let config = builder().with_no_client_auth().with_cert_resolver(nobody);
    let port = https(Arc::new(config)).port();
    let found = found(&issuer.roots(), &format!("https://localhost:{port}/push"));
    found.assert_fault("tls", "tls-refused", "ServerName");
}

#[test]
fn port_with_http_2_only() {
    let issuer = Issuer::new();
    let mut config = (*issuer.config("localhost", |_| ())).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let port = https(Arc::new(config)).port();
    let found = found(&issuer.roots(), &format!("https://localhost:{port}/push"));
    found.assert_fault("tls", "tls-refused", "does not speak HTTP/1.1");
}

#[test]
fn port_without_tls() {
    let issuer = Issuer::new();
    let daemon = Pushd::start(&[]);
    let plain = found(&issuer.roots(), &format!("wss://{}/push", daemon.web));
    plain.assert_fault("tls", "not-tls", &format!("ws://{}/push", daemon.web));
    let rude = server(|mut stream| {
        let _ = stream.read(&mut [0; 1]);
    });
    let closed = found(&issuer.roots(), &format!("wss://{rude}/"));
    closed.assert_fault("tls", "tls-closed", "closes the connection");
}

#[test]
fn port_with_tls_only() {
    let issuer = Issuer::new();
    let config = issuer.config("localhost", |_| ());
    // A polite server, such as nginx or Apache, answers plain HTTP with an error. Other servers hang up.
    for polite in [true, false] {
        let config = config.clone();
        let port = server(move |mut stream| {
            let mut first = [0];
            let _ = stream.peek(&mut first);
            match first[0] {
                0x16 => return answer_tls(stream, &config),
                _ if polite => {
                    read_head(&mut stream);
                    let _ =
                        stream.write_all(html("400 Bad Request", "Server: nginx\r\n").as_bytes());
                }
                _ => {
                    read_head(&mut stream);
                }
            }
            until_closed(&mut stream);
        });
        // The doctor does not need to trust the certificate to see that the port speaks TLS.
        let found = public(&format!("ws://localhost:{}/push", port.port()));
        found.assert_fault("websocket", "needs-tls", "use wss://localhost");
    }
}
