//! A WAMP v1 session as a page has it: WELCOME, SUBSCRIBE, EVENT.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pusher_proto::Position;
use pusher_proto::wamp::Subprotocol;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::causes::with_causes;
use super::handshake::Socket;
use super::server_message::ServerMessage;

const WELCOME: u64 = 0;
const SUBSCRIBE: u64 = 5;
const EVENT: u64 = 8;

/// The protocol version in WELCOME.
const VERSION: u64 = 1;

/// Close codes by which a server refuses a client's message: it would refuse the same message again.
const REFUSALS: [u16; 6] = [1002, 1003, 1007, 1008, 1009, 1010];

/// An open session.
pub(crate) struct Session {
    socket: Socket,
    /// The session id, which the server chooses at random.
    id: String,
    /// The server's name and version, from WELCOME.
    pub(crate) server: String,
    /// Pings received from the server.
    pub(crate) pings: u32,
    /// Messages that arrived before a pong.
    early: VecDeque<Utf8Bytes>,
}

/// The end of the connection.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct SessionEnd {
    pub(crate) reason: String,
    /// The server refused a message of the client. Another attempt would fail too.
    pub(crate) is_refusal: bool,
}

impl From<String> for SessionEnd {
    fn from(reason: String) -> Self {
        Self {
            reason,
            is_refusal: false,
        }
    }
}

/// Why a WebSocket is not a WAMP v1 session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WelcomeError {
    #[error("the WebSocket opens and ends before WELCOME: {0}")]
    Ended(SessionEnd),
    #[error("the first message is not WAMP's WELCOME")]
    OtherMessage,
}

/// A WebSocket message. Any message shows that the connection is alive.
enum Incoming {
    Text(Utf8Bytes),
    Pong,
    Other,
}

/// Timeouts that find a connection which died without a close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Silence of the server after which the client pings.
    pub(crate) silence: Duration,
    /// Time from that ping to any message.
    pub(crate) answer: Duration,
}

impl Session {
    /// Reads the first message, which must be WELCOME.
    pub(crate) async fn begin(socket: Socket) -> Result<Self, WelcomeError> {
        let mut session = Self {
            socket,
            id: String::new(),
            server: String::new(),
            pings: 0,
            early: VecDeque::new(),
        };
        let message = session.text().await.map_err(WelcomeError::Ended)?;
        match serde_json::from_str(&message) {
            Ok((WELCOME, id, VERSION, server)) => {
                (session.id, session.server) = (id, server);
                Ok(session)
            }
            _ => Err(WelcomeError::OtherMessage),
        }
    }

    /// Whether the server can replay events, and numbers them.
    pub(crate) fn has_recovery(&self) -> bool {
        self.socket.subprotocol == Subprotocol::Pushd1
    }

    /// Returns a topic that no other session uses. It needs no escapes in a URL.
    pub(crate) fn own_topic(&self, prefix: &str) -> String {
        let id = self.id.chars().filter(char::is_ascii_alphanumeric);
        format!("{prefix}-{}", id.collect::<String>())
    }

    /// Subscribes, and waits until the server has read the message. WAMP v1 has no answer to SUBSCRIBE, so a
    /// WebSocket ping follows it. `since` is for a session with recovery.
    pub(crate) async fn subscribe(
        &mut self,
        topic: &str,
        since: Option<Position>,
    ) -> Result<(), SessionEnd> {
        let message = match since {
            Some(position) => json!([SUBSCRIBE, topic, {"since": position}]),
            None => json!([SUBSCRIBE, topic]),
        };
        self.send(Message::text(message.to_string())).await?;
        self.round_trip().await
    }

    /// Waits for the next event. Returns its topic and the event. Skips events that are not a `T`.
    pub(crate) async fn next_event<T: DeserializeOwned>(
        &mut self,
    ) -> Result<(String, T), SessionEnd> {
        loop {
            if let Some(event) = event(&self.text().await?) {
                return Ok(event);
            }
        }
    }

    /// Waits for the next message of any kind that [`ServerMessage`] has. Also returns if the connection has died
    /// without a close.
    pub(crate) async fn next_message_or_timeout(
        &mut self,
        timeouts: Timeouts,
    ) -> Result<ServerMessage, SessionEnd> {
        loop {
            let text = self.text_or_timeout(timeouts).await?;
            if let Some(message) = ServerMessage::decode(&text) {
                return Ok(message);
            }
        }
    }

    /// Answers pings and ignores events until the connection ends.
    pub(crate) async fn until_end(&mut self) -> SessionEnd {
        loop {
            if let Err(ended) = self.text().await {
                return ended;
            }
        }
    }

    /// Sends a close frame, as a browser does when the page is left.
    pub(crate) async fn end(mut self) {
        // If the connection is gone already, there is nobody to tell.
        let _ = self.socket.stream.close(None).await;
    }

    /// Sends a ping and waits for its pong.
    pub(crate) async fn round_trip(&mut self) -> Result<(), SessionEnd> {
        self.send(Message::Ping("pushd".into())).await?;
        loop {
            match self.next().await? {
                Incoming::Pong => return Ok(()),
                Incoming::Text(text) => self.early.push_back(text),
                Incoming::Other => {}
            }
        }
    }

    async fn text(&mut self) -> Result<Utf8Bytes, SessionEnd> {
        if let Some(text) = self.early.pop_front() {
            return Ok(text);
        }
        loop {
            if let Incoming::Text(text) = self.next().await? {
                return Ok(text);
            }
        }
    }

    /// Like `text`, but pings a silent server and gives up if nothing comes back.
    async fn text_or_timeout(&mut self, timeouts: Timeouts) -> Result<Utf8Bytes, SessionEnd> {
        if let Some(text) = self.early.pop_front() {
            return Ok(text);
        }
        loop {
            let message = match timeout(timeouts.silence, self.next()).await {
                Ok(message) => message?,
                Err(_) => {
                    self.send(Message::Ping("alive?".into())).await?;
                    let answer = timeouts.answer;
                    let silent = |_| format!("no answer to a ping within {answer:?}");
                    timeout(answer, self.next()).await.map_err(silent)??
                }
            };
            if let Incoming::Text(text) = message {
                return Ok(text);
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, SessionEnd> {
        match self.socket.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Pong(_))) => Ok(Incoming::Pong),
            Some(Ok(Message::Ping(_))) => {
                // The library sends the pong.
                self.pings += 1;
                Ok(Incoming::Other)
            }
            Some(Ok(Message::Close(frame))) => Err(SessionEnd {
                is_refusal: frame
                    .as_ref()
                    .is_some_and(|frame| REFUSALS.contains(&frame.code.into())),
                reason: frame.map_or_else(
                    || "close frame".to_owned(),
                    |frame| format!("close frame {frame}"),
                ),
            }),
            Some(Ok(_)) => Ok(Incoming::Other),
            Some(Err(error)) => Err(with_causes(&error).into()),
            None => Err("the connection was closed".to_owned().into()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), SessionEnd> {
        self.socket
            .stream
            .send(message)
            .await
            .map_err(|error| with_causes(&error).into())
    }
}

/// An EVENT message.
#[derive(Deserialize)]
struct Event<T>(u64, String, T);

/// Returns topic and event if the message is an EVENT with a `T`.
fn event<T: DeserializeOwned>(message: &str) -> Option<(String, T)> {
    match serde_json::from_str(message) {
        Ok(Event(EVENT, topic, event)) => Some((topic, event)),
        _ => None,
    }
}
