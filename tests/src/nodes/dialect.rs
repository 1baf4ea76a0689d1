//! The protocols of followers.

use std::net::SocketAddr;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event_stream::EventStream;
use super::heard::{Heard, position, wrong};
use crate::simulator::{Arrival, Lost, Position, WebClient, element};

/// A protocol that recovers missed events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `pushd.1`.
    Pushd1,
    /// Server-Sent Events.
    EventStream,
    /// WAMP v1 with this number in its resume value.
    Resumed(usize),
}

/// A client of one of them. It keeps its position from connection to connection.
pub(super) struct Client {
    dialect: Dialect,
    topic: String,
    /// The position that its site gave it.
    begin: String,
    /// It has everything up to here.
    at: Option<Position>,
    is_subscribed: bool,
    socket: Option<WebClient>,
    stream: Option<EventStream>,
}

impl Client {
    pub(super) fn new(dialect: Dialect, topic: &str, begin: &str) -> Self {
        Self {
            dialect,
            topic: topic.to_owned(),
            begin: begin.to_owned(),
            at: Position::parse(begin).ok(),
            is_subscribed: false,
            socket: None,
            stream: None,
        }
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    /// Drops the connection, without a word to the daemon.
    pub(super) fn lose(&mut self) {
        self.socket = None;
        self.stream = None;
        self.is_subscribed = false;
    }

    pub(super) fn connect(&mut self, address: SocketAddr) -> Result<(), Lost> {
        let topic = &self.topic;
        let (path, subprotocol) = match self.dialect {
            Dialect::EventStream => {
                let stream = EventStream::connect(address, topic, &self.begin, self.at)?;
                self.stream = Some(stream);
                return Ok(());
            }
            Dialect::Pushd1 => ("/".to_owned(), "pushd.1"),
            Dialect::Resumed(number) => (
                format!("/?resume=the-value-of-page-{number}&since={}", self.begin),
                "wamp",
            ),
        };
        let mut socket = WebClient::connect(address, &path, subprotocol)?;
        match self.dialect {
            Dialect::Pushd1 => {
                let since = self.at.ok_or_else(|| wrong("no position"))?;
                socket.send(&json!([5, topic, {"since": since.to_string()}]))?;
            }
            _ => {
                socket.send(&json!([5, topic]))?;
                // The daemon answers in order.
                socket.ping(0)?;
            }
        }
        self.socket = Some(socket);
        Ok(())
    }

    /// Handles what arrives within a short time.
    pub(super) fn receive(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        if let Some(stream) = &mut self.stream {
            let received = stream.receive(heard);
            self.is_subscribed = stream.is_open();
            if let Some(at) = stream.at() {
                self.at = Some(at);
            }
            return received;
        }
        match self.socket.as_mut().ok_or(Lost::Ended)?.receive()? {
            Arrival::Elements(elements) => self.take(&elements, heard),
            Arrival::Pong(_) => {
                self.is_subscribed = true;
                Ok(())
            }
            Arrival::Nothing => Ok(()),
        }
    }

    fn take(&mut self, elements: &[Box<RawValue>], heard: &mut Vec<Heard>) -> Result<(), Lost> {
        let text = |index: usize| element::<String>(elements, index);
        match element::<u64>(elements, 0)? {
            8 if text(1)? == "pushd:gap" => {
                let gap: Value = element(elements, 2)?;
                let at = position(gap["position"].as_str().unwrap_or_default())?;
                heard.push(Heard::Gap(at));
            }
            8 => {
                let position = self.event_position(elements)?;
                let payload = element(elements, 2)?;
                heard.push(Heard::Event { position, payload });
            }
            9 => {
                let top = position(&text(2)?)?;
                let is_recovered: bool = element(elements, 3)?;
                let replayed: u64 = element(elements, 4)?;
                self.is_subscribed = true;
                if !is_recovered {
                    heard.push(Heard::Gap(top));
                }
                // Otherwise events come first, which are in the same epoch.
                if replayed == 0 {
                    self.at = Some(top);
                }
            }
            10 => {
                let at = position(&text(2)?)?;
                self.at = Some(at);
                heard.push(Heard::Gap(at));
            }
            0 | 12 => {}
            other => return Err(wrong(format!("message of type {other}"))),
        }
        Ok(())
    }

    fn event_position(&mut self, elements: &[Box<RawValue>]) -> Result<Option<Position>, Lost> {
        if self.dialect != Dialect::Pushd1 {
            return Ok(None);
        }
        let at = self
            .at
            .ok_or_else(|| wrong("an event before SUBSCRIBED"))?
            .at(element(elements, 3)?);
        self.at = Some(at);
        Ok(Some(at))
    }
}
