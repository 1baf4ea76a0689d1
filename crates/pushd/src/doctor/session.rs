//! WAMP v1 as a page speaks it: WELCOME, SUBSCRIBE, EVENT.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;
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

/// Close codes by which a server refuses a client's message: it would refuse the same message again.
const REFUSALS: [u16; 6] = [1002, 1003, 1007, 1008, 1009, 1010];

/// The end of the connection.
struct Ended {
    how: String,
    is_refusal: bool,
}

impl From<String> for Ended {
    fn from(how: String) -> Self {
        Self {
            how,
            is_refusal: false,
        }
    }
}

/// One WebSocket message. Each is a sign of life.
enum Incoming {
    Text(Utf8Bytes),
    Pong,
    Other,
}

/// Timeouts that find a connection which died without a close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Silence of the server after which the client pings.
    pub(crate) silence: Duration,
    /// From that ping to any message.
    pub(crate) answer: Duration,
}

/// The end of a connection that was good.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) fault: Fault,
    /// The server refuses the client's message, so another attempt would fail too.
    pub(crate) is_refusal: bool,
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
        let message = session.text().await.map_err(|Ended { how, .. }| {
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
        heard.map_err(|Ended { how, .. }| lost("while it subscribes", &how))
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
                message.map_err(|Ended { how, .. }| lost("while it waits for an event", &how))?;
            if let Some(event) = event(&message) {
                return Ok(event);
            }
        }
    }

    /// The same, and finds out if the connection has died without a close.
    pub(crate) async fn next_event_or_loss<T: DeserializeOwned>(
        &mut self,
        patience: Patience,
    ) -> Result<(String, T), Loss> {
        loop {
            let message = self.text_of_the_living(patience).await;
            let message = message.map_err(|ended| Loss {
                fault: lost("while it waits for an event", &ended.how),
                is_refusal: ended.is_refusal,
            })?;
            if let Some(event) = event(&message) {
                return Ok(event);
            }
        }
    }

    /// Does nothing for a while but to answer pings; then there must still be somebody.
    pub(super) async fn keep_quiet(
        &mut self,
        idle: Duration,
        patience: Duration,
    ) -> Result<((), String), Fault> {
        let begin = Instant::now();
        let quiet = timeout(idle, async {
            loop {
                if let Err(ended) = self.text().await {
                    return ended;
                }
            }
        });
        if let Ok(Ended { how, .. }) = quiet.await {
            return Err(hung_up(begin.elapsed(), &how));
        }
        match timeout(patience, self.barrier()).await {
            Ok(Ok(())) => {
                let what = format!(
                    "still connected after {idle:?} without an event, with {} pings of pushd's",
                    self.pings
                );
                Ok(((), what))
            }
            Ok(Err(Ended { how, .. })) => Err(hung_up(idle, &how)),
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

    /// Pings a server that is silent.
    async fn text_of_the_living(&mut self, patience: Patience) -> Result<Utf8Bytes, Ended> {
        loop {
            let message = match timeout(patience.silence, self.next()).await {
                Ok(message) => message?,
                Err(_) => {
                    self.send(Message::Ping("alive?".into())).await?;
                    let answer = patience.answer;
                    let silent = |_| format!("no answer to a ping within {answer:?}");
                    timeout(answer, self.next()).await.map_err(silent)??
                }
            };
            if let Incoming::Text(text) = message {
                return Ok(text);
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, Ended> {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Pong(_))) => Ok(Incoming::Pong),
            Some(Ok(Message::Ping(_))) => {
                // The library answers it.
                self.pings += 1;
                Ok(Incoming::Other)
            }
            Some(Ok(Message::Close(frame))) => Err(Ended {
                is_refusal: frame
                    .as_ref()
                    .is_some_and(|frame| REFUSALS.contains(&frame.code.into())),
                how: frame.map_or_else(
                    || "close frame".to_owned(),
                    |frame| format!("close frame {frame}"),
                ),
            }),
            Some(Ok(_)) => Ok(Incoming::Other),
            Some(Err(error)) => Err(with_causes(&error).into()),
            None => Err("the connection was closed".to_owned().into()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        self.socket
            .send(message)
            .await
            .map_err(|error| with_causes(&error).into())
    }
}

/// An EVENT; whatever else comes is none.
#[derive(Deserialize)]
struct Event<T>(u64, String, T);

/// Topic and event of an EVENT.
fn event<T: DeserializeOwned>(message: &str) -> Option<(String, T)> {
    match serde_json::from_str(message) {
        Ok(Event(EVENT, topic, event)) => Some((topic, event)),
        _ => None,
    }
}

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
