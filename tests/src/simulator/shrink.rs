//! Many seeds at once, and the smallest plan that still fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::plan::Plan;
use super::run::{Failure, run};
use super::totals::Totals;

/// Runs of a smaller plan before it counts as one that does not fail. The scheduling of processes differs each time.
const TRIES: usize = 3;

/// Most runs for one failure.
const RUNS_MAX: usize = 60;

/// Runs seeds with this number of nodes, several runs at a time. The error is the first failure, with as few steps as possible.
pub fn run_seeds(
    seeds: std::ops::Range<u64>,
    nodes: usize,
    at_once: usize,
    progress: impl Fn(&Totals) + Sync,
) -> Result<Totals, String> {
    let next = AtomicU64::new(seeds.start);
    let has_failed = AtomicBool::new(false);
    let results = Mutex::new((Totals::default(), None));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while !has_failed.load(Ordering::SeqCst) {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let result = run(&Plan::new(seed).with_nodes(nodes));
                    let (totals, failure) = &mut *results.lock().unwrap();
                    match result {
                        Ok(more) => {
                            *totals += more;
                            progress(totals);
                        }
                        Err(found) => {
                            has_failed.store(true, Ordering::SeqCst);
                            failure.get_or_insert(found);
                        }
                    }
                }
            });
        }
    });
    match results.into_inner().unwrap() {
        (totals, None) => Ok(totals),
        (_, Some(failure)) => Err(explain(&failure)),
    }
}

/// Returns the failure, and the command that runs the smallest plan that still fails.
fn explain(failure: &Failure) -> String {
    let (smallest, steps) = shrink(failure);
    let seed = failure.plan.seed;
    let all = failure.plan.steps.len();
    let list: Vec<String> = steps.iter().map(ToString::to_string).collect();
    let only = match steps.len() == all {
        true => String::new(),
        false => format!(" --steps={}", list.join(",")),
    };
    let nodes = match failure.plan.nodes {
        1 => String::new(),
        nodes => format!(" --nodes {nodes}"),
    };
    let smallest = smallest.map_or_else(String::new, |failure| {
        format!("with {} of {all} steps:\n{failure}", steps.len())
    });
    format!("{failure}{smallest}again: cargo xtask soak --seed {seed}{only}{nodes}")
}

/// Removes steps while the run still fails. Returns the last failure and the indexes of its steps.
pub fn shrink(failure: &Failure) -> (Option<Box<Failure>>, Vec<usize>) {
    let plan = &failure.plan;
    let mut steps: Vec<usize> = (0..plan.steps.len()).collect();
    let mut smallest = None;
    let mut runs = 0;
    let mut place = 0;
    while place < steps.len() && runs < RUNS_MAX {
        let mut fewer = steps.clone();
        fewer.remove(place);
        let smaller = plan.with_steps(&fewer);
        let failed = (0..TRIES).find_map(|_| {
            runs += 1;
            run(&smaller).err()
        });
        match failed {
            Some(failure) => {
                smallest = Some(failure);
                steps = fewer;
            }
            None => place += 1,
        }
    }
    (smallest, steps)
}
