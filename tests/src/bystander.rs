//! A subscriber and a publisher that must not notice the misbehaviour of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::publisher::Publisher;
use crate::resources::Resources;
use crate::wamp::Wamp;

/// Pause between two events. There are enough events for a worst case, and the load stays low.
const EVERY: Duration = Duration::from_millis(5);

const TOPIC: &str = "bystander";

/// Publishes and receives one event after another, in a thread of its own.
#[derive(Debug)]
pub struct Bystander {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// The bystander's measurements.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    /// The number of received events.
    pub events: usize,
    /// The longest time from a publish to its event.
    pub slowest: Duration,
    /// The largest CPU time of the daemon, on all processors, during the delivery of one event. Unlike the elapsed
    /// time, it does not depend on other processes of the machine.
    pub most_work: Duration,
}

impl Bystander {
    /// Starts the thread.
    #[track_caller]
    pub fn start(daemon: &Daemon) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let subscriber = Wamp::subscribed(daemon.web, TOPIC);
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(b"[1,1]");
        assert_eq!(publisher.answer()[0], 2);
        let over = Arc::clone(&is_over);
        let resources = Resources::of(daemon.process.pid());
        let thread = thread::spawn(move || watch(&over, subscriber, publisher, resources));
        Self { is_over, thread }
    }

    /// Stops after one more event.
    ///
    /// # Panics
    /// If an event or a receipt is missing.
    #[track_caller]
    pub fn end(self) -> Seen {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        let seen = self.thread.join();
        seen.unwrap_or_else(|_| panic!("the bystander missed an event"))
    }
}

fn watch(
    is_over: &AtomicBool,
    mut subscriber: Wamp,
    mut publisher: Publisher,
    resources: Resources,
) -> Seen {
    let mut seen = Seen::default();
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        let (began, worked) = (Instant::now(), resources.cpu());
        publisher.send(format!("[3,{0},\"{TOPIC}\",{0}]", seen.events).as_bytes());
        assert_eq!(subscriber.event(TOPIC), seen.events, "in order");
        seen.slowest = seen.slowest.max(began.elapsed());
        seen.most_work = seen.most_work.max(resources.cpu().saturating_sub(worked));
        let receipt = publisher.answer();
        assert_eq!(
            (&receipt[0], &receipt[3]),
            (&4.into(), &1.into()),
            "{receipt}"
        );
        seen.events += 1;
        if is_last {
            return seen;
        }
        thread::park_timeout(EVERY);
    }
}
