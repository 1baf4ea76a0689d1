//! Subscribers that stop to read.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::{Client, Publisher};
use crate::process::{peak, resident};
use crate::scenario::Scenario;
use crate::servers::Server;

/// Bytes of events that are published.
const PUBLISHED_LEN: usize = 10 * 1024 * 1024;
/// Events a second. With fewer, an event is rarely written together with others.
const RATE: u32 = 4000;
/// Time after the last event. pushd drops a browser that reads nothing for 10 s.
const AFTER: Duration = Duration::from_secs(14);

/// Resident memory of the server, in bytes.
#[derive(Debug)]
pub struct Stopped {
    /// Before the first event.
    pub before: u64,
    /// After half of the events.
    pub half: u64,
    /// After the last event.
    pub published: u64,
    /// Some time later.
    pub later: u64,
    /// The highest value.
    pub peak: u64,
}

/// Publishes to subscribers that no longer read.
pub fn run(server: &Server, scenario: Scenario) -> Result<Stopped> {
    let pid = server.pid();
    let mut client = Client::connect(server, scenario)?;
    let mut publisher = Publisher::connect(server)?;
    client.warm_up(&mut publisher)?;
    let before = resident(pid)?;
    let count = (PUBLISHED_LEN / scenario.event_len) as u32;
    let mut publish = |count| -> Result<u64> {
        for _ in 0..count {
            client.publish_next(&mut publisher, None)?;
            thread::sleep(Duration::from_secs(1) / RATE);
        }
        resident(pid)
    };
    let half = publish(count / 2)?;
    let published = publish(count - count / 2)?;
    thread::sleep(AFTER);
    Ok(Stopped {
        before,
        half,
        published,
        later: resident(pid)?,
        peak: peak(pid)?,
    })
}
