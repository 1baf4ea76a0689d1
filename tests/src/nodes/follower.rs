//! A client that follows one topic, and goes on at another daemon when it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use xtask::process::wait_until;

use super::dialect::{Client, Dialect};
use super::heard::Heard;
use super::load::Published;
use crate::WAIT_MS;
use crate::daemon::Daemon;
use crate::simulator::{Lost, POLL};

/// Time limit for an event or a gap to arrive, also after Redis was away, in ms.
const HEAR_MS: u64 = 4 * WAIT_MS;

/// The client. It ends when this value is dropped.
#[derive(Debug)]
pub struct Follower {
    /// Its protocol.
    pub dialect: Dialect,
    shared: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    address: SocketAddr,
    /// Number of orders to connect.
    wanted: usize,
    /// The last order that led to a subscription.
    subscribed: usize,
    /// Number of connections so far.
    connections: usize,
    heard: Vec<Heard>,
    error: Option<String>,
    is_ending: bool,
}

impl Follower {
    /// Connects to a daemon, and subscribes behind a position.
    #[track_caller]
    pub fn start(dialect: Dialect, address: SocketAddr, topic: &str, since: &str) -> Self {
        let shared = Arc::new(Mutex::new(State {
            address,
            wanted: 1,
            subscribed: 0,
            connections: 0,
            heard: Vec::new(),
            error: None,
            is_ending: false,
        }));
        let mut client = Client::new(dialect, topic, since);
        let its = Arc::clone(&shared);
        let follower = Self {
            dialect,
            shared,
            thread: Some(thread::spawn(move || follow(&mut client, &its))),
        };
        follower.wait_until_subscribed();
        follower
    }

    /// Starts a client of each protocol at each node.
    #[track_caller]
    pub fn at_each(nodes: &[Daemon], topic: &str, since: &str) -> Vec<Self> {
        let nodes = nodes.iter().enumerate();
        let followers = nodes.map(|(page, node)| Self::one_of_each(node.web, topic, since, page));
        followers.flatten().collect()
    }

    /// Starts a client of each protocol. `page` makes the resume value.
    #[track_caller]
    pub fn one_of_each(address: SocketAddr, topic: &str, since: &str, page: usize) -> Vec<Self> {
        let dialects = [
            Dialect::Pushd1,
            Dialect::EventStream,
            Dialect::Resumed(page),
        ];
        let start = |dialect| Self::start(dialect, address, topic, since);
        dialects.into_iter().map(start).collect()
    }

    /// Loses the connection, and connects to this address.
    pub fn move_to(&self, address: SocketAddr) {
        let mut state = self.shared.lock().unwrap();
        state.address = address;
        state.wanted += 1;
    }

    /// Connects to this address when the present connection is lost.
    pub fn move_later_to(&self, address: SocketAddr) {
        self.shared.lock().unwrap().address = address;
    }

    /// Waits until the daemon that it was moved to has subscribed it.
    #[track_caller]
    pub fn wait_until_subscribed(&self) {
        self.wait("is subscribed", |state| state.subscribed == state.wanted);
    }

    /// Waits until it has heard an event, or of a gap behind it.
    #[track_caller]
    pub fn wait_for(&self, wanted: &Published) {
        self.wait(&format!("has heard {wanted:?}"), |state| {
            state.heard.iter().rev().any(|heard| match heard {
                Heard::Event { payload, .. } => *payload == wanted.payload,
                Heard::Gap(at) => *at >= wanted.position,
            })
        });
    }

    /// Waits until it has heard of this many gaps.
    #[track_caller]
    pub fn wait_for_gaps(&self, count: usize) {
        self.wait(&format!("has heard of {count} gaps"), |state| {
            gaps(&state.heard) >= count
        });
    }

    /// Returns the number of gaps that it has heard of.
    pub fn gaps(&self) -> usize {
        gaps(&self.heard())
    }

    /// Returns the number of its connections so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().unwrap().connections
    }

    /// Returns the events and gaps that it has heard.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.lock().unwrap().heard.clone()
    }

    /// Returns the events that it has heard.
    pub fn payloads(&self) -> Vec<u64> {
        let heard = self.heard();
        let events = heard.iter().filter_map(|heard| match heard {
            Heard::Event { payload, .. } => Some(*payload),
            Heard::Gap(_) => None,
        });
        events.collect()
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let is_so = wait_until(HEAR_MS, || {
            let state = self.shared.lock().unwrap();
            state.error.is_some() || is_so(&state)
        });
        let state = self.shared.lock().unwrap();
        assert_eq!(state.error, None, "{:?}", self.dialect);
        let last = state.heard.len().saturating_sub(5);
        assert!(
            is_so,
            "not after {HEAR_MS} ms: a follower ({:?}) {what}; it has {} events, the last are {:?}",
            self.dialect,
            state.heard.len(),
            &state.heard[last..]
        );
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // A test that fails in a waiting follower must not fail again here.
        if let Ok(mut state) = self.shared.lock() {
            state.is_ending = true;
        }
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn gaps(heard: &[Heard]) -> usize {
    let gaps = heard.iter().filter(|heard| matches!(heard, Heard::Gap(_)));
    gaps.count()
}

/// Connects again and again, until the follower ends.
fn follow(client: &mut Client, shared: &Mutex<State>) {
    loop {
        let (address, wanted) = {
            let state = shared.lock().unwrap();
            if state.is_ending || state.error.is_some() {
                return;
            }
            (state.address, state.wanted)
        };
        let lost = match client.connect(address) {
            Ok(()) => listen(client, shared, wanted),
            Err(lost) => lost,
        };
        if let Lost::Wrong(text) = lost {
            shared.lock().unwrap().error = Some(text);
        }
        client.lose();
        thread::sleep(POLL);
    }
}

/// Listens until the connection ends, or another one is wanted.
fn listen(client: &mut Client, shared: &Mutex<State>, wanted: usize) -> Lost {
    shared.lock().unwrap().connections += 1;
    loop {
        let mut heard = Vec::new();
        let received = client.receive(&mut heard);
        let mut state = shared.lock().unwrap();
        state.heard.extend(heard);
        if client.is_subscribed() {
            state.subscribed = wanted;
        }
        if let Err(lost) = received {
            return lost;
        }
        if state.is_ending || state.wanted != wanted {
            return Lost::Ended;
        }
    }
}
