//! Publishers and readers, beside a disk that works, fails or hangs.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::JoinHandle;
use shuttle::{future, thread};

use super::queue::STALLED_LEN_MAX;
use super::shared::Shared;
use super::writer;
use crate::hub::log::Entry;
use crate::store::{Appended, Disk, Store};
use crate::sync::Mutex;

const PUBLISHERS: usize = 2;
const EVENTS_EACH: u64 = 2;
const HEARTBEATS: usize = 3;

/// The hub as far as the log on disk knows it.
struct Hub {
    /// Sequence number of the newest event.
    newest: Mutex<u64>,
    /// Sequence number up to which a browser has seen events.
    seen: Mutex<u64>,
    shared: Arc<Shared>,
    appended: Appended,
}

impl Hub {
    /// Publishes an event that counts for `len` bytes, and waits for its receipt.
    async fn publish(&self, len: usize) {
        let sequence = {
            let mut newest = self.newest.lock();
            *newest += 1;
            let entry = Entry {
                sequence: *newest,
                topic: "t".to_owned(),
                len,
            };
            self.shared.put(&Arc::new(entry), None);
            *newest
        };
        let is_settled = || sequence <= self.shared.settled_until();
        self.shared.until(is_settled).await;
        if !self.shared.is_lost(sequence) {
            let is_appended = self.appended.lock().contains(&sequence);
            assert!(is_appended, "event {sequence} is not written");
        }
        self.read();
    }

    /// Reads the log, as a browser does. Returns the sequence number up to which it sees events.
    fn read(&self) -> u64 {
        let newest = self.newest.lock();
        let visible = self.shared.settled_until().min(*newest);
        let mut seen = self.seen.lock();
        assert!(visible >= *seen, "{visible}: event {} was visible", *seen);
        *seen = visible;
        visible
    }
}

/// The threads of one run.
struct Model {
    disk: Arc<Disk>,
    hub: Arc<Hub>,
    writing: JoinHandle<()>,
}

impl Model {
    /// Starts the writer. Of its calls of `Store::append`, the one with the number `fails_at` fails.
    fn start(fails_at: usize) -> Self {
        let (disk, appended) = (Arc::default(), Appended::default());
        let store = Store::new(&disk, &appended, fails_at);
        let shared = Arc::new(Shared::new(&store, 0, Arc::default()));
        let hub = Arc::new(Hub {
            newest: Mutex::default(),
            seen: Mutex::default(),
            shared: shared.clone(),
            appended,
        });
        let writing = thread::spawn(move || writer::run(shared, store));
        Self { disk, hub, writing }
    }

    /// Starts publishers of events that count for `len` bytes.
    fn publish(&self, len: usize) -> Vec<JoinHandle<()>> {
        let publishers = (0..PUBLISHERS).map(|_| {
            let hub = self.hub.clone();
            thread::spawn(move || {
                future::block_on(async {
                    for _ in 0..EVENTS_EACH {
                        hub.publish(len).await;
                    }
                });
            })
        });
        publishers.collect()
    }

    /// Ends the writer. Every event is written then, or known as lost.
    fn end(self) {
        let hub = &self.hub;
        let top = *hub.newest.lock();
        hub.shared.queue.end(Some(top));
        future::block_on(hub.shared.until(|| hub.shared.queue.has_ended()));
        assert!(hub.read() == top && !hub.shared.queue.is_stalled());
        let appended = hub.appended.lock();
        for sequence in 1..=top {
            assert!(
                appended.contains(&sequence) || hub.shared.is_lost(sequence),
                "event {sequence} is lost in silence"
            );
        }
        drop(appended);
        self.writing.join().unwrap();
    }
}

/// Runs the model with events of this length, beside a heartbeat that may find that the disk takes too long.
fn run(len: usize, fails_at: usize) {
    let model = Model::start(fails_at);
    let publishers = model.publish(len);
    let heartbeat = {
        let hub = model.hub.clone();
        thread::spawn(move || {
            for _ in 0..HEARTBEATS {
                hub.shared.check(Duration::ZERO);
                hub.read();
            }
        })
    };
    for thread in publishers.into_iter().chain([heartbeat]) {
        thread.join().unwrap();
    }
    model.end();
}

#[test]
fn every_publisher_learns_what_became_of_its_event() {
    crate::check(|| run(1, usize::MAX));
}

#[test]
fn an_event_that_could_not_be_written_is_known_as_lost() {
    for fails_at in 1..=3 {
        crate::check(move || run(1, fails_at));
    }
}

/// Two events are more than may wait for a disk that does not answer.
#[test]
fn events_that_a_stalled_disk_cannot_take_are_known_as_lost() {
    crate::check(|| run(STALLED_LEN_MAX / 2 + 1, usize::MAX));
}

#[test]
fn nobody_waits_for_a_disk_that_hangs() {
    crate::check(|| {
        let model = Model::start(usize::MAX);
        model.disk.hang();
        let publishers = model.publish(1);
        let hub = model.hub.clone();
        while *hub.newest.lock() < PUBLISHERS as u64 * EVENTS_EACH {
            hub.shared.check(Duration::ZERO);
            thread::yield_now();
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        model.disk.answer();
        model.end();
    });
}
