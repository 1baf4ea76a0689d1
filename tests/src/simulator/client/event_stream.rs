//! A subscriber with Server-Sent Events, which keeps its place as a browser's `EventSource` does.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::event::event_id;
use super::super::notebook::Notebook;
use super::super::position::Position;
use super::super::record::{From, Note};
use super::super::subscriber_plan::TOPICS;
use super::super::{POLL, WAIT};
use super::received::Received;
use super::subscriber::{Client, Lost, Subscriber};

/// Longest time until the head of the answer.
const HEAD_MAX: Duration = Duration::from_secs(2);

pub(super) struct EventStream<'a> {
    run: &'a Subscriber<'a>,
    /// The position in the page's address of the stream.
    begin: Option<Position>,
    /// The last `id`.
    last: Option<Position>,
    stream: Option<TcpStream>,
    received: Received,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first block is due, which has the position only.
    First,
    /// The place is another one than asked for, so a gap is due.
    Gap,
    Open,
}

/// One block of the stream.
#[derive(Debug, Default)]
struct Block {
    event: String,
    id: Option<String>,
    data: Option<String>,
}

/// The data of an event of a stream with several topics.
#[derive(Deserialize)]
struct TopicEvent {
    topic: String,
    event: Box<RawValue>,
}

fn wrong(text: impl std::fmt::Display) -> Lost {
    Lost::Wrong(text.to_string())
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl<'a> EventStream<'a> {
    pub(super) fn new(run: &'a Subscriber<'a>) -> Self {
        Self {
            run,
            begin: run.plan.has_position.then_some(run.begin),
            last: None,
            stream: None,
            received: Received::default(),
            state: State::First,
        }
    }

    fn target(&self) -> String {
        let topics = self.run.plan.topics.iter();
        let topics: Vec<_> = topics
            .map(|&topic| format!("topic={}", escaped(TOPICS[topic])))
            .collect();
        let since = self.begin.map(|begin| format!("&since={begin}"));
        let since = since.unwrap_or_default();
        format!("/some/folder/events?{}{since}", topics.join("&"))
    }

    /// Returns the position that the stream must continue from.
    fn wanted(&self) -> Option<Position> {
        self.last.or(self.begin)
    }

    fn read(&mut self) -> Result<(), Lost> {
        let stream = self.stream.as_mut().ok_or(Lost::Ended)?;
        self.received.read_from(stream)
    }

    fn take(&mut self, block: Block, book: &mut Notebook) -> Result<(), Lost> {
        let Some(id) = &block.id else {
            // Only the delay before a reconnect, or a comment.
            return match block.data {
                None => Ok(()),
                Some(_) => Err(wrong(format!("no id: {block:?}"))),
            };
        };
        let position = Position::parse(id).map_err(Lost::Wrong)?;
        let topics = &self.run.plan.topics;
        match (self.state, &*block.event, &block.data) {
            (State::First, "position", _) => self.begin(position, book),
            (State::Open, "position", _) => {
                for &topic in topics {
                    book.notes.push(Note::Quiet { topic, position });
                }
                self.last = Some(position);
            }
            (_, "gap", Some(_)) if self.state != State::First => {
                book.gap(topics, position);
                self.last = Some(position);
                self.state = State::Open;
            }
            (State::Open, "", Some(data)) => {
                let (topic, id) = self.event(data)?;
                if self.last.is_some_and(|last| {
                    (last.epoch, last.sequence + 1) > (position.epoch, position.sequence)
                }) {
                    let last = self.last;
                    return Err(wrong(format!("event {id} at {position} after {last:?}")));
                }
                book.event(topic, id, Some(position));
                self.last = Some(position);
            }
            (state, _, _) => return Err(wrong(format!("in state {state:?}: {block:?}"))),
        }
        Ok(())
    }

    fn begin(&mut self, position: Position, book: &mut Notebook) {
        // Until the gap is reported, the old place counts.
        if self.wanted().is_some_and(|wanted| wanted != position) {
            self.state = State::Gap;
            return;
        }
        self.state = State::Open;
        self.last = Some(position);
        for &topic in &self.run.plan.topics {
            book.begin(topic, From::Position(position));
        }
    }

    /// Returns the topic and the id of an event.
    fn event(&self, data: &str) -> Result<(usize, u64), Lost> {
        let topics = &self.run.plan.topics;
        if let [topic] = topics[..] {
            return Ok((topic, event_id(data).map_err(Lost::Wrong)?));
        }
        let event: TopicEvent = serde_json::from_str(data).map_err(wrong)?;
        let mut topics = topics.iter();
        let topic = topics.find(|&&topic| TOPICS[topic] == event.topic);
        let topic = *topic.ok_or_else(|| wrong(format!("not asked for: {}", event.topic)))?;
        Ok((topic, event_id(event.event.get()).map_err(Lost::Wrong)?))
    }
}

impl Block {
    /// Reads the lines of a block as a browser does.
    fn read(text: &str) -> Result<Self, Lost> {
        let mut block = Self::default();
        for line in text.split('\n') {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "id" => block.id = Some(value.to_owned()),
                "event" => value.clone_into(&mut block.event),
                "data" => match &mut block.data {
                    Some(data) => *data += &format!("\n{value}"),
                    None => block.data = Some(value.to_owned()),
                },
                "retry" | "" => {}
                _ => return Err(wrong(format!("unknown field in {text:?}"))),
            }
        }
        Ok(block)
    }
}

impl Client for EventStream<'_> {
    fn connect(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        self.stream = None;
        self.received.clear();
        self.state = State::First;
        let ended = |_| Lost::Ended;
        let mut stream = TcpStream::connect_timeout(&self.run.address, WAIT).map_err(ended)?;
        stream.set_read_timeout(Some(POLL)).map_err(ended)?;
        stream.set_write_timeout(Some(HEAD_MAX)).map_err(ended)?;
        let last = self
            .last
            .map(|last| format!("Last-Event-ID: {last}\r\n"))
            .unwrap_or_default();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n{last}\r\n",
            self.target()
        );
        stream.write_all(head.as_bytes()).map_err(ended)?;
        self.stream = Some(stream);
        let begun = Instant::now();
        let head = loop {
            if let Some(head) = self.received.take_until(b"\r\n\r\n")? {
                break head;
            }
            self.read()?;
            if begun.elapsed() > HEAD_MAX {
                return Err(Lost::Ended);
            }
        };
        match head.split(' ').nth(1) {
            Some("200") => {}
            // The daemon is about to end.
            Some("503") => return Err(Lost::Ended),
            _ => return Err(wrong(head)),
        }
        book.connected();
        Ok(())
    }

    fn receive(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        while let Some(text) = self.received.take_until(b"\n\n")? {
            self.take(Block::read(&text)?, book)?;
        }
        self.read()
    }

    /// A page opens its stream again when the network has changed.
    fn probe(&mut self) -> Result<(), Lost> {
        Err(Lost::Ended)
    }

    fn leave(&mut self) {
        self.stream = None;
    }

    fn become_new(&mut self, begin: Option<Position>, book: &mut Notebook) {
        self.last = None;
        self.begin = begin;
        for &topic in &self.run.plan.topics {
            book.new_page(topic, begin);
        }
    }

    fn resubscribe(&mut self, _topic: usize, _book: &mut Notebook) -> Result<(), Lost> {
        self.run.shared.settle(1);
        Err(Lost::Ended)
    }

    /// A stream has no questions and answers.
    fn begin_barrier(&mut self) -> Result<(), Lost> {
        Ok(())
    }

    fn is_barrier_passed(&self) -> bool {
        self.state == State::Open
    }
}
