//! The public door with TLS.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pusher_core::{Certificate, Limits, Options, Recipe};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::operator::get;
use crate::support::{Browser, Running, connect, on_any_ports, read_to_end, start_server};

pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost`, as files.
pub(crate) struct Files {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self::until(4000)
    }

    /// Valid until a year begins.
    fn until(year: i32) -> Self {
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

    fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn load(&self) -> Certificate {
        Certificate::load(&self.chain(), &self.key()).unwrap()
    }

    fn options(&self, change: impl FnOnce(&mut Limits)) -> Options {
        let mut options = on_any_ports();
        options.live.certificate = Some(self.load());
        change(&mut options.live.limits);
        options
    }

    pub(crate) fn start(&self, change: impl FnOnce(&mut Limits)) -> Running {
        start_server(self.options(change), Recipe::default())
    }

    fn connection(&self) -> ClientConnection {
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

    fn connect(&self, server: &Running) -> Encrypted {
        self.connect_to(server.public)
    }

    pub(crate) fn connect_to(&self, address: SocketAddr) -> Encrypted {
        StreamOwned::new(self.connection(), connect(address))
    }

    fn browser(&self, server: &Running) -> Browser<Encrypted> {
        Browser::open(self.connect(server), "wss://localhost/", &[])
    }
}

/// What comes until the end; a connection that is cut without a goodbye ends, too.
fn rest(stream: &mut Encrypted) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        Err(error) => panic!("waited for the end: {error}"),
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn one_port_serves_browsers_with_tls_and_without() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut plain = server.subscriber("t");
    let mut encrypted = files.browser(&server);
    encrypted.subscribe("t");
    for n in 0..100 {
        assert_eq!(server.publisher().publish("t", &n.to_string()).1, 2);
    }
    for n in 0..100 {
        let event = format!("[8,\"t\",{n}]");
        assert_eq!(
            (encrypted.message(), plain.message()),
            (event.clone(), event)
        );
    }
}

const EXPIRY: &str = "pushd_certificate_expiry_timestamp_seconds";

#[test]
fn when_the_certificate_ends_is_known() {
    for (year, at_s) in [
        (2020, 1_577_836_800),
        (2049, 2_493_072_000),
        (2051, 2_556_144_000),
    ] {
        let files = Files::until(year);
        let not_after = UNIX_EPOCH + Duration::from_secs(at_s);
        assert_eq!(files.load().not_after(), Some(not_after));
        assert_eq!(pusher_core::not_after(&files.der), Some(not_after));
        let server = files.start(|_| ());
        let (_, metrics) = get(&server, "/metrics");
        assert!(
            metrics.contains(&format!("\n{EXPIRY} {at_s}\n")),
            "{metrics}"
        );
        // Another one comes into force.
        server
            .control
            .reload(Files::until(2030).options(|_| ()).live)
            .unwrap();
        let (_, metrics) = get(&server, "/metrics");
        assert!(
            metrics.contains(&format!("\n{EXPIRY} 1893456000\n")),
            "{metrics}"
        );
    }
    for garbage in [&b""[..], b"0", &[0x30, 0x82, 0xff, 0xff], &[0; 1000]] {
        assert_eq!(pusher_core::not_after(garbage), None);
    }
}

#[test]
fn without_a_certificate_there_is_no_figure_about_its_end() {
    let server = start_server(on_any_ports(), Recipe::default());
    let (_, metrics) = get(&server, "/metrics");
    assert!(!metrics.contains("certificate"), "{metrics}");
}

#[test]
fn the_client_comes_by_https() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut stream = files.connect(&server);
    stream
        .write_all(b"GET /pusher.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    // The goodbye of TLS is there: nothing was cut.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("globalThis);\n"), "not all of it");
}

#[test]
fn events_of_any_length_arrive_whole_and_in_order() {
    let files = Files::new();
    let server = files.start(|limits| limits.outbox_len_max = 64 * 1024 * 1024);
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    // More than sockets and TLS hold: it waits in the outbox until the browser reads.
    let lens = [
        0, 1, 125, 16_382, 16_384, 16_385, 65_536, 200_000, 1_000_000, 7,
    ];
    let event = |n: usize, len: usize| format!("\"{n}{}\"", "x".repeat(len));
    let mut publisher = server.publisher();
    for round in 0..10 {
        for (n, len) in lens.into_iter().enumerate() {
            assert_eq!(publisher.publish("t", &event(round + n, len)).1, 1);
        }
    }
    for round in 0..10 {
        for (n, len) in lens.into_iter().enumerate() {
            let message = browser.message();
            assert!(
                message == format!("[8,\"t\",{}]", event(round + n, len)),
                "{n} of {round}"
            );
        }
    }
}

/// The socket is full and TLS holds the last record, but nothing waits in the outbox.
#[test]
fn the_last_record_leaves_without_another_event_behind_it() {
    let files = Files::new();
    let mut options = files.options(|limits| limits.outbox_len_max = 64 * 1024 * 1024);
    options.shards = 1;
    let server = start_server(options, Recipe::default());
    let mut witness = files.browser(&server);
    witness.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(16_000));
    let mut publisher = server.publisher();
    // The witness reads what the other does not: when it has come, the other's was written, too.
    let mut publish = || {
        publisher.publish("t", &event);
        witness.message();
    };
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    let mut events = 0;
    while server.hub.stats().outboxes == 0 {
        publish();
        events += 1;
    }
    // The first that waits waits in TLS: there is no room for all of its record.
    assert_eq!(server.hub.stats().outboxes_len, 0);
    for n in 0..events {
        assert_eq!(browser.message().len(), event.len() + 8, "{n} of {events}");
    }
    server.until("nothing waits", |hub| hub.stats().outboxes == 0);
}

#[test]
fn messages_of_any_length_are_heard_in_any_records() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    // Of about the most that a message may have, so that it comes in several records.
    let topics: Vec<String> = (0..3).map(|n| format!("{n}{}", "t".repeat(1000))).collect();
    let padding = " ".repeat(60_000);
    for topic in &topics {
        browser.send(&format!("[5,{padding}\"{topic}\"]"));
    }
    browser.barrier();
    // And byte by byte, each in a record.
    let frame = [&[0x81, 0x8a, 0, 0, 0, 0][..], b"[5,\"bytes\"]"].concat();
    let frame = [&frame[..1], &[0x80 | 11], &frame[2..]].concat();
    let stream = browser.socket.get_mut();
    for byte in frame {
        stream.write_all(&[byte]).unwrap();
        stream.flush().unwrap();
    }
    browser.barrier();
    for topic in topics.iter().map(String::as_str).chain(["bytes"]) {
        assert_eq!(server.publisher().publish(topic, "1").1, 1);
        assert_eq!(browser.message(), format!("[8,\"{topic}\",1]"));
    }
}

#[test]
fn a_browser_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let files = Files::new();
    let server = files.start(|limits| limits.outbox_len_max = 100_000);
    let mut slow = files.browser(&server);
    slow.subscribe("t");
    let mut other = files.browser(&server);
    other.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(100_000));
    let mut publisher = server.publisher();
    while publisher.publish("t", &event).1 == 2 {
        other.message();
    }
    other.message();
    let stream = slow.socket.get_mut();
    let mut unread = Vec::new();
    // Cut, and perhaps reset.
    assert!(stream.read_to_end(&mut unread).is_err());
}

#[test]
fn a_browser_that_is_silent_is_pinged_and_one_that_stays_silent_goes() {
    let files = Files::new();
    let server = files.start(|limits| {
        limits.ping_interval = Duration::from_millis(50);
        limits.pong_timeout = Duration::from_millis(100);
    });
    let mut browser = files.browser(&server);
    for _ in 0..3 {
        // Reading again sends the pong.
        assert!(browser.read().unwrap().is_ping());
    }
    let mut silent = files.browser(&server);
    let stream = silent.socket.get_mut();
    let mut ping = Vec::new();
    let end = stream.read_to_end(&mut ping);
    assert!(
        ping.starts_with(&[0x89, 0]) && end.is_err(),
        "{ping:?} {end:?}"
    );
}

#[test]
fn new_keys_in_the_middle_are_taken() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    for n in 0..3 {
        browser
            .socket
            .get_mut()
            .conn
            .refresh_traffic_keys()
            .unwrap();
        browser.subscribe(&format!("t{n}"));
        server.publisher().publish(&format!("t{n}"), "1");
        assert_eq!(browser.message(), format!("[8,\"t{n}\",1]"));
    }
}

#[test]
fn at_the_end_events_leave_and_there_is_no_close_frame() {
    let files = Files::new();
    let mut server = files.start(|_| ());
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(300_000));
    let mut publisher = server.publisher();
    for _ in 0..3 {
        publisher.publish("t", &event);
    }
    server.begin_end();
    for _ in 0..3 {
        assert_eq!(browser.message().len(), event.len() + 8);
    }
    let end = browser.read();
    assert!(end.is_err(), "{end:?}");
    server.end();
}

#[test]
fn a_close_is_answered_and_tls_says_goodbye() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    browser.socket.close(None).unwrap();
    assert_eq!(browser.close_code(), 1000);
    assert_eq!(rest(browser.socket.get_mut()), "");
}

/// The first bytes of a handshake.
fn client_hello(files: &Files) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut connection = files.connection();
    while connection.wants_write() {
        connection.write_tls(&mut hello).unwrap();
    }
    hello
}

#[test]
fn handshakes_that_are_none_harm_nobody() {
    let files = Files::new();
    let server = files.start(|_| ());
    let mut bystander = files.browser(&server);
    bystander.subscribe("t");
    let hello = client_hello(&files);
    let mut broken = vec![
        vec![22; 2000],
        [&hello[..], &[0; 500]].concat(),
        b"\x16\x03\x01\xff\xff".to_vec(),
    ];
    broken.extend(
        (1..hello.len())
            .step_by(17)
            .map(|len| hello[..len].to_vec()),
    );
    for bytes in broken {
        let mut stream = server.raw(server.public);
        // It may be gone before all of it is written.
        let _gone = stream.write_all(&bytes);
        let _gone = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
    }
    server.publisher().publish("t", "1");
    assert_eq!(bystander.message(), "[8,\"t\",1]");
    server.until("all others have gone", |hub| hub.stats().browsers == 1);
}

#[test]
fn a_handshake_has_a_deadline() {
    let files = Files::new();
    let server = files.start(|limits| limits.handshake_timeout = Duration::from_millis(100));
    let hello = client_hello(&files);
    for len in [0, 1, hello.len() / 2, hello.len()] {
        let mut stream = server.raw(server.public);
        stream.write_all(&hello[..len]).unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok(), "{len} bytes: {ended:?}");
    }
    // The request counts to the same time.
    let mut stream = files.connect(&server);
    stream.write_all(b"GET / HT").unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_browser_that_does_not_trust_the_certificate_is_let_go() {
    let (files, others) = (Files::new(), Files::new());
    let server = files.start(|_| ());
    let mut stream = others.connect(&server);
    assert!(stream.write_all(b"GET / HTTP/1.1\r\n").is_err());
    drop(stream);
    server.until("it has gone", |hub| hub.stats().browsers == 0);
}

#[test]
fn without_a_certificate_tls_is_an_error_that_says_so() {
    let files = Files::new();
    let server = start_server(on_any_ports(), Recipe::default());
    let mut stream = server.raw(server.public);
    stream.write_all(&client_hello(&files)).unwrap();
    assert!(read_to_end(&mut stream).contains("https"));
}

#[test]
fn a_new_certificate_is_for_those_who_come_then() {
    let (old, new) = (Files::new(), Files::new());
    let server = old.start(|_| ());
    let mut early = old.browser(&server);
    early.subscribe("t");
    server.control.reload(new.options(|_| ()).live).unwrap();
    let mut late = new.browser(&server);
    late.subscribe("t");
    server.publisher().publish("t", "1");
    assert_eq!(
        (early.message(), late.message()),
        ("[8,\"t\",1]".to_owned(), "[8,\"t\",1]".to_owned())
    );
    server.control.reload(on_any_ports().live).unwrap();
    early.barrier();
    let mut stream = new.connect(&server);
    assert!(
        stream.write_all(b"GET / HTTP/1.1\r\n").is_err(),
        "there is no TLS any more"
    );
}

#[test]
fn files_that_are_none_are_told_by_name() {
    let (files, other) = (Files::new(), Files::new());
    let folder = files.folder.path();
    let (missing, empty) = (folder.join("missing.pem"), folder.join("empty.pem"));
    fs::write(&empty, "nothing\n").unwrap();
    let broken = folder.join("broken.pem");
    fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let senseless = folder.join("senseless.pem");
    fs::write(
        &senseless,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for (chain, key, file, part) in [
        (&missing, &files.key(), &missing, "No such file"),
        (&files.chain(), &missing, &missing, "No such file"),
        (&empty, &files.key(), &empty, "BEGIN CERTIFICATE"),
        (&files.chain(), &empty, &empty, "BEGIN PRIVATE KEY"),
        (
            &files.chain(),
            &files.chain(),
            &files.chain(),
            "BEGIN PRIVATE KEY",
        ),
        (&broken, &files.key(), &broken, "PEM"),
        (&senseless, &files.key(), &senseless, "is invalid"),
        (
            &files.chain(),
            &other.key(),
            &other.key(),
            "does not belong",
        ),
    ] {
        let error = Certificate::load(chain, key).unwrap_err().to_string();
        assert!(
            error.contains(&file.display().to_string()) && error.contains(part),
            "{part}: {error}"
        );
    }
    assert_eq!(format!("{:?}", files.load()), "Certificate(..)");
}
