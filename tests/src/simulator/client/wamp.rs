//! A subscriber with plain WAMP v1, as an unmodified client, and a resume value in its address.

use serde_json::json;
use serde_json::value::RawValue;

use super::super::event::event_id;
use super::super::notebook::Notebook;
use super::super::position::Position;
use super::super::record::{From, Note};
use super::super::subscriber_plan::TOPICS;
use super::subscriber::{Client, Lost, Subscriber};
use super::web_socket::{Arrival, WebClient, element};

/// The topic on which the daemon reports gaps.
const GAP_TOPIC: &str = "pushd:gap";

pub(super) struct Wamp<'a> {
    run: &'a Subscriber<'a>,
    /// The position in the page's address. Without one, nobody could tell the page of a gap after a restart.
    begin: Position,
    /// Number of the page.
    page: usize,
    socket: Option<WebClient>,
    /// Topics whose subscriptions began anew, and the orders for that. The pong to the last ping shows that the daemon has
    /// processed them.
    unsettled: Vec<usize>,
    orders: usize,
    pings: u64,
    /// Number of the last ping that was answered.
    ponged: u64,
    has_begun: bool,
}

impl<'a> Wamp<'a> {
    pub(super) fn new(run: &'a Subscriber<'a>) -> Self {
        Self {
            run,
            begin: run.begin,
            page: 0,
            socket: None,
            unsettled: Vec::new(),
            orders: 0,
            pings: 0,
            ponged: 0,
            has_begun: false,
        }
    }

    fn socket(&mut self) -> Result<&mut WebClient, Lost> {
        self.socket.as_mut().ok_or(Lost::Ended)
    }

    fn ping(&mut self) -> Result<(), Lost> {
        self.pings += 1;
        let number = self.pings;
        self.socket()?.ping(number)
    }

    fn take(&mut self, elements: &[Box<RawValue>], book: &mut Notebook) -> Result<(), Lost> {
        match element::<u64>(elements, 0)? {
            0 => return Ok(()),
            8 if elements.len() == 3 => {}
            _ => return Err(Lost::Wrong(format!("not WAMP v1: {elements:?}"))),
        }
        let name: String = element(elements, 1)?;
        if name == GAP_TOPIC {
            let gap: serde_json::Value = element(elements, 2)?;
            let topic = own_topic(gap["topic"].as_str().unwrap_or_default())?;
            let position = gap["position"].as_str().unwrap_or_default();
            book.gap(&[topic], Position::parse(position).map_err(Lost::Wrong)?);
            return Ok(());
        }
        let id = event_id(elements[2].get()).map_err(Lost::Wrong)?;
        book.event(own_topic(&name)?, id, None);
        Ok(())
    }
}

fn own_topic(name: &str) -> Result<usize, Lost> {
    let index = TOPICS.iter().position(|topic| *topic == name);
    index.ok_or_else(|| Lost::Wrong(format!("unknown topic {name:?}")))
}

impl Client for Wamp<'_> {
    fn connect(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        self.socket = None;
        let (index, page, begin) = (self.run.index, self.page, self.begin);
        let path = format!("/?resume=value-of-page-{page}-of-{index}&since={begin}");
        self.socket = Some(WebClient::connect(self.run.address, &path, "wamp")?);
        book.connected();
        for &topic in &self.run.plan.topics {
            if !self.has_begun {
                book.begin(topic, From::Position(begin));
            }
            self.socket()?.send(&json!([5, TOPICS[topic]]))?;
        }
        self.has_begun = true;
        self.ping()
    }

    fn receive(&mut self, book: &mut Notebook) -> Result<(), Lost> {
        match self.socket()?.receive()? {
            Arrival::Elements(elements) => self.take(&elements, book),
            Arrival::Nothing => Ok(()),
            Arrival::Pong(number) => {
                self.ponged = number;
                if self.ponged == self.pings {
                    self.run.shared.settle(std::mem::take(&mut self.orders));
                    for topic in std::mem::take(&mut self.unsettled) {
                        book.begin(topic, From::Before(self.run.shared.tick()));
                    }
                }
                Ok(())
            }
        }
    }

    /// A script sees no pings. When the machine's network has changed, the browser closes the connection.
    fn probe(&mut self) -> Result<(), Lost> {
        Err(Lost::Ended)
    }

    fn leave(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.close();
        }
        self.socket = None;
    }

    fn become_new(&mut self, begin: Option<Position>, book: &mut Notebook) {
        // The site may have rendered the page long before.
        self.begin = begin.unwrap_or(self.run.begin);
        self.page += 1;
        self.has_begun = false;
        self.unsettled.clear();
        self.run.shared.settle(std::mem::take(&mut self.orders));
        for &topic in &self.run.plan.topics {
            book.new_page(topic, Some(self.begin));
        }
    }

    fn resubscribe(&mut self, own: usize, book: &mut Notebook) -> Result<(), Lost> {
        let topic = self.run.plan.topics[own];
        book.notes.push(Note::Left { topic });
        if !self.unsettled.contains(&topic) {
            self.unsettled.push(topic);
        }
        self.orders += 1;
        let socket = self.socket()?;
        socket.send(&json!([6, TOPICS[topic]]))?;
        socket.send(&json!([5, TOPICS[topic]]))?;
        self.ping()
    }

    fn begin_barrier(&mut self) -> Result<(), Lost> {
        self.ping()
    }

    fn is_barrier_passed(&self) -> bool {
        self.ponged == self.pings
    }
}
