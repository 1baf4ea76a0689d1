//! A server that is handed over to another one, with its publishers.

use std::io::Write;

use pusher_core::Recipe;

use crate::support::{Publisher, TestServer, connect, on_any_ports, start_server};

fn start() -> TestServer {
    start_server(on_any_ports(), Recipe::default())
}

/// Waits until the server has read the first bytes of all publishers.
fn wait_for_publishers(server: &TestServer, count: u64) {
    server.until("they are there", |hub| hub.stats().publishers == count);
}

#[test]
fn native_publishers_continue_at_any_byte() {
    let whole = r#"[3,7,"t",{"a":"é"}]"#.as_bytes();
    let server = start();
    let mut browser = server.subscriber("t");
    let mut publishers: Vec<_> = (0..whole.len())
        .map(|cut| {
            let mut publisher = server.publisher();
            // The receipt tells that the server has read the bytes behind the first publish.
            let bytes = [br#"[3,6,"other",1]"#, &whole[..cut]].concat();
            publisher.0.write_all(&bytes).unwrap();
            assert!(publisher.line().starts_with("[4,6,"));
            (cut, publisher)
        })
        .collect();
    let server = server.hand_over_twice();
    for (cut, publisher) in &mut publishers {
        publisher.0.write_all(&whole[*cut..]).unwrap();
        assert!(publisher.line().starts_with("[4,7,"), "{cut}");
        assert_eq!(browser.message(), r#"[8,"t",{"a":"é"}]"#);
    }
    wait_for_publishers(&server, publishers.len() as u64);
}

#[test]
fn messages_sent_meanwhile_have_receipts_in_order() {
    const MESSAGES: u64 = 2000;
    let server = start();
    let mut publisher = server.publisher();
    let mut sender = Publisher(publisher.0.try_clone().unwrap());
    let sending = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            sender.send(&format!("[3,{number},\"t\",{number}]"));
        }
    });
    let server = server.hand_over_twice();
    let mut last = 0;
    for number in 0..MESSAGES {
        let receipt: [u64; 4] = serde_json::from_str(&publisher.line()).unwrap();
        assert_eq!(receipt[..2], [4, number]);
        assert!(receipt[2] > last, "{receipt:?}");
        last = receipt[2];
    }
    sending.join().unwrap();
    assert_eq!(server.hub.position().sequence, MESSAGES);
}

#[test]
fn raw_publishers_continue() {
    let server = start();
    let mut browser = server.subscriber("t");
    let mut raw = connect(server.publish);
    raw.write_all(br#"{"category":"t","n":1}{"category":"#)
        .unwrap();
    assert_eq!(browser.message(), r#"[8,"t",{"category":"t","n":1}]"#);
    let _server = server.hand_over_twice();
    raw.write_all(br#""t","n":2}"#).unwrap();
    assert_eq!(browser.message(), r#"[8,"t",{"category":"t","n":2}]"#);
}

const GREETING: [u8; 64] = {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[8] = 1;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12] = b'N';
    greeting[13] = b'U';
    greeting[14] = b'L';
    greeting[15] = b'L';
    greeting
};
const READY: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH";

#[test]
fn zeromq_publishers_continue_at_any_byte() {
    let message = [&b"\x01\x01t"[..], b"\x00\x01"].concat();
    let whole = [&GREETING[..], READY, &message, b"5"].concat();
    let server = start();
    let mut browser = server.subscriber("t");
    let mut sockets: Vec<_> = (1..whole.len())
        .map(|cut| {
            let mut socket = connect(server.publish);
            socket.write_all(&whole[..cut]).unwrap();
            (cut, socket)
        })
        .collect();
    wait_for_publishers(&server, sockets.len() as u64);
    let server = server.hand_over_twice();
    for (cut, socket) in &mut sockets {
        socket.write_all(&whole[*cut..]).unwrap();
        assert_eq!(browser.message(), r#"[8,"t",5]"#, "{cut}");
    }
    assert_eq!(server.hub.position().sequence, sockets.len() as u64);
}
