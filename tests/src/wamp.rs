//! A WAMP v1 client, as in a page.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::WAIT_MS;
use crate::stream::Stream;

/// One session.
#[derive(Debug)]
pub struct Wamp {
    /// The session's id, from WELCOME.
    pub session_id: String,
    socket: WebSocket<Stream>,
    waiting: VecDeque<String>,
    barriers: u32,
}

impl Wamp {
    /// Connects and reads the WELCOME message.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_as(address, &[])
    }

    /// Connects as a page of this origin.
    #[track_caller]
    pub fn connect_from(address: SocketAddr, origin: &str) -> Self {
        Self::connect_as(address, &[("Origin", origin)])
    }

    /// Connects with a ticket, in its cookie.
    #[track_caller]
    pub fn connect_with(address: SocketAddr, ticket: Option<&str>) -> Self {
        let cookie = ticket.map(|ticket| format!("pushd_ticket={ticket}"));
        let headers: Vec<_> = cookie.iter().map(|cookie| ("Cookie", &**cookie)).collect();
        Self::connect_as(address, &headers)
    }

    #[track_caller]
    fn connect_as(address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{address}/").into_client_request().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", HeaderValue::from_static("wamp"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        let (socket, _) = tungstenite::client(request, Stream::connect(address, WAIT_MS))
            .unwrap_or_else(|error| panic!("the handshake failed: {error}"));
        let mut wamp = Self {
            session_id: String::new(),
            socket,
            waiting: VecDeque::new(),
            barriers: 0,
        };
        let welcome = wamp.message();
        assert_eq!(
            (&welcome[0], &welcome[2]),
            (&json!(0), &json!(1)),
            "not a WELCOME: {welcome}"
        );
        wamp.session_id = welcome[1].as_str().expect("a session id").to_owned();
        wamp
    }

    /// Connects and subscribes.
    #[track_caller]
    pub fn subscribed(address: SocketAddr, topic: &str) -> Self {
        let mut wamp = Self::connect(address);
        wamp.subscribe(topic);
        wamp
    }

    /// Subscribes, and waits until the daemon has processed it.
    #[track_caller]
    pub fn subscribe(&mut self, topic: &str) {
        self.send(&json!([5, topic]));
        self.barrier();
    }

    /// Unsubscribes, and waits until the daemon has processed it.
    #[track_caller]
    pub fn unsubscribe(&mut self, topic: &str) {
        self.send(&json!([6, topic]));
        self.barrier();
    }

    /// Sends a message.
    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap_or_else(|error| panic!("can't send {message}: {error}"));
    }

    /// Returns the next message.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        let text = self.message_text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
    }

    /// Returns the text of the next message.
    #[track_caller]
    pub fn message_text(&mut self) -> String {
        match self.waiting.pop_front() {
            Some(text) => text,
            None => loop {
                if let Some(text) = self.read_text(None) {
                    return text;
                }
            },
        }
    }

    /// Returns the payload of the next message, which must be an EVENT of `topic`.
    #[track_caller]
    pub fn event(&mut self, topic: &str) -> Value {
        let mut message = self.message();
        assert_eq!(
            (&message[0], &message[1]),
            (&json!(8), &json!(topic)),
            "not that event: {message}"
        );
        message[2].take()
    }

    /// Waits until the daemon has processed every earlier message. WAMP v1 has no answer to SUBSCRIBE, but the daemon
    /// answers a WebSocket ping in order.
    #[track_caller]
    pub fn barrier(&mut self) {
        self.barriers += 1;
        let payload = self.barriers.to_be_bytes();
        self.socket
            .send(Message::Ping(payload.to_vec().into()))
            .unwrap_or_else(|error| panic!("can't send a ping: {error}"));
        while let Some(text) = self.read_text(Some(&payload)) {
            self.waiting.push_back(text);
        }
    }

    /// Panics if an unexpected message is waiting.
    #[track_caller]
    pub fn assert_nothing_waits(&mut self) {
        self.barrier();
        assert!(self.waiting.is_empty(), "unexpected: {:?}", self.waiting);
    }

    /// Returns the messages that a [`barrier`](Self::barrier) has read.
    #[track_caller]
    pub fn take_waiting(&mut self) -> Vec<Value> {
        let mut waiting = Vec::new();
        while !self.waiting.is_empty() {
            waiting.push(self.message());
        }
        waiting
    }

    /// Sends a close frame, like a page that the reader leaves, and does not wait for the answer.
    pub fn begin_close(&mut self) {
        // The daemon may have closed first, which is no error.
        let _ = self.socket.close(None);
    }

    /// Returns the code of the close frame, which must come next.
    #[track_caller]
    pub fn close_code(&mut self) -> u16 {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                Ok(Message::Ping(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    // Returns a text message, or `None` for the pong with the payload `pong`.
    #[track_caller]
    fn read_text(&mut self, pong: Option<&[u8]>) -> Option<String> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Pong(payload)) if Some(&payload[..]) == pong => return None,
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(other) => panic!("not a text message: {other:?}"),
                Err(error) => {
                    panic!("nothing came for {WAIT_MS} ms, or the connection ended: {error}")
                }
            }
        }
    }
}
