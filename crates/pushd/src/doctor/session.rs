//! WAMP v1 as a page speaks it: WELCOME, SUBSCRIBE, EVENT.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::dial::with_causes;
use super::handshake::Socket;
use super::report::Fault;

const WELCOME: u64 = 0;
const SUBSCRIBE: u64 = 5;
const EVENT: u64 = 8;

/// An open session.
pub(crate) struct Session {
    socket: Socket,
    /// The server's choice, which nobody can guess.
    id: String,
    /// How often the server has pinged.
    pings: u32,
}

/// The end of the connection.
struct Ended(String);

/// What interests in what comes.
enum Incoming {
    Text(Utf8Bytes),
    Pong,
}

impl Session {
    /// Reads the first message, which must be WELCOME.
    pub(super) async fn begin(socket: Socket) -> Result<(Self, String), Fault> {
        let mut session = Self {
            socket,
            id: String::new(),
            pings: 0,
        };
        let wrong = |what| {
            let todo = "Another WebSocket server than pushd answers: does the web server pass the path on to the address \
                        that pushd listens on?";
            Fault::new("no-welcome", what, todo)
        };
        let message = session.text().await.map_err(|Ended(how)| {
            wrong(format!(
                "the WebSocket opens and ends before WELCOME: {how}"
            ))
        })?;
        let welcome: Option<(u64, String, u64, String)> = serde_json::from_str(&message).ok();
        match welcome {
            Some((WELCOME, id, 1, server)) => {
                session.id = id;
                Ok((session, format!("{server} speaks WAMP v1")))
            }
            _ => Err(wrong("the first message is not WAMP's WELCOME".to_owned())),
        }
    }

    /// A topic that nobody else has, and that needs no escapes in a URL.
    pub(crate) fn topic(&self, whose: &str) -> String {
        let id: String = self
            .id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        format!("{whose}-{id}")
    }

    /// Subscribes, and waits until the server has read it: WAMP v1 has no answer to SUBSCRIBE, but
    /// WebSocket has one to a ping.
    pub(crate) async fn subscribe(&mut self, topic: &str) -> Result<(), Fault> {
        let message = json!([SUBSCRIBE, topic]).to_string();
        let sent = self.send(Message::text(message)).await;
        let heard = match sent {
            Ok(()) => self.barrier().await,
            Err(ended) => Err(ended),
        };
        heard.map_err(|Ended(how)| lost("while it subscribes", &how))
    }

    /// Waits for an event of the topic.
    pub(super) async fn event(&mut self, topic: &str) -> Result<Value, Fault> {
        loop {
            let (of, event) = self.next_event().await?;
            if of == topic {
                return Ok(event);
            }
        }
    }

    /// Waits for an event of any topic that is subscribed to; that topic, and the event. One that is no
    /// `T` is passed over.
    pub(crate) async fn next_event<T: DeserializeOwned>(&mut self) -> Result<(String, T), Fault> {
        loop {
            let message = self.text().await;
            let message =
                message.map_err(|Ended(how)| lost("while it waits for an event", &how))?;
            if let Ok(Event(EVENT, topic, event)) = serde_json::from_str::<Event<T>>(&message) {
                return Ok((topic, event));
            }
        }
    }

    /// Does nothing for a while but to answer pings; then there must still be somebody.
    pub(super) async fn keep_quiet(
        &mut self,
        idle: Duration,
        timeout: Duration,
    ) -> Result<((), String), Fault> {
        let begin = Instant::now();
        let quiet = tokio::time::timeout(idle, async {
            loop {
                if let Err(ended) = self.text().await {
                    return ended;
                }
            }
        });
        if let Ok(Ended(how)) = quiet.await {
            return Err(hung_up(begin.elapsed(), &how));
        }
        match tokio::time::timeout(timeout, self.barrier()).await {
            Ok(Ok(())) => {
                let what = format!(
                    "still connected after {idle:?} without an event, with {} pings of pushd's",
                    self.pings
                );
                Ok(((), what))
            }
            Ok(Err(Ended(how))) => Err(hung_up(idle, &how)),
            Err(_) => Err(hung_up(idle, "nothing comes through any more")),
        }
    }

    /// Takes leave as a page does that is left.
    pub(super) async fn end(mut self) {
        // Who is gone already need not be told.
        let _ = self.socket.close(None).await;
    }

    async fn barrier(&mut self) -> Result<(), Ended> {
        self.send(Message::Ping("doctor".into())).await?;
        loop {
            if let Incoming::Pong = self.next().await? {
                return Ok(());
            }
        }
    }

    async fn text(&mut self) -> Result<Utf8Bytes, Ended> {
        loop {
            if let Incoming::Text(text) = self.next().await? {
                return Ok(text);
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, Ended> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Incoming::Text(text)),
                Some(Ok(Message::Pong(_))) => return Ok(Incoming::Pong),
                // The library answers it.
                Some(Ok(Message::Ping(_))) => self.pings += 1,
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.map(|frame| format!("close frame {}", frame));
                    return Err(Ended(frame.unwrap_or_else(|| "close frame".to_owned())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Ended(with_causes(&error))),
                None => return Err(Ended("the connection was closed".to_owned())),
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        self.socket
            .send(message)
            .await
            .map_err(|error| Ended(with_causes(&error)))
    }
}

/// An EVENT; whatever else comes is none.
#[derive(Deserialize)]
struct Event<T>(u64, String, T);

fn lost(when: &str, how: &str) -> Fault {
    Fault::new(
        "connection-lost",
        format!("the connection ends {when}: {how}"),
        "pushd's log says whether it was pushd's decision (`--log debug`); if not, something on the way cuts connections.",
    )
}

fn hung_up(after: Duration, how: &str) -> Fault {
    let seconds = after.as_secs();
    let todo = "Something on the way hangs up on connections that are quiet for a time, sooner than pushd pings (25 s, \
                ping-interval): give it more (nginx: `proxy_read_timeout 90s;`; Apache: `timeout=90` in ProxyPass, or \
                Timeout; a load balancer has an idle time-out of its own).";
    Fault::new(
        "idle-timeout",
        format!("the connection is gone after {seconds} s without an event: {how}"),
        todo,
    )
}
