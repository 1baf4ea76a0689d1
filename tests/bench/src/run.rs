//! One server, one scenario, one run.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::client::dialect::Publisher;
use crate::client::{Client, Deliveries};
use crate::process;
use crate::scenario::{Pace, Scenario};
use crate::servers::{Kind, Programs, Server};

/// Pause between connecting and reading the memory.
const REST: Duration = Duration::from_millis(500);

/// The result of a run.
#[derive(Debug)]
pub enum Outcome {
    /// Events were delivered.
    Delivered {
        /// The deliveries.
        deliveries: Box<Deliveries>,
        /// CPU time of the server during the deliveries.
        cpu: Duration,
    },
    /// Idle connections were held.
    Held {
        /// The number of connections.
        connections: usize,
        /// Memory of the server for them, in bytes.
        resident: u64,
        /// CPU time of the server while they connected.
        cpu: Duration,
        /// Time to connect them.
        took: Duration,
    },
}

/// Starts the server, runs the scenario, and stops the server.
pub fn run(
    kind: Kind,
    scenario: Scenario,
    duration: Duration,
    programs: &Programs,
) -> Result<Outcome> {
    let server = Server::start(kind, programs)?;
    let pid = server.pid();
    let resident = process::resident(pid)?;
    let (cpu, begin) = (process::cpu_time(pid)?, Instant::now());
    let mut client = Client::connect(&server, scenario)?;
    let took = begin.elapsed();
    if scenario.pace == Pace::Idle {
        thread::sleep(REST);
        return Ok(Outcome::Held {
            connections: scenario.connections(),
            resident: process::resident(pid)?.saturating_sub(resident),
            cpu: process::cpu_time(pid)?.saturating_sub(cpu),
            took,
        });
    }
    let mut publisher = Publisher::connect(kind, server.publish)?;
    client.warm_up(&mut publisher)?;
    let cpu = process::cpu_time(pid)?;
    let deliveries = client.measure(&mut publisher, duration)?;
    Ok(Outcome::Delivered {
        deliveries: Box::new(deliveries),
        cpu: process::cpu_time(pid)?.saturating_sub(cpu),
    })
}
