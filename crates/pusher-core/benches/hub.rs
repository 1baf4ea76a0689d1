//! Shows that the cost of an operation does not grow with the number of topics, or of a topic's subscribers.
//! Run: `cargo bench --package pusher-core`.
//!
//! Each session has a real socket, and both ends are in this process, so the limit of open files limits the sizes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use pusher_core::{Hub, Options, PublishAddress, Recipe, Server};

/// Subscriptions of other sessions, all to different topics.
const TOPICS: [usize; 3] = [10, 1000, 100_000];
/// Topics of each of those sessions: the server's maximum.
const TOPICS_EACH: usize = 10_000;
/// Subscribers of one topic.
const SUBSCRIBERS: [usize; 3] = [10, 1000, 9000];
/// Pairs of SUBSCRIBE and UNSUBSCRIBE in one write.
const PAIRS: usize = 100;
/// Number of such writes. More would exceed the message burst of a session.
const SAMPLES: u32 = 200;
const EVENT: &str = r#"{"title":"A new kitten"}"#;

fn main() {
    divan::main();
}

/// A server that lives as long as this process.
struct TestServer {
    hub: Hub,
    web: SocketAddr,
}

impl TestServer {
    fn start() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = Options::default();
        options.listen = vec![any_port];
        options.publish_listen = vec![PublishAddress::from(any_port)];
        options.shards = 1;
        options.live.limits.client_messages_burst = u16::MAX;
        let server = Server::bind(options, Recipe::default()).expect("free ports");
        let (hub, web) = (server.hub(), server.public_addrs()[0]);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(server.run(std::future::pending()))
        });
        Self { hub, web }
    }

    fn session(&self) -> Session {
        let mut stream = TcpStream::connect(self.web).expect("the server listens");
        let wait = Some(Duration::from_secs(60));
        stream.set_read_timeout(wait).expect("a timeout can be set");
        let request = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
            Sec-WebSocket-Protocol: wamp\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a request");
        let mut session = Session { stream };
        session.read_until(b"]"); // WELCOME
        session
    }

    /// Opens sessions that together subscribe to `topics` topics, one subscriber each.
    fn holding(&self, topics: usize) -> Vec<Session> {
        let all: Vec<usize> = (0..topics).collect();
        let hold = |own: &[usize]| {
            let mut session = self.session();
            for some in own.chunks(PAIRS) {
                let messages = some.iter().map(|topic| format!("[5,\"other/{topic}\"]"));
                session.send_all(messages);
            }
            session
        };
        all.chunks(TOPICS_EACH).map(hold).collect()
    }

    /// Opens sessions that all subscribe to `topic`.
    fn subscribed(&self, topic: &str, subscribers: usize) -> Vec<Session> {
        let subscribe = |_| {
            let mut session = self.session();
            session.send_all([format!("[5,\"{topic}\"]")]);
            session
        };
        (0..subscribers).map(subscribe).collect()
    }
}

struct Session {
    stream: TcpStream,
}

impl Session {
    /// Sends messages, and waits until the server has handled them: it answers a ping in order.
    fn send_all(&mut self, messages: impl IntoIterator<Item = String>) {
        let mut bytes = Vec::new();
        for message in messages {
            put_frame(&mut bytes, 0x81, message.as_bytes());
        }
        put_frame(&mut bytes, 0x89, b"done");
        self.stream.write_all(&bytes).expect("the server reads");
        self.read_until(b"done");
    }

    fn read_until(&mut self, end: &[u8]) {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while !read.ends_with(end) {
            let len = self.stream.read(&mut buffer).expect("an answer");
            assert!(len > 0, "the server has closed the connection");
            read.extend_from_slice(&buffer[..len]);
        }
    }
}

/// Appends a client's frame, with a mask of zeros.
fn put_frame(bytes: &mut Vec<u8>, first: u8, payload: &[u8]) {
    assert!(payload.len() <= 125);
    bytes.extend_from_slice(&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0]);
    bytes.extend_from_slice(payload);
}

/// Publishes to a topic without subscribers, beside many other topics.
#[divan::bench(args = TOPICS)]
fn publish_beside_topics(bencher: Bencher<'_, '_>, topics: usize) {
    let server = TestServer::start();
    let _others = server.holding(topics);
    bencher.bench_local(|| server.hub.publish(black_box("topic"), EVENT));
}

#[divan::bench(args = TOPICS, sample_count = SAMPLES, sample_size = 1)]
fn subscribe_and_unsubscribe_beside_topics(bencher: Bencher<'_, '_>, topics: usize) {
    let server = TestServer::start();
    let _others = server.holding(topics);
    bench_pairs(bencher, &server);
}

#[divan::bench(args = SUBSCRIBERS, sample_count = SAMPLES, sample_size = 1)]
fn subscribe_and_unsubscribe_beside_subscribers(bencher: Bencher<'_, '_>, subscribers: usize) {
    let server = TestServer::start();
    let _others = server.subscribed("topic", subscribers);
    bench_pairs(bencher, &server);
}

fn bench_pairs(bencher: Bencher<'_, '_>, server: &TestServer) {
    let mut session = server.session();
    bencher.counter(ItemsCount::new(PAIRS)).bench_local(|| {
        let pairs = (0..PAIRS).flat_map(|_| ["[5,\"topic\"]", "[6,\"topic\"]"]);
        session.send_all(pairs.map(str::to_owned));
    });
}

/// Sends UNSUBSCRIBE and SUBSCRIBE in a session with many topics.
#[divan::bench(args = [1, 100, 9_900], sample_count = SAMPLES, sample_size = 1)]
fn unsubscribe_and_subscribe_with_many_own_topics(bencher: Bencher<'_, '_>, topics: usize) {
    let server = TestServer::start();
    let mut sessions = server.holding(topics);
    let session = &mut sessions[0];
    bencher.counter(ItemsCount::new(PAIRS)).bench_local(|| {
        let pairs = (0..PAIRS).flat_map(|_| ["[6,\"other/0\"]", "[5,\"other/0\"]"]);
        session.send_all(pairs.map(str::to_owned));
    });
}

/// Runs a handshake, SUBSCRIBE, and the end of the connection.
#[divan::bench(args = SUBSCRIBERS)]
fn connect_and_disconnect_beside_subscribers(bencher: Bencher<'_, '_>, subscribers: usize) {
    let server = TestServer::start();
    let _others = server.subscribed("topic", subscribers);
    bencher.bench_local(|| {
        let mut session = server.session();
        session.send_all(["[5,\"topic\"]".to_owned()]);
        drop(session);
        while server.hub.session_count() > subscribers {
            std::thread::yield_now();
        }
    });
}
