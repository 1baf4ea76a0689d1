//! The publish token.

use std::io::Write;
use std::net::SocketAddr;

use pusher_core::{BindError, Recipe, Server};

use crate::support::{TestServer, on_any_ports, read_to_end, start_server};

fn start_with_token() -> TestServer {
    let mut options = on_any_ports();
    options.live.publish_token = Some("s3cret".parse().unwrap());
    start_server(options, Recipe::default())
}

/// Sends the bytes. Returns all answers until the server closes.
fn answer(server: &TestServer, said: &[u8]) -> String {
    let mut publisher = server.raw(server.publish);
    publisher.write_all(said).unwrap();
    read_to_end(&mut publisher)
}

#[test]
fn native_hello_carries_token() {
    let server = start_with_token();
    let mut browser = server.subscriber("t");
    for hello in [
        "[1,1]",
        "[1,1,{}]",
        r#"[1,1,{"token":""}]"#,
        r#"[1,1,{"token":"s3cre"}]"#,
        r#"[1,1,{"token":"s3cret "}]"#,
        r#"[1,1,{"Token":"s3cret"}]"#,
    ] {
        let answer = answer(&server, format!("{hello}[3,1,\"t\",1]").as_bytes());
        assert!(
            answer.starts_with("[5,null,\"denied\","),
            "{hello}: {answer}"
        );
        assert_eq!(answer.lines().count(), 1, "{hello}: {answer}");
    }
    let mut publisher = server.raw(server.publish);
    publisher
        .write_all(b"[1,1,{\"token\":\"s3cret\"}][3,1,\"t\",2]]")
        .unwrap();
    let answer = read_to_end(&mut publisher);
    assert!(answer.contains("\n[4,1,1,1,"), "{answer}");
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
}

#[test]
fn http_authorization_carries_token() {
    let server = start_with_token();
    let mut browser = server.subscriber("t");
    let request = |authorization: &str| {
        format!(
            "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             {authorization}Connection: close\r\nContent-Length: 1\r\n\r\n1"
        )
    };
    for authorization in [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer s3cre\r\n",
        "Authorization: Basic s3cret\r\n",
        "Authorization: s3cret\r\n",
        "Authorization: Bearer \u{e9}\r\n",
    ] {
        let answer = answer(&server, request(authorization).as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 401 "),
            "{authorization}: {answer}"
        );
        assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
        assert!(answer.contains("{\"error\":\""), "{answer}");
    }
    for authorization in [
        "Authorization: Bearer s3cret\r\n",
        "authorization: bearer s3cret\r\n",
    ] {
        let answer = answer(&server, request(authorization).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
    let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(answer(&server, health).starts_with("HTTP/1.1 200 "));
}

#[test]
fn protocols_without_token_are_refused() {
    let server = start_with_token();
    let mut browser = server.subscriber("t");
    assert_eq!(
        answer(&server, b"{\"category\":\"t\",\"token\":\"s3cret\"}"),
        ""
    );
    let mut push = server.raw(server.publish);
    let mut greeting = [0; 64];
    greeting[..16].copy_from_slice(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL");
    push.write_all(&greeting).unwrap();
    push.write_all(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH")
        .unwrap();
    push.write_all(b"\x01\x01t\0\x011").unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut push, &mut answer).unwrap();
    let answer = answer.escape_ascii().to_string();
    assert!(
        answer.contains("ERROR") && answer.contains("token"),
        "{answer}"
    );
    assert!(!answer.contains("READY"), "{answer}");
    browser.barrier();
}

#[test]
fn public_publish_address_needs_token() {
    for (address, is_allowed) in [
        ("0.0.0.0:0", false),
        ("[::]:0", false),
        ("192.0.2.1:0", false),
        ("[::ffff:192.0.2.1]:0", false),
        ("127.0.0.1:0", true),
        ("127.9.9.9:0", true),
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let mut options = on_any_ports();
        options.publish_listen.push(address.into());
        let bound = Server::bind(options.clone(), Recipe::default());
        match bound {
            Ok(_) => assert!(is_allowed, "{address}"),
            Err(BindError::TokenNeeded { address: named }) => {
                assert!(!is_allowed);
                assert_eq!(named, address);
            }
            Err(other) => panic!("{address}: {other}"),
        }
    }
    let mut options = on_any_ports();
    options.publish_listen = vec![SocketAddr::from(([0, 0, 0, 0], 0)).into()];
    options.live.publish_token = Some("s3cret".parse().unwrap());
    assert!(Server::bind(options, Recipe::default()).is_ok());
}
