//! The certificate: its files, its expiry, and a new one at run time.

use std::fs;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use pusher_core::{Certificate, Recipe};

use super::support::TestCertificate;
use crate::operator::get;
use crate::support::{on_any_ports, start_server};

const EXPIRY: &str = "pushd_certificate_expiry_timestamp_seconds";

#[test]
fn certificate_expiry_is_a_metric() {
    for (year, at_s) in [
        (2020, 1_577_836_800),
        (2049, 2_493_072_000),
        (2051, 2_556_144_000),
    ] {
        let files = TestCertificate::expiring(year);
        let not_after = UNIX_EPOCH + Duration::from_secs(at_s);
        assert_eq!(files.load().not_after(), Some(not_after));
        assert_eq!(pusher_core::not_after(&files.der), Some(not_after));
        let server = files.start(|_| ());
        let (_, metrics) = get(&server, "/metrics");
        assert!(
            metrics.contains(&format!("\n{EXPIRY} {at_s}\n")),
            "{metrics}"
        );
        // The metric follows a reload.
        server
            .control
            .reload(TestCertificate::expiring(2030).options(|_| ()).live)
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
fn expiry_metric_needs_a_certificate() {
    let server = start_server(on_any_ports(), Recipe::default());
    let (_, metrics) = get(&server, "/metrics");
    assert!(!metrics.contains("certificate"), "{metrics}");
}

#[test]
fn reloaded_certificate_applies_to_new_connections() {
    let (old, new) = (TestCertificate::new(), TestCertificate::new());
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
        "TLS is off"
    );
}

#[test]
fn invalid_certificate_files_are_named() {
    let (files, other) = (TestCertificate::new(), TestCertificate::new());
    let folder = files.folder.path();
    let (missing, empty) = (folder.join("missing.pem"), folder.join("empty.pem"));
    fs::write(&empty, "nothing\n").unwrap();
    let broken = folder.join("broken.pem");
    fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let invalid = folder.join("invalid.pem");
    fs::write(
        &invalid,
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
        (&invalid, &files.key(), &invalid, "is invalid"),
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
