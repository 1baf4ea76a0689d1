//! The number of allocations per event does not depend on the number of subscribers. This test is a program of its own
//! because the allocator counts for the whole process.

#![allow(
    clippy::unwrap_used,
    reason = "a failure in the harness is a failed test"
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use pusher_core::{Hub, Options, Recipe, Server};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WAIT: Duration = Duration::from_secs(15);
const EVENTS: usize = 200;
const EVENT: &str = r#"{"title":"A new kitten"}"#;

/// Connects a browser and subscribes it to `t`.
fn subscriber(web: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(web).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
        Sec-WebSocket-Protocol: wamp\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    // SUBSCRIBE and a ping. The pong follows the subscription.
    let mut frames = b"\x81\x87\0\0\0\0[5,\"t\"]".to_vec();
    frames.extend_from_slice(b"\x89\x84\0\0\0\0done");
    stream.write_all(&frames).unwrap();
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"done") {
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    stream
}

/// Publishes events one by one, and waits for each at all browsers. Returns the number of allocations.
fn allocations(hub: &Hub, browsers: &mut [TcpStream]) -> usize {
    let frame_len = 2 + r#"[8,"t",]"#.len() + EVENT.len();
    let mut buffer = vec![0; frame_len];
    let mut deliver = || {
        let receipt = hub.publish("t", EVENT).unwrap();
        assert_eq!(receipt.subscribers, browsers.len() as u64);
        for browser in browsers.iter_mut() {
            browser.read_exact(&mut buffer).unwrap();
        }
    };
    // Let tables and queues grow to their final size.
    deliver();
    let region = Region::new(ALLOCATOR);
    for _ in 0..EVENTS {
        deliver();
    }
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn delivery_allocates_nothing_per_subscriber() {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    options.listen = vec![any_port];
    options.publish_listen = vec![any_port.into()];
    options.shards = 1;
    let server = Server::bind(options, Recipe::default()).unwrap();
    let (hub, web) = (server.hub(), server.public_addrs()[0]);
    let (shutdown, until) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(server.run(async {
            let _asked_or_dropped = until.await;
        }))
    });

    let mut browsers: Vec<_> = (0..2).map(|_| subscriber(web)).collect();
    let few = allocations(&hub, &mut browsers);
    browsers.extend((2..200).map(|_| subscriber(web)));
    let many = allocations(&hub, &mut browsers);
    // The heartbeat may add a few. One allocation per delivery would be 39,600 more.
    assert!(many < few + EVENTS, "2 subscribers: {few}, 200: {many}");

    drop(shutdown);
    thread.join().unwrap().unwrap();
}
