//! A client of the Pusher Channels protocol, message by message, and a site that signs for it without the project's own
//! code.

use std::net::SocketAddr;
use std::path::Path;
use std::time::UNIX_EPOCH;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::wire::{Frame, Wire, text, upgrade};

/// The key of the application.
pub const KEY: &str = "blog";

/// Its secret.
pub const SECRET: &str = "0123456789abcdef";

/// Writes the secret into a folder. Returns the value of `--pusher-app`.
#[track_caller]
pub fn write_app(folder: &Path) -> String {
    let file = folder.join("secret");
    std::fs::write(&file, SECRET).unwrap();
    format!("1:{KEY}:{}", file.display())
}

fn sign(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// Returns the target of a signed GET request, for a path below that of the application.
pub fn signed_target(path: &str) -> String {
    let now_s = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let path = format!("/apps/1{path}");
    let query = format!("auth_key={KEY}&auth_timestamp={now_s}&auth_version=1.0");
    let signature = sign(&format!("GET\n{path}\n{query}"));
    format!("{path}?{query}&auth_signature={signature}")
}

/// One connection.
#[derive(Debug)]
pub struct Channels {
    /// The connection, for input that no correct client sends.
    pub wire: Wire,
    socket_id: String,
}

impl Channels {
    /// Connects, and reads `connection_established`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        let mut wire = Wire::connect(address);
        let request = String::from_utf8(upgrade("")).unwrap();
        let target = format!("GET /app/{KEY}?protocol=7 ");
        wire.send(request.replacen("GET / ", &target, 1).as_bytes());
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let mut client = Self {
            wire,
            socket_id: String::new(),
        };
        let established = client.message();
        assert_eq!(established["event"], "pusher:connection_established");
        let data = data(&established);
        client.socket_id = data["socket_id"].as_str().unwrap().to_owned();
        client
    }

    /// Sends a text message.
    pub fn send(&mut self, message: &str) {
        self.wire.send(&text(message));
    }

    /// Returns the next message.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        parse(&self.wire.frame())
    }

    /// Returns the message that subscribes to a channel, signed by the site.
    pub fn subscribe_message(&self, channel: &str, channel_data: Option<&str>) -> String {
        let auth = self.auth(channel, channel_data);
        let data = json!({"channel": channel, "auth": auth, "channel_data": channel_data});
        json!({"event": "pusher:subscribe", "data": data}).to_string()
    }

    /// Subscribes, and reads the answer.
    #[track_caller]
    pub fn subscribe(&mut self, channel: &str, channel_data: Option<&str>) {
        self.send(&self.subscribe_message(channel, channel_data));
        let answer = self.message();
        assert_eq!(
            answer["event"], "pusher_internal:subscription_succeeded",
            "{answer}"
        );
    }

    /// Returns the `auth` of the site for a channel.
    pub fn auth(&self, channel: &str, channel_data: Option<&str>) -> String {
        let mut signed = format!("{}:{channel}", self.socket_id);
        if let Some(data) = channel_data {
            signed = format!("{signed}:{data}");
        }
        format!("{KEY}:{}", sign(&signed))
    }

    /// Sends a ping, and returns the messages before its pong.
    #[track_caller]
    pub fn barrier(&mut self) -> Vec<Value> {
        self.send(r#"{"event":"pusher:ping","data":{}}"#);
        let mut before = Vec::new();
        loop {
            match self.message() {
                message if message["event"] == "pusher:pong" => return before,
                message => before.push(message),
            }
        }
    }
}

/// Returns the decoded data of a message.
#[track_caller]
pub fn data(message: &Value) -> Value {
    let text = message["data"].as_str().expect("data is a text");
    serde_json::from_str(text).expect("data is JSON")
}

fn parse(frame: &Frame) -> Value {
    serde_json::from_str(frame.text()).unwrap_or_else(|_| panic!("not JSON: {frame:?}"))
}
