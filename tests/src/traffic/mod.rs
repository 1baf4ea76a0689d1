//! Many concurrent publishers and subscribers, some of which disconnect during a write, and a daemon that is stopped
//! and continued. The result is a [`History`].

mod publishers;
mod run;
mod subscribers;

use std::sync::atomic::Ordering;
use std::thread;

use xtask::process::wait_until;

use crate::WAIT_MS;
use crate::daemon::Daemon;
use crate::history::History;
use crate::publisher::Publisher;
use crate::wamp::Wamp;
use run::Run;

/// The size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The seed of all random decisions. The scheduling of threads adds its own randomness.
    pub seed: u64,
    /// Number of topics.
    pub topics: usize,
    /// Number of subscribers that stay from before the first publish to after the last. Each subscribes to every
    /// topic.
    pub staying: usize,
    /// Number of concurrent subscribers that come and go.
    pub passing: usize,
    /// Number of concurrent publishers.
    pub publishers: usize,
    /// Smallest number of events that each publisher sends.
    pub publishes: usize,
    /// Number of times that the daemon is stopped and continued.
    pub freezes: usize,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The history, to be checked.
    pub history: History,
    /// Time from each publish to each staying subscriber, in microseconds, in no order.
    pub latencies_us: Vec<u64>,
}

/// Runs the plan. At the end, every staying subscriber has read the last event of every topic.
#[track_caller]
pub fn run(daemon: &mut Daemon, plan: &Plan) -> Outcome {
    let topics = (0..plan.topics).map(|topic| format!("{}/{topic}", plan.seed));
    let run = &Run::new(daemon.web, daemon.publish, topics.collect());
    let staying: Vec<Wamp> = (0..plan.staying)
        .map(|_| subscribers::subscribed_to_all(run))
        .collect();
    let seed = |index: usize| plan.seed * 1000 + index as u64;
    thread::scope(|scope| {
        let staying: Vec<_> = staying
            .into_iter()
            .enumerate()
            .map(|(index, wamp)| scope.spawn(move || subscribers::stay(run, index, wamp)))
            .collect();
        let passing: Vec<_> = (0..plan.passing)
            .map(|index| scope.spawn(move || subscribers::pass(run, index, seed(index))))
            .collect();
        let publishing: Vec<_> = (0..plan.publishers)
            .map(|index| scope.spawn(move || publishers::publish(run, seed(index), plan.publishes)))
            .collect();
        freeze(run, daemon, plan);
        let mut outcome = Outcome::default();
        let publishes = publishing
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        outcome.history.publishes = publishes.collect();
        run.is_over.store(true, Ordering::SeqCst);
        outcome
            .history
            .publishes
            .extend(publishers::publish_ends(run));
        for thread in staying {
            let (readings, latencies_us) = thread.join().unwrap();
            outcome.history.readings.extend(readings);
            outcome.latencies_us.extend(latencies_us);
        }
        for thread in passing {
            outcome.history.readings.extend(thread.join().unwrap());
        }
        outcome
    })
}

/// Stops and continues the daemon several times. Publishers that connect meanwhile are served afterwards.
fn freeze(run: &Run, daemon: &mut Daemon, plan: &Plan) {
    let all = plan.publishers * plan.publishes;
    for part in 1..=plan.freezes {
        let so_far = part * all / (plan.freezes + 1);
        let reached = wait_until(2 * WAIT_MS, || {
            run.published.load(Ordering::Relaxed) >= so_far
        });
        assert!(reached, "nothing is published any more");
        daemon.freeze();
        let mut early: Vec<_> = (0..3).map(|_| Publisher::connect(run.publish)).collect();
        for publisher in &mut early {
            publisher.send(b"[1,1]");
        }
        daemon.thaw();
        for publisher in &mut early {
            assert_eq!(publisher.answer()[0], 2);
        }
    }
}
