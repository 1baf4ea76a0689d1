//! Browsers that speak WAMP v2.

mod publishes;
mod sessions;
mod subscriptions;

use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use pusher_core::{Limits, Options, Recipe, TicketKeys};
use pusher_proto::ticket::TicketRequest;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::support::{TestServer, connect, on_any_ports, start_server};

const KEYS: &str = "k 0123456789abcdef0123456789abcdef";

/// Browsers may publish to `chat`, which has presence. The topics `orders.*` are private.
fn start_with(change: impl FnOnce(&mut Options)) -> TestServer {
    let mut options = on_any_ports();
    options.live.private_topics = vec!["orders.*".parse().unwrap()];
    options.live.ticket_keys = Some(KEYS.parse().unwrap());
    options.live.presence = vec!["chat".parse().unwrap()];
    change(&mut options);
    let recipe = Recipe::with_client_publish(vec!["chat".parse().unwrap()]);
    start_server(options, recipe)
}

fn start() -> TestServer {
    start_with(|_| {})
}

fn start_limited(change: impl FnOnce(&mut Limits)) -> TestServer {
    start_with(|options| change(&mut options.live.limits))
}

fn ticket(topics: &[&str]) -> String {
    let keys: TicketKeys = KEYS.parse().unwrap();
    let request = TicketRequest {
        topics,
        ttl_s: 300,
        sub: Some("7"),
        info: None,
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    keys.sign(&request, since.as_secs()).unwrap()
}

pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    pub(crate) session: u64,
}

impl Client {
    /// Opens the WebSocket and sends nothing.
    fn open(server: &TestServer, target: &str) -> Self {
        let url = format!("ws://{}{target}", server.public);
        let mut request = url.into_client_request().unwrap();
        let offered = HeaderValue::from_static("wamp.2.msgpack, wamp.2.json, wamp");
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", offered);
        let stream = connect(server.public);
        let (socket, response) = tungstenite::client(request, stream).unwrap();
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "wamp.2.json");
        Self { socket, session: 0 }
    }

    fn connect_to(server: &TestServer, target: &str) -> Self {
        let mut client = Self::open(server, target);
        client.send(json!([1, "realm1", {"roles": {"subscriber": {}, "publisher": {}}}]));
        let welcome = client.message();
        client.session = welcome[1].as_u64().unwrap();
        let agent = format!("pusher-core/{}", env!("CARGO_PKG_VERSION"));
        let roles = json!({"broker": {"features": {"publisher_exclusion": true}}});
        let details = json!({"agent": agent, "roles": roles});
        assert_eq!(welcome, json!([2, client.session, details]));
        client
    }

    pub(crate) fn connect(server: &TestServer) -> Self {
        Self::connect_to(server, "/")
    }

    /// Connects and subscribes. Returns the client and the number of the subscription.
    pub(crate) fn subscriber(server: &TestServer, topic: &str) -> (Self, u64) {
        let mut client = Self::connect(server);
        let number = client.subscribe(topic);
        (client, number)
    }

    fn send(&mut self, message: Value) {
        let message = Message::text(message.to_string());
        self.socket.send(message).unwrap();
    }

    /// Returns the next message.
    pub(crate) fn message(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("no text message: {other:?}"),
            }
        }
    }

    /// Returns the answer to a request.
    fn ask(&mut self, message: Value) -> Value {
        self.send(message);
        self.message()
    }

    pub(crate) fn subscribe(&mut self, topic: &str) -> u64 {
        let answer = self.ask(json!([32, 7, {}, topic]));
        assert_eq!(
            (&answer[0], &answer[1]),
            (&json!(33), &json!(7)),
            "{answer}"
        );
        answer[2].as_u64().unwrap()
    }

    /// Sends a request that must fail. Returns the error and its text.
    fn refused(&mut self, request: Value) -> (String, String) {
        let (kind, id) = (request[0].clone(), request[1].clone());
        let answer = self.ask(request);
        let (error, text) = (&answer[4], &answer[5][0]);
        assert_eq!(answer, json!([8, kind, id, {}, error, [text]]));
        let text_of = |value: &Value| value.as_str().unwrap().to_owned();
        (text_of(error), text_of(text))
    }

    /// Waits until the server has handled all sent messages. No other message may arrive.
    pub(crate) fn barrier(&mut self) {
        let (error, _) = self.refused(json!([48, 99, {}, "p"]));
        assert_eq!(error, "wamp.error.no_such_procedure");
    }

    fn close_code(&mut self) -> u16 {
        match self.socket.read().unwrap() {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("no close frame: {other:?}"),
        }
    }

    /// Waits for the end of the connection. There must be no message and no close frame.
    fn ends_silently(mut self) {
        match self.socket.read() {
            Err(tungstenite::Error::Io(_) | tungstenite::Error::Protocol(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
