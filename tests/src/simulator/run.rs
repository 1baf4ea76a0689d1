//! One run of a plan.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::{self, ScopedJoinHandle};

use super::STOPPED;
use super::check;
use super::client::Subscriber;
use super::director::Director;
use super::plan::Plan;
use super::position::Position;
use super::publish_connection::position;
use super::publisher;
use super::record::{End, Observations, Record, Sent};
use super::shared::Shared;
use super::totals::Totals;
use super::world::World;
use crate::relay::Relay;

/// Most errors in a message, because one bug often causes thousands.
const SHOWN_MAX: usize = 10;

/// A run in which a promise was broken.
#[derive(Debug)]
pub struct Failure {
    /// The plan.
    pub plan: Plan,
    /// The broken promises.
    pub errors: Vec<String>,
    /// The end of the daemon's log.
    pub log: String,
}

/// Runs a plan and checks what happened.
pub fn run(plan: &Plan) -> Result<Totals, Box<Failure>> {
    let mut world = World::default();
    // A panic is a failed run, too: the harness panics if the daemon does not start, for instance.
    let outcome = catch_unwind(AssertUnwindSafe(|| perform(plan, &mut world)));
    let mut errors = match outcome {
        Ok(Ok(record)) => {
            let errors = check::errors(&record, &plan.settings);
            if errors.is_empty() {
                return Ok(Totals::of(&record));
            }
            if let Some(path) = std::env::var_os("SIMULATOR_RECORD") {
                let _unwritable = std::fs::write(path, format!("{record:#?}"));
            }
            errors
        }
        Ok(Err(errors)) => errors,
        Err(panic) => vec![panic_text(&*panic)],
    };
    errors.extend(world.panics());
    Err(Box::new(Failure {
        plan: plan.clone(),
        errors,
        log: world.log(),
    }))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a text"))
}

/// Runs the plan. The error has everything that went wrong before the check.
fn perform(plan: &Plan, world: &mut World) -> Result<Record, Vec<String>> {
    world.start(plan).map_err(|error| vec![error])?;
    let web = world.web();
    let shared = Shared::new(world.publish(), plan.publishers);
    let begin = position(&shared, 0).map_err(|error| vec![error])?;
    let addresses = web.iter().cycle().take(plan.subscribers.len());
    let relays: Vec<Relay> = addresses.map(|&address| Relay::start(address)).collect();
    let channels = plan.subscribers.iter().map(|_| mpsc::channel());
    let (commands, receivers): (Vec<_>, Vec<_>) = channels.unzip();
    let receivers = receivers.into_iter().enumerate();
    let subscribers = receivers.map(|(index, commands)| Subscriber {
        shared: &shared,
        index,
        plan: &plan.subscribers[index],
        flaw: plan.flaw.filter(|flaw| flaw.subscriber == index),
        address: relays[index].address,
        begin,
        commands,
    });
    let mut director = Director {
        plan,
        shared: &shared,
        world,
        web,
        relays: &relays,
        commands,
        sent: Vec::new(),
        ending: Vec::new(),
    };
    let seen = run_threads(&mut director, subscribers.collect());
    let sent = director.sent;
    world.assert_running();
    seen.into_record(plan, begin, world, sent)
}

/// The results of all threads of a run.
struct Seen {
    ends: Result<Vec<End>, String>,
    published: Vec<Result<Vec<Sent>, String>>,
    subscribers: Vec<Result<Observations, String>>,
}

impl Seen {
    /// Returns the record, with the events that the director `sent`. The error has the errors of all threads.
    fn into_record(
        self,
        plan: &Plan,
        begin: Position,
        world: &World,
        mut sent: Vec<Sent>,
    ) -> Result<Record, Vec<String>> {
        let mut errors = Vec::new();
        let mut note = |error| errors.push(error);
        let ends = self.ends.map_err(&mut note).unwrap_or_default();
        for result in self.published {
            sent.extend(result.map_err(&mut note).unwrap_or_default());
        }
        let subscribers = self.subscribers.into_iter();
        let subscribers = subscribers.filter_map(|result| result.map_err(&mut note).ok());
        let subscribers = subscribers.collect();
        // These have their reason in another error.
        errors.sort_by_key(|error| error.ends_with(STOPPED));
        if !errors.is_empty() {
            return Err(errors);
        }
        let has_disk_failure = plan.has_disk_failure();
        let is_shared = plan.nodes > 1;
        Ok(Record {
            begin,
            sent,
            subscribers,
            ends,
            starts: world.starts,
            epochs_max: if is_shared {
                1 + world.lost_logs
            } else if plan.settings.has_state_dir && !has_disk_failure {
                1
            } else {
                world.starts
            },
            is_shared,
            has_lost_log: has_disk_failure || world.lost_logs > 0,
            forgets_ids: has_disk_failure || plan.settings.history.is_small(),
        })
    }
}

fn run_threads(director: &mut Director<'_>, subscribers: Vec<Subscriber<'_>>) -> Seen {
    let (plan, shared) = (director.plan, director.shared);
    thread::scope(|scope| {
        let spawn_reader =
            |subscriber: Subscriber<'_>| guarded(shared, move || subscriber.follow());
        let reading: Vec<_> = subscribers
            .into_iter()
            .map(|subscriber| scope.spawn(move || spawn_reader(subscriber)))
            .collect();
        let publish = |index| guarded(shared, || publisher::publish(shared, plan, index));
        let publishing: Vec<_> = (0..plan.publishers)
            .map(|index| scope.spawn(move || publish(index)))
            .collect();
        let directed = guarded(shared, || director.run_phases());
        let published = join_all(publishing);
        let ends = directed.and_then(|()| guarded(shared, || director.publish_ends()));
        if let Ok(ends) = &ends {
            let _once = shared.ends.set(ends.clone());
        }
        Seen {
            ends,
            published,
            subscribers: join_all(reading),
        }
    })
}

fn join_all<T>(threads: Vec<ScopedJoinHandle<'_, Result<T, String>>>) -> Vec<Result<T, String>> {
    let threads = threads.into_iter();
    threads
        .map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| Err(panic_text(&*panic)))
        })
        .collect()
}

/// Makes a panic an error. If there is an error, the other threads stop.
fn guarded<T>(shared: &Shared, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = catch_unwind(AssertUnwindSafe(work));
    let result = result.unwrap_or_else(|panic| Err(panic_text(&*panic)));
    if result.is_err() {
        shared.fail();
    }
    result
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.errors[..self.errors.len().min(SHOWN_MAX)];
        writeln!(f, "seed {}: {} errors", self.plan.seed, self.errors.len())?;
        for error in shown {
            writeln!(f, "- {error}")?;
        }
        writeln!(
            f,
            "--- plan\n{}--- pushd's log\n{}\n---",
            self.plan, self.log
        )
    }
}
