//! Chromium's DevTools protocol: numbered calls and their answers over a WebSocket.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::WAIT_MS;
use crate::stream::Stream;

/// One connection, to the browser or to one page.
#[derive(Debug)]
pub(super) struct DevTools {
    socket: WebSocket<Stream>,
    calls: u64,
    /// Events that Chromium sent without a call.
    pub(super) events: Vec<Value>,
}

impl DevTools {
    #[track_caller]
    pub(super) fn connect(port: u16, path: &str) -> Self {
        // A call may wait for up to `WAIT_MS` in the page. Twice that is the limit for a browser that hangs.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = Stream::connect(address, 2 * WAIT_MS);
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), stream)
            .unwrap_or_else(|error| panic!("Chromium refuses {path}: {error}"));
        Self {
            socket,
            calls: 0,
            events: Vec::new(),
        }
    }

    /// Calls `method` and returns its result, or the error of Chromium or of the connection.
    pub(super) fn try_call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.calls += 1;
        let id = self.calls;
        let request = json!({"id": id, "method": method, "params": params});
        self.socket
            .send(Message::text(request.to_string()))
            .map_err(|error| format!("can't ask for it: {error}"))?;
        loop {
            let mut message = self.read()?;
            if message["id"] != json!(id) {
                self.events.push(message);
            } else if message["error"].is_null() {
                return Ok(message["result"].take());
            } else {
                return Err(message["error"]["message"].to_string());
            }
        }
    }

    /// Calls a method that must succeed.
    #[track_caller]
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.try_call(method, params)
            .unwrap_or_else(|error| panic!("{method} failed in Chromium: {error}"))
    }

    fn read(&mut self) -> Result<Value, String> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).map_err(|error| error.to_string());
                }
                Ok(_) => {}
                Err(error) => return Err(format!("Chromium says nothing: {error}")),
            }
        }
    }
}
