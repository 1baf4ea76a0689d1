//! The decisions of a run. The seed makes all of them before the run begins.

use std::fmt;

use super::disaster::Step;
use super::settings::Settings;
use super::subscriber_plan::{Flaw, SubscriberPlan, TOPICS};
use crate::random::Random;

/// What happens in a run, apart from the scheduling of threads and processes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed of all decisions.
    pub seed: u64,
    /// Number of daemons. If it is more than one, they share one log in Redis.
    pub nodes: usize,
    /// The settings of each daemon.
    pub settings: Settings,
    /// Number of topics, the first ones of [`TOPICS`].
    pub topics: usize,
    /// Number of publishers.
    pub publishers: usize,
    /// Number of events that each publisher sends in a phase.
    pub events_per_phase: usize,
    /// One event in this number is large.
    pub large_every: usize,
    /// Length of large events.
    pub large_len: usize,
    /// The subscribers.
    pub subscribers: Vec<SubscriberPlan>,
    /// Number of phases. In each, publishers send some events, and disasters happen meanwhile.
    pub phases: usize,
    /// The disasters, in the order of their phases.
    pub steps: Vec<Step>,
    /// A wrong observation of one subscriber, to prove that the check finds it.
    pub flaw: Option<Flaw>,
}

/// Changes the seed for the decisions about nodes.
const NODES_SEED: u64 = 1 << 40;

impl Plan {
    /// Decides a run.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let topics = 1 + random.below(TOPICS.len());
        let subscribers: Vec<_> = (0..3 + random.below(5))
            .map(|index| SubscriberPlan::new(index, topics, random))
            .collect();
        let phases = 3 + random.below(5);
        let publishers = 1 + random.below(3);
        let mut steps = Vec::new();
        for phase in 0..phases {
            for _ in 0..[0, 1, 1, 2, 3][random.below(5)] {
                let some = Step::some(phase, &subscribers, publishers, topics, random);
                steps.extend(some);
            }
        }
        Self {
            seed,
            nodes: 1,
            settings: Settings::new(topics, random),
            topics,
            publishers,
            events_per_phase: [3, 10, 30, 100][random.below(4)],
            large_every: [5, 20, 1000][random.below(3)],
            large_len: [3_000, 20_000, 100_000][random.below(3)],
            subscribers,
            phases,
            steps,
            flaw: None,
        }
    }

    /// Makes it a run of several nodes with one log in Redis, which fails, too. One node changes nothing.
    #[must_use]
    pub fn with_nodes(mut self, nodes: usize) -> Self {
        if nodes < 2 {
            return self;
        }
        let random = &mut Random::new(self.seed ^ NODES_SEED);
        self.nodes = nodes;
        self.settings.use_redis();
        for phase in 0..self.phases {
            if random.once_in(2) {
                self.steps.push(Step::of_redis(phase, random));
            }
        }
        self.steps.sort_by_key(|step| step.phase);
        for step in &mut self.steps {
            step.node = random.below(nodes);
        }
        self
    }

    /// Whether the disk fails in a way that makes the daemon forget events, or use another epoch.
    pub(super) fn has_disk_failure(&self) -> bool {
        self.settings.has_state_dir && self.steps.iter().any(|step| step.disaster.is_of_disk())
    }

    /// Keeps only the steps with these indexes.
    #[must_use]
    pub fn with_steps(&self, indexes: &[usize]) -> Self {
        let steps = self.steps.iter().enumerate();
        let kept = steps.filter(|(index, _)| indexes.contains(index));
        Self {
            steps: kept.map(|(_, step)| step.clone()).collect(),
            ..self.clone()
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} nodes", self.nodes)?;
        writeln!(f, "settings: {}", self.settings.flags.join(" "))?;
        writeln!(
            f,
            "{} topics, {} phases with {} publishers x {} events, one in {} with {} bytes",
            self.topics,
            self.phases,
            self.publishers,
            self.events_per_phase,
            self.large_every,
            self.large_len
        )?;
        for (index, subscriber) in self.subscribers.iter().enumerate() {
            writeln!(f, "subscriber {index}: {subscriber:?}")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "step {index}: {step:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything() {
        let shown = |seed| Plan::new(seed).to_string();
        assert_eq!(shown(7), shown(7));
        assert_ne!(shown(7), shown(8));
    }

    #[test]
    fn steps_can_be_removed() {
        let plan = (0..).map(Plan::new).find(|plan| plan.steps.len() > 3);
        let plan = plan.unwrap();
        let part = plan.with_steps(&[1, 3]);
        assert_eq!(part.steps, [plan.steps[1].clone(), plan.steps[3].clone()]);
    }
}
