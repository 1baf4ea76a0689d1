//! All pages lose their connections, miss events, and come back at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::setpriority_process;

use super::page::Page;
use super::{Client, DELIVERY_TIMEOUT, Deliveries, Publisher};
use crate::process::{self, cpu_time};
use crate::scenario::{EVENT_LEN, Pace, Scenario};
use crate::servers::Server;

/// Events that each page misses.
pub const MISSED: u64 = 100;
/// Subscribers that stay connected meanwhile, and the events a second that they get.
const OTHERS: usize = 4;
const OTHERS_RATE: u32 = 100;
/// Time in which the deliveries to the others are measured without a storm.
const QUIET: Duration = Duration::from_secs(1);
/// The server has noticed that all connections are cut if it uses less than a tenth of a processor.
const CALM_WAIT: Duration = Duration::from_millis(200);
const CALM_TIMEOUT: Duration = Duration::from_secs(20);

/// The result of a storm.
#[derive(Debug)]
pub struct Storm {
    /// Connections that came back.
    pub connections: usize,
    /// CPU time of the server for the same connections without missed events.
    pub reconnect_cpu: Duration,
    /// CPU time of the server for the storm.
    pub cpu: Duration,
    /// Time from the first connection attempt to the last missed event.
    pub took: Duration,
    /// Most resident memory of the server so far, in bytes.
    pub peak: u64,
    /// The missed events.
    pub missed: Deliveries,
    /// Deliveries to the others before the storm.
    pub quiet: Deliveries,
    /// Deliveries to the others in the storm.
    pub others: Deliveries,
}

/// Runs the storm on a server that was just started.
pub fn run(server: &Server, scenario: Scenario) -> Result<Storm> {
    let phase = Phase::default();
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let deliveries = others(server, &phase);
            phase.set(Phase::OVER); // The main thread must not wait for it.
            deliveries
        });
        let missed = missed(server, scenario, &phase);
        phase.set(Phase::OVER);
        let others = others.join().map_err(|_| anyhow!("a thread panicked"))?;
        // The error of the others may be a consequence.
        let (mut storm, (quiet, others)) = (missed?, others?);
        (storm.quiet, storm.others) = (quiet, others);
        Ok(storm)
    })
}

fn missed(server: &Server, scenario: Scenario, phase: &Phase) -> Result<Storm> {
    let pid = server.pid();
    phase.wait_for(Phase::CONNECT)?;
    // The others publish meanwhile, so the pages get different positions.
    let mut client = Client::connect(server, scenario)?;
    let mut publisher = Publisher::connect(server)?;
    client.settle()?;
    phase.set(Phase::QUIET);
    thread::sleep(QUIET);
    phase.set(Phase::CUT);
    client.cut();
    wait_until_calm(pid)?;
    let cpu = cpu_time(pid)?;
    client.come_back()?;
    client.settle()?;
    let reconnect_cpu = cpu_time(pid)?.saturating_sub(cpu);
    client.cut();
    for _ in 0..MISSED * scenario.topics as u64 {
        client.publish_next(&mut publisher, None)?;
    }
    wait_until_calm(pid)?;
    phase.set(Phase::STORM);
    let cpu = cpu_time(pid)?;
    let took = client.come_back()?;
    phase.set(Phase::OVER);
    // A doubled event may follow.
    client.settle()?;
    Ok(Storm {
        connections: scenario.connections(),
        reconnect_cpu,
        cpu: cpu_time(pid)?.saturating_sub(cpu),
        took,
        peak: process::peak(pid)?,
        missed: client.deliveries,
        quiet: Deliveries::new()?,
        others: Deliveries::new()?,
    })
}

impl Client<'_> {
    /// Closes all connections.
    fn cut(&mut self) {
        let pages = self.subscribers.drain(..);
        self.away.extend(pages.map(|subscriber| subscriber.page));
        self.upgraded = 0;
        scramble(self.away.make_contiguous());
    }

    /// Connects all pages at once, and waits until each has the events that it missed. Returns the time for that.
    fn come_back(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        self.open_all_at_once()?;
        while self.deliveries.lost() > 0 && self.receive(DELIVERY_TIMEOUT)? {}
        Ok(begin.elapsed())
    }
}

/// Puts the pages into an order in which neighbours have subscribed at different times. Always the same order.
fn scramble(pages: &mut [Page]) {
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for last in (1..pages.len()).rev() {
        // Xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        pages.swap(last, (random % (last as u64 + 1)) as usize);
    }
}

/// Waits until the server uses nearly no CPU time.
fn wait_until_calm(pid: u32) -> Result<()> {
    let end = Instant::now() + CALM_TIMEOUT;
    loop {
        let before = cpu_time(pid)?;
        thread::sleep(CALM_WAIT);
        if cpu_time(pid)?.saturating_sub(before) < CALM_WAIT / 10 {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("the server is busy although it has nothing to do");
        }
    }
}

/// Measures deliveries to a few other subscribers, without and in the storm.
fn others(server: &Server, phase: &Phase) -> Result<(Deliveries, Deliveries)> {
    // Its short work must not wait for the other thread's. Without the permission it does.
    let _ = setpriority_process(None, -15);
    let scenario = Scenario {
        name: "others",
        title: "others",
        topics: 1,
        subscribers: OTHERS,
        event_len: EVENT_LEN,
        pace: Pace::Rate(OTHERS_RATE),
    };
    let mut client = Client::connect_to(server, scenario, "other")?;
    let mut publisher = Publisher::connect(server)?;
    client.warm_up(&mut publisher)?;
    phase.set(Phase::CONNECT);
    let mut during = |number| client.measure(&mut publisher, || !phase.is(number));
    during(Phase::CONNECT)?;
    let quiet = during(Phase::QUIET)?;
    during(Phase::CUT)?;
    Ok((quiet, during(Phase::STORM)?))
}

/// What both threads are doing.
#[derive(Debug, Default)]
struct Phase(AtomicUsize);

impl Phase {
    const CONNECT: usize = 1;
    const QUIET: usize = 2;
    const CUT: usize = 3;
    const STORM: usize = 4;
    const OVER: usize = 5;

    /// Phases never go back.
    fn set(&self, phase: usize) {
        self.0.fetch_max(phase, Ordering::SeqCst);
    }

    fn is(&self, phase: usize) -> bool {
        self.0.load(Ordering::SeqCst) == phase
    }

    fn wait_for(&self, phase: usize) -> Result<()> {
        while self.0.load(Ordering::SeqCst) < phase {
            thread::sleep(Duration::from_millis(10));
        }
        self.is(phase)
            .then_some(())
            .context("the other subscribers could not connect")
    }
}
