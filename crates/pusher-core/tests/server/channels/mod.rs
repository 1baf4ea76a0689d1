//! Browsers that speak the Pusher Channels protocol.

mod connections;
mod events;
mod presence;
mod subscriptions;
mod users;

use std::net::TcpStream;

use pusher_core::{ChannelsApp, Options, Recipe};
use pusher_proto::channels::{Channel, SocketId};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::support::{TestServer, connect, on_any_ports, start_server};

const APP: &str = "1:blog";
const SECRET: &str = "0123456789abcdef";

pub(crate) fn app() -> ChannelsApp {
    ChannelsApp::parse(APP, SECRET).unwrap()
}

pub(crate) fn options() -> Options {
    let mut options = on_any_ports();
    options.live.channels_app = Some(app());
    options.live.client_events = vec!["*".parse().unwrap()];
    options
}

pub(crate) fn start() -> TestServer {
    start_server(options(), Recipe::default())
}

/// A client, after `connection_established`.
pub(crate) struct Client {
    pub(crate) socket: WebSocket<TcpStream>,
    pub(crate) socket_id: SocketId,
}

impl Client {
    fn open(
        server: &TestServer,
        target: &str,
        (name, value): (&'static str, &str),
    ) -> WebSocket<TcpStream> {
        let stream = connect(server.public);
        let url = format!("ws://{}{target}", server.public);
        let mut request = url.into_client_request().unwrap();
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(name, value);
        let (socket, response) = tungstenite::client(request, stream).unwrap();
        assert_eq!(response.headers().get("Sec-WebSocket-Protocol"), None);
        socket
    }

    pub(crate) fn connect(server: &TestServer) -> Self {
        Self::connect_with(server, "")
    }

    fn connect_with(server: &TestServer, cookie: &str) -> Self {
        let target = "/app/blog?protocol=7&client=test&version=1&flash=false";
        let socket = Self::open(server, target, ("Cookie", cookie));
        let mut client = Self {
            socket,
            socket_id: SocketId(0),
        };
        let (event, data) = client.data();
        assert_eq!(event, "pusher:connection_established");
        client.socket_id = data["socket_id"].as_str().unwrap().parse().unwrap();
        client
    }

    pub(crate) fn send(&mut self, event: &str, data: Value) {
        let message = json!({"event": event, "data": data});
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
    }

    fn send_to(&mut self, channel: &str, event: &str, data: Value) {
        let message = json!({"event": event, "channel": channel, "data": data});
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
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

    /// Returns the event of the next message, and its decoded data.
    pub(crate) fn data(&mut self) -> (String, Value) {
        let message = self.message();
        let event = message["event"].as_str().unwrap().to_owned();
        let data = message["data"]
            .as_str()
            .map_or(Value::Null, |data| serde_json::from_str(data).unwrap());
        (event, data)
    }

    fn subscribe(&mut self, channel: &str, channel_data: Option<&str>) {
        let data = match channel_data {
            None => json!({"channel": channel, "auth": self.auth(channel, None)}),
            Some(data) => {
                let auth = self.auth(channel, channel_data);
                json!({"channel": channel, "auth": auth, "channel_data": data})
            }
        };
        self.send("pusher:subscribe", data);
    }

    /// Subscribes. Returns the data of the answer.
    pub(crate) fn subscribed(&mut self, channel: &str, channel_data: Option<&str>) -> Value {
        self.subscribe(channel, channel_data);
        let (event, data) = self.data();
        assert_eq!(event, "pusher_internal:subscription_succeeded", "{data}");
        data
    }

    /// Subscribes to the channel of the user who has signed in.
    pub(crate) fn subscribed_to_user(&mut self, user: &str) {
        let channel = format!("#server-to-user-{user}");
        self.send("pusher:subscribe", json!({"channel": channel, "auth": ""}));
        assert_eq!(self.data().0, "pusher_internal:subscription_succeeded");
    }

    pub(crate) fn auth(&self, channel: &str, channel_data: Option<&str>) -> String {
        let channel = Channel::parse(channel).unwrap();
        app().channel_auth(self.socket_id, channel, channel_data)
    }

    /// Returns the answer to a ping, which must come next.
    pub(crate) fn barrier(&mut self) {
        self.send("pusher:ping", json!({}));
        assert_eq!(
            self.message(),
            json!({"event": "pusher:pong", "data": "{}"})
        );
    }

    pub(crate) fn close_code(&mut self) -> u16 {
        match self.socket.read().unwrap() {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("no close frame: {other:?}"),
        }
    }
}
