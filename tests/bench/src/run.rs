//! One server, one scenario, one run.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::dialect::Publisher;
use crate::client::receipts::{self, Receipts};
use crate::client::stopped::{self, Stopped};
use crate::client::storm::{self, Storm};
use crate::client::{Client, Deliveries};
use crate::process;
use crate::scenario::{Pace, Scenario};
use crate::servers::{Kind, Programs, Server};

/// Pause between connecting or disconnecting, and reading the memory.
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
        /// Most resident memory of the server so far, in bytes.
        peak: u64,
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
    /// Pages came back.
    CameBack(Box<Storm>),
    /// Publishes were confirmed.
    Confirmed(Box<Receipts>),
    /// Subscribers did not read.
    Stopped(Stopped),
}

/// Starts the server, runs the scenario, and stops the server.
pub fn run(
    kind: Kind,
    scenario: Scenario,
    duration: Duration,
    programs: &Programs,
) -> Result<Outcome> {
    if !scenario.suits(kind) {
        bail!("not possible with {}", kind.name());
    }
    let kept = match scenario.pace {
        Pace::Storm => storm::MISSED,
        _ => 0,
    };
    let server = Server::start(kind, programs, kept)?;
    match scenario.pace {
        Pace::Idle => hold(&server, scenario),
        Pace::Rate(_) | Pace::Window(_) => deliver(&server, scenario, duration),
        Pace::Storm => Ok(Outcome::CameBack(Box::new(storm::run(&server, scenario)?))),
        Pace::Receipts(link, window) => {
            let receipts = receipts::run(&server, scenario, link, window, duration)?;
            Ok(Outcome::Confirmed(Box::new(receipts)))
        }
        Pace::Stopped => Ok(Outcome::Stopped(stopped::run(&server, scenario)?)),
    }
}

fn hold(server: &Server, scenario: Scenario) -> Result<Outcome> {
    let pid = server.pid();
    // A server listens before it has loaded all that its first connection needs.
    let first = Scenario {
        topics: 1,
        subscribers: 1,
        ..scenario
    };
    drop(Client::connect(server, first)?);
    thread::sleep(REST);
    let resident = process::resident(pid)?;
    let (cpu, begin) = (process::cpu_time(pid)?, Instant::now());
    let _client = Client::connect(server, scenario)?;
    let took = begin.elapsed();
    thread::sleep(REST);
    Ok(Outcome::Held {
        connections: scenario.connections(),
        resident: process::resident(pid)?.saturating_sub(resident),
        cpu: process::cpu_time(pid)?.saturating_sub(cpu),
        took,
    })
}

fn deliver(server: &Server, scenario: Scenario, duration: Duration) -> Result<Outcome> {
    let pid = server.pid();
    let mut client = Client::connect(server, scenario)?;
    let mut publisher = Publisher::connect(server)?;
    client.warm_up(&mut publisher)?;
    let (cpu, begin) = (process::cpu_time(pid)?, Instant::now());
    let deliveries = client.measure(&mut publisher, || begin.elapsed() >= duration)?;
    Ok(Outcome::Delivered {
        deliveries: Box::new(deliveries),
        cpu: process::cpu_time(pid)?.saturating_sub(cpu),
        peak: process::peak(pid)?,
    })
}
