//! A subscriber with `pushd.1`.

use std::time::{Duration, Instant};

use serde_json::json;
use serde_json::value::RawValue;

use super::super::event::event_id;
use super::super::notebook::Notebook;
use super::super::position::Position;
use super::super::record::{From, Note, Tick};
use super::super::subscriber_plan::TOPICS;
use super::subscriber::{Client, Lost, Subscriber};
use super::web_socket::{Arrival, WebClient, element};

/// Time in which a working connection answers. A connection without an answer is given up, as a page would.
const ANSWER_MAX: Duration = Duration::from_secs(1);

pub(super) struct Pushd1<'a> {
    run: &'a Subscriber<'a>,
    topics: Vec<Topic>,
    socket: Option<WebClient>,
    /// The last ping, and when it was sent. `None` after its answer.
    pinged: Option<(u64, Instant)>,
    pings: u64,
}

struct Topic {
    index: usize,
    /// The client has everything up to here.
    position: Option<Position>,
    state: State,
}

/// The state of a subscription on the present connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Off,
    /// SUBSCRIBED is due.
    Asked {
        at: Tick,
        /// Events of an earlier subscription may still come.
        is_again: bool,
    },
    /// The last `replayed` events before `top` come first.
    On {
        top: Position,
        replayed: u64,
    },
}

impl<'a> Pushd1<'a> {
    pub(super) fn new(run: &'a Subscriber<'a>) -> Self {
        let position = run.plan.has_position.then_some(run.begin);
        let topic = |&index: &usize| Topic {
            index,
            position,
            state: State::Off,
        };
        Self {
            run,
            topics: run.plan.topics.iter().map(topic).collect(),
            socket: None,
            pinged: None,
            pings: 0,
        }
    }

    fn socket(&mut self) -> Result<&mut WebClient, Lost> {
        self.socket.as_mut().ok_or(Lost::Ended)
    }

    fn subscribe(&mut self, own: usize, is_again: bool) -> Result<(), Lost> {
        let at = self.run.shared.tick();
        let topic = &mut self.topics[own];
        topic.state = State::Asked { at, is_again };
        let name = TOPICS[topic.index];
        let message = match topic.position {
            Some(since) => json!([5, name, {"since": since.to_string()}]),
            None => json!([5, name]),
        };
        self.socket()?.send(&message)
    }

    fn topic(&mut self, elements: &[Box<RawValue>]) -> Result<&mut Topic, Lost> {
        let name: String = element(elements, 1)?;
        let mut topics = self.topics.iter_mut();
        let topic = topics.find(|topic| TOPICS[topic.index] == name);
        topic.ok_or_else(|| Lost::Wrong(format!("not subscribed to {name}")))
    }

    fn take(&mut self, elements: &[Box<RawValue>], book: &mut Notebook) -> Result<(), Lost> {
        match element::<u64>(elements, 0)? {
            8 => self.topic(elements)?.event(elements, book),
            9 => {
                let told = self.run.shared.tick();
                self.topic(elements)?.subscribed(elements, told, book)
            }
            10 => {
                let topic = self.topic(elements)?;
                topic.gap(position(elements, 2)?, book);
                Ok(())
            }
            0 | 12 => Ok(()),
            other => Err(Lost::Wrong(format!("message of type {other}"))),
        }
    }
}

impl Topic {
    fn subscribed(
        &mut self,
        elements: &[Box<RawValue>],
        told: Tick,
        book: &mut Notebook,
    ) -> Result<(), Lost> {
        let State::Asked { at: asked, .. } = self.state else {
            return Err(Lost::Wrong(format!("unexpected SUBSCRIBED: {elements:?}")));
        };
        let top = position(elements, 2)?;
        let is_recovered: bool = element(elements, 3)?;
        let replayed: u64 = element(elements, 4)?;
        self.state = State::On { top, replayed };
        let position = top;
        book.notes.push(Note::Top {
            position,
            asked,
            told,
        });
        match self.position {
            Some(since) if is_recovered && since.epoch == top.epoch => {
                book.begin(self.index, From::Position(since));
            }
            Some(_) if !is_recovered && replayed == 0 => self.gap(top, book),
            None if is_recovered && replayed == 0 => book.begin(self.index, From::Position(top)),
            None if is_recovered => {
                let count = replayed;
                book.begin(self.index, From::Latest { position, count });
            }
            _ => {
                let since = self.position;
                let text = format!("impossible SUBSCRIBED with {since:?}: {elements:?}");
                return Err(Lost::Wrong(text));
            }
        }
        if replayed == 0 {
            self.reach(top, book);
        }
        Ok(())
    }

    /// Records that the topic has no more events up to a position.
    fn reach(&mut self, position: Position, book: &mut Notebook) {
        self.position = Some(position);
        let topic = self.index;
        book.notes.push(Note::Quiet { topic, position });
    }

    fn gap(&mut self, position: Position, book: &mut Notebook) {
        self.position = Some(position);
        // Redis may begin a new epoch during a connection. Nothing of the old one follows.
        if let State::On { top, replayed } = &mut self.state
            && top.epoch != position.epoch
        {
            (*top, *replayed) = (position, 0);
        }
        book.gap(&[self.index], position);
    }

    fn event(&mut self, elements: &[Box<RawValue>], book: &mut Notebook) -> Result<(), Lost> {
        let text = elements.get(2).map_or("", |event| event.get());
        let id = event_id(text).map_err(Lost::Wrong)?;
        let sequence: u64 = element(elements, 3)?;
        let (top, replayed) = match &mut self.state {
            State::On { top, replayed } => (*top, replayed),
            State::Asked { is_again: true, .. } => return Ok(()),
            state => return Err(Lost::Wrong(format!("event {id} in state {state:?}"))),
        };
        let position = top.at(sequence);
        self.position = Some(position);
        book.event(self.index, id, Some(position));
        let is_replay = sequence <= top.sequence;
        if is_replay != (*replayed > 0) {
            let text = format!("{replayed} events up to {top} were to come, but not {sequence}");
            return Err(Lost::Wrong(text));
        }
        if is_replay {
            *replayed -= 1;
            if *replayed == 0 {
                self.reach(top, book);
            }
        }
        Ok(())
    }
}

fn position(elements: &[Box<RawValue>], index: usize) -> Result<Position, Lost> {
    let text: String = element(elements, index)?;
    Position::parse(&text).map_err(Lost::Wrong)
}

impl Client for Pushd1<'_> {
    fn connect(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        self.pinged = None;
        self.socket = None;
        self.topics
            .iter_mut()
            .for_each(|topic| topic.state = State::Off);
        self.socket = Some(WebClient::connect(self.run.address, "/", "pushd.1")?);
        book.connected();
        (0..self.topics.len()).try_for_each(|own| self.subscribe(own, false))
    }

    fn receive(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        match self.socket()?.receive()? {
            Arrival::Elements(elements) => self.take(&elements, book)?,
            Arrival::Pong(number) => {
                self.pinged = self.pinged.filter(|(pinged, _)| *pinged != number);
            }
            Arrival::Nothing => {}
        }
        match self.pinged {
            Some((_, at)) if at.elapsed() > ANSWER_MAX => Err(Lost::Ended),
            _ => Ok(()),
        }
    }

    fn probe(&mut self) -> Result<(), Lost> {
        self.pings += 1;
        let number = self.pings;
        self.pinged = Some((number, Instant::now()));
        // A page would only send KEEPALIVE.
        self.socket()?.send(&json!([12]))?;
        self.socket()?.ping(number)
    }

    fn leave(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.close();
        }
        self.socket = None;
    }

    fn become_new(&mut self, begin: Option<Position>, book: &mut Notebook) {
        for topic in &mut self.topics {
            topic.position = begin;
            book.new_page(topic.index, begin);
        }
    }

    fn resubscribe(&mut self, own: usize, book: &mut Notebook) -> Result<(), Lost> {
        // Its position says where it continues, whenever that is.
        self.run.shared.settle(1);
        let topic = self.topics[own].index;
        if !matches!(self.topics[own].state, State::On { .. }) {
            return Ok(());
        }
        book.notes.push(Note::Left { topic });
        self.socket()?.send(&json!([6, TOPICS[topic]]))?;
        self.subscribe(own, true)
    }

    fn begin_barrier(&mut self) -> Result<(), Lost> {
        self.probe()
    }

    fn is_barrier_passed(&self) -> bool {
        let is_on = |topic: &Topic| matches!(topic.state, State::On { .. });
        self.pinged.is_none() && self.topics.iter().all(is_on)
    }
}
