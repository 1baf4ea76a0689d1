//! From the host name to WELCOME, without a web server: faults of the network and of proxies.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::{
    Meddling, Pushd, doctor, doctor_with, html, proxy, public, pushd, read_head, server,
    switching_protocols, until_closed, web_server,
};

fn ws(address: SocketAddr) -> String {
    format!("ws://{address}/push")
}

#[test]
fn name_without_an_address() {
    public("https://no-such-host.invalid/push").assert_fault("dns", "dns", "no-such-host.invalid");
}

#[test]
fn port_without_a_listener() {
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    public(&ws(unused)).assert_fault("tcp", "tcp-refused", &unused.to_string());
}

/// Skipped by `cargo xtask test` where the kernel refuses namespaces.
#[cfg(target_os = "linux")]
mod needs_namespaces {
    use super::*;

    /// Runs in a network namespace without routes.
    #[test]
    fn an_address_to_which_there_is_no_way() {
        for address in ["192.0.2.1", "[2001:db8::1]"] {
            let mut alone = std::process::Command::new("unshare");
            // Root needs no user namespace, and may be refused one.
            if !nix::unistd::geteuid().is_root() {
                alone.arg("--map-root-user");
            }
            alone
                .args(["--net", env!("CARGO_BIN_EXE_pushd")])
                .env("PUSHD_CONFIG", "/dev/null");
            let url = format!("http://{address}/push");
            let found = doctor_with(&mut alone, &["--no-publish", &url]);
            found.assert_fault("tcp", "tcp-unreachable", "ip -6 route");
        }
    }
}

/// The listener's queue is full, so the kernel drops further packets, as firewalls do.
#[cfg(target_os = "linux")]
#[test]
fn port_that_does_not_answer() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue takes everything");
    }
    let found = doctor(&["--timeout=1", &ws(address)]);
    found.assert_fault("tcp", "tcp-timeout", "firewall");
}

#[test]
fn server_that_never_answers() {
    let silent = server(|mut stream| {
        read_head(&mut stream);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let found = doctor(&["--timeout=1", &ws(silent)]);
    found.assert_fault("websocket", "timeout", "wait for pushd");
}

#[test]
fn server_that_closes_the_connection() {
    let rude = server(|mut stream| {
        read_head(&mut stream);
    });
    public(&ws(rude)).assert_fault("websocket", "closed", "closes them");
}

#[test]
fn server_with_another_protocol() {
    let greets = server(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        until_closed(&mut stream);
    });
    let answers = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"500 what?\r\n");
        until_closed(&mut stream);
    });
    for address in [greets, answers] {
        public(&ws(address)).assert_fault("websocket", "not-websocket", "not a web server");
    }
}

#[test]
fn proxy_that_changes_the_response() {
    let daemon = Pushd::start(&[]);
    for (from, to) in [
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
        ("Upgrade: websocket\r\n", ""),
    ] {
        let meddling = Meddling {
            in_answer: Some((from, to)),
            ..Meddling::default()
        };
        let found = public(&ws(proxy(&daemon, meddling)));
        found.assert_fault("websocket", "not-websocket", "between browser and pushd");
    }
}

#[test]
fn proxy_that_removes_the_upgrade() {
    let daemon = Pushd::start(&[]);
    for (from, to, says) in [
        (
            "Upgrade: websocket\r\n",
            "",
            "`Upgrade: websocket` is missing",
        ),
        (
            "Connection: Upgrade\r\n",
            "Connection: close\r\n",
            "`Connection: Upgrade` is missing",
        ),
        ("HTTP/1.1", "HTTP/1.0", "HTTP/1.0"),
        // This one hides its nature: pushd answers as to anybody.
        (
            "Upgrade: websocket\r\nSec-Websocket-Version: 13\r\nSec-Websocket-Key",
            "X",
            "pusher.js",
        ),
    ] {
        let meddling = Meddling {
            in_request: Some((from, to)),
            ..Meddling::default()
        };
        let found = public(&ws(proxy(&daemon, meddling)));
        found.assert_fault("websocket", "upgrade-lost", says);
    }
}

#[test]
fn proxy_that_removes_the_subprotocol() {
    let daemon = Pushd::start(&[]);
    let of_request = Meddling {
        in_request: Some(("Sec-Websocket-Protocol: wamp\r\n", "")),
        ..Meddling::default()
    };
    let found = public(&ws(proxy(&daemon, of_request)));
    found.assert_fault(
        "websocket",
        "subprotocol-lost",
        "removes that header from requests",
    );
    let of_answer = Meddling {
        in_answer: Some(("Sec-WebSocket-Protocol: wamp\r\n", "")),
        ..Meddling::default()
    };
    let found = public(&ws(proxy(&daemon, of_answer)));
    found.assert_fault("websocket", "subprotocol-lost", "from the response");
}

/// Starts a server that accepts a WebSocket handshake and then sends `then`.
fn websocket_server(then: &'static [u8], stays: bool) -> SocketAddr {
    server(move |mut stream| {
        let head = read_head(&mut stream);
        let _ = stream.write_all(switching_protocols(&head).unwrap_or_default().as_bytes());
        let _ = stream.write_all(then);
        if stays {
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        } else {
            until_closed(&mut stream);
        }
    })
}

#[test]
fn websocket_without_welcome() {
    let found = doctor(&["--timeout=1", &ws(websocket_server(b"", true))]);
    found.assert_fault("welcome", "timeout", "another WebSocket server");
    for (then, part) in [
        (b"\x81\x05hello".as_slice(), "not WAMP's WELCOME"),
        // WAMP 2 and a WELCOME of another version.
        (b"\x81\x08[2,1,{}]", "not WAMP's WELCOME"),
        (b"\x81\x0e[0,\"id\",2,\"s\"]", "not WAMP's WELCOME"),
        (b"\x88\x02\x03\xe8", "ends before WELCOME: close frame"),
        (b"", "ends before WELCOME"),
    ] {
        let found = public(&ws(websocket_server(then, false)));
        found.assert_fault("welcome", "no-welcome", part);
    }
}

#[test]
fn control_characters_from_the_server_are_escaped() {
    let name = format!("\\u001b[2J\\n{}", "x".repeat(2000));
    let welcome = format!("[0,\"id\",1,\"{name}\"]");
    let mut frame = vec![0x81, 126];
    frame.extend(u16::try_from(welcome.len()).unwrap().to_be_bytes());
    frame.extend(welcome.into_bytes());
    let server = websocket_server(frame.leak(), true);
    let output = pushd()
        .args(["doctor", "--no-publish", "--timeout=1", &ws(server)])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\\u{1b}[2J\\nxxx"), "{text}");
    assert!(!text.contains('\u{1b}') && text.len() < 3000, "{text}");
}

#[test]
fn origin_is_refused_until_it_is_allowed() {
    let words = ["--no-publish", "--origin=https://other.example"];
    let daemon = Pushd::start(&[]);
    let found = doctor(&[&words[..], &[&daemon.url()]].concat());
    found.assert_fault(
        "websocket",
        "origin-refused",
        "pages of https://other.example are refused",
    );
    let daemon = Pushd::start(&["--allow-origin", "https://other.example"]);
    let found = doctor(&[&words[..], &[&daemon.url()]].concat());
    assert_eq!(found.code, 0, "{}", found.report);
}

#[test]
fn proxy_that_changes_the_host() {
    let daemon = Pushd::start(&[]);
    let meddling = Meddling {
        in_request: Some(("Host: 127.0.0.1", "Host: site.internal")),
        ..Meddling::default()
    };
    let found = public(&ws(proxy(&daemon, meddling)));
    found.assert_fault("websocket", "origin-refused", "ProxyPreserveHost On");
}

#[test]
fn name_that_is_not_in_public_host() {
    let daemon = Pushd::start(&["--public-host", "site.example"]);
    let meddling = Meddling {
        in_request: Some(("Host: 127.0.0.1", "Host: push.example")),
        ..Meddling::default()
    };
    let front = ws(proxy(&daemon, meddling));
    let found = doctor(&["--no-publish", "--origin=https://push.example", &front]);
    found.assert_fault("websocket", "origin-refused", "add it to public-host");
}

#[test]
fn rule_of_the_web_server() {
    let forbids = web_server(|_| html("403 Forbidden", "Server: Apache/2.4\r\n"));
    public(&ws(forbids)).assert_fault("websocket", "forbidden", "web server that refuses");
}
