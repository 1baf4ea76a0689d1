//! Carries out the disasters of a plan.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use xtask::process::wait_until;

use super::client::Command;
use super::disaster::{Disaster, Step};
use super::plan::Plan;
use super::publisher::Publisher;
use super::record::{End, Fate, Sent};
use super::shared::Shared;
use super::world::World;
use super::{STOPPED, WAIT};
use crate::daemon::Daemon;
use crate::relay::Relay;

pub(super) struct Director<'a> {
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
    pub(super) world: &'a mut World,
    /// The public listeners of all nodes.
    pub(super) web: Vec<SocketAddr>,
    /// One for each subscriber.
    pub(super) relays: &'a [Relay],
    pub(super) commands: Vec<Sender<Command>>,
    /// Events that the director published.
    pub(super) sent: Vec<Sent>,
    /// Disasters that last, and the phases before which they end.
    pub(super) ending: Vec<(usize, Disaster)>,
}

fn until(what: &str, condition: impl FnMut() -> bool) -> Result<(), String> {
    let wait_ms = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
    match wait_until(wait_ms, condition) {
        true => Ok(()),
        false => Err(format!("not after {WAIT:?}: {what}")),
    }
}

impl Director<'_> {
    /// Runs all phases, and ends all disasters.
    pub(super) fn run_phases(&mut self) -> Result<(), String> {
        let subscribers = self.commands.len();
        self.until("all subscribers are ready", |shared| {
            shared.ready() == subscribers
        })?;
        for phase in 0..self.plan.phases {
            let before = self.shared.sent();
            self.shared.allow(self.plan.events_per_phase);
            let half = self.plan.publishers * self.plan.events_per_phase / 2;
            self.until("half of the events of a phase are sent", |shared| {
                shared.sent() >= before + half
            })?;
            self.end_disasters(phase);
            let steps = self.plan.steps.iter().filter(|step| step.phase == phase);
            for step in steps {
                self.begin(step)?;
            }
        }
        self.end_disasters(usize::MAX);
        self.until("all have subscribed again", Shared::is_settled)
    }

    fn until(&self, what: &str, condition: impl Fn(&Shared) -> bool) -> Result<(), String> {
        until(what, || condition(self.shared) || self.shared.is_failed())?;
        match self.shared.is_failed() {
            true => Err(STOPPED.to_owned()),
            false => Ok(()),
        }
    }

    fn begin(&mut self, step: &Step) -> Result<(), String> {
        // Each step leads the clients that connect again to other nodes.
        for (index, relay) in self.relays.iter().enumerate() {
            relay.redirect(self.web[(step.node + index) % self.web.len()]);
        }
        match step.disaster {
            Disaster::Cut(subscriber) => self.relays[subscriber].reset(),
            Disaster::HalfOpen(subscriber, direction) => self.relays[subscriber].forget(direction),
            Disaster::Slow(subscriber) => self.relays[subscriber].hold(),
            Disaster::Leave(subscriber) => self.order(subscriber, Command::Leave),
            Disaster::Resubscribe { subscriber, topic } => {
                self.shared.unsettle();
                self.order(subscriber, Command::Resubscribe(topic));
            }
            Disaster::CutPublisher(publisher) => {
                self.shared.cuts[publisher].store(true, Ordering::SeqCst);
            }
            Disaster::Freeze { ms } => self.world.freeze(step.node, ms)?,
            Disaster::Redis(disaster) => self.world.disturb_redis(disaster)?,
            Disaster::NewPage(subscriber) => {
                self.shared.unsettle();
                self.order(subscriber, Command::NewPage);
            }
            Disaster::Terminate { down_ms, damage } => {
                self.world
                    .restart(step.node, Daemon::terminate, down_ms, damage)?;
            }
            Disaster::Kill { down_ms, damage } => {
                self.world
                    .restart(step.node, Daemon::kill, down_ms, damage)?;
            }
            Disaster::FullDisk => self.world.state.iter().for_each(|state| state.fill()),
            Disaster::Burst { topic, events, len } => {
                let index = self.plan.publishers + 1 + self.sent.len();
                let burst = Publisher::new(self.shared, index);
                let sent = burst.publish_all(topic, std::iter::repeat_n(len, events))?;
                self.sent.extend(sent);
            }
        }
        self.ending
            .push((step.phase + step.lasts + 1, step.disaster.clone()));
        Ok(())
    }

    /// Ends the disasters that last until this phase.
    fn end_disasters(&mut self, phase: usize) {
        for (_, disaster) in self.ending.extract_if(.., |(until, _)| *until <= phase) {
            match disaster {
                Disaster::HalfOpen(subscriber, _) => {
                    let _ended = self.commands[subscriber].send(Command::Probe);
                }
                Disaster::Slow(subscriber) => self.relays[subscriber].release(),
                Disaster::FullDisk => self.world.state.iter().for_each(|state| state.free()),
                _ => {}
            }
        }
    }

    fn order(&self, subscriber: usize, command: Command) {
        // If the subscriber has failed, the run ends anyway.
        let _ended = self.commands[subscriber].send(command);
    }

    /// Publishes the last event of each topic.
    pub(super) fn publish_ends(&mut self) -> Result<Vec<End>, String> {
        let mut ends = Vec::new();
        for topic in 0..self.plan.topics {
            let index = self.plan.publishers + 1 + self.sent.len();
            let sent = Publisher::new(self.shared, index).publish_all(topic, [1])?;
            for sent in &sent {
                let Fate::Accepted { position, .. } = sent.fate else {
                    return Err(format!("no receipt: {sent:?}"));
                };
                let id = sent.id;
                ends.push(End { id, position });
            }
            self.sent.extend(sent);
        }
        Ok(ends)
    }
}
