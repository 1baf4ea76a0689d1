//! TLS handshakes that fail.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use pusher_core::Recipe;

use super::support::{TestCertificate, read_rest};
use crate::support::{on_any_ports, read_to_end, start_server};

/// Returns the ClientHello of a handshake.
fn client_hello(files: &TestCertificate) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut connection = files.connection();
    while connection.wants_write() {
        connection.write_tls(&mut hello).unwrap();
    }
    hello
}

#[test]
fn broken_tls_handshakes_disturb_no_session() {
    let files = TestCertificate::new();
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
        // The server may close before it has read everything.
        let _gone = stream.write_all(&bytes);
        let _gone = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
    }
    server.publisher().publish("t", "1");
    assert_eq!(bystander.message(), "[8,\"t\",1]");
    server.until("the other connections have closed", |hub| {
        hub.stats().browsers == 1
    });
}

#[test]
fn tls_handshake_times_out() {
    let files = TestCertificate::new();
    let server = files.start(|limits| limits.handshake_timeout = Duration::from_millis(100));
    let hello = client_hello(&files);
    for len in [0, 1, hello.len() / 2, hello.len()] {
        let mut stream = server.raw(server.public);
        stream.write_all(&hello[..len]).unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok(), "{len} bytes: {ended:?}");
    }
    // The same timeout covers the HTTP request.
    let mut stream = files.connect(&server);
    stream.write_all(b"GET / HT").unwrap();
    assert!(read_rest(&mut stream).starts_with("HTTP/1.1 408 "));
}

#[test]
fn connection_closes_if_client_rejects_certificate() {
    let (files, others) = (TestCertificate::new(), TestCertificate::new());
    let server = files.start(|_| ());
    let mut stream = others.connect(&server);
    assert!(stream.write_all(b"GET / HTTP/1.1\r\n").is_err());
    drop(stream);
    server.until("the connection has closed", |hub| hub.stats().browsers == 0);
}

#[test]
fn tls_without_certificate_is_refused_with_hint() {
    let files = TestCertificate::new();
    let server = start_server(on_any_ports(), Recipe::default());
    let mut stream = server.raw(server.public);
    stream.write_all(&client_hello(&files)).unwrap();
    assert!(read_to_end(&mut stream).contains("https"));
}
