//! The server side of a run: one daemon, or several nodes with one log in Redis.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::disaster::RedisDisaster;
use super::plan::Plan;
use super::state::{Damage, StateDir};
use crate::daemon::{Daemon, Stopped};
use crate::nodes::redis::Redis;

/// Most lines of each daemon's log in a failure.
const LOG_LINES_MAX: usize = 10;

/// The servers of a run. Without nodes, it has not started.
#[derive(Default)]
pub(super) struct World {
    /// `None` only while it is down.
    nodes: Vec<Option<Daemon>>,
    /// `None` for one daemon with a log of its own, and while it is down.
    redis: Option<Redis>,
    /// The directory of the log, if one daemon keeps it over a restart.
    pub(super) state: Option<StateDir>,
    /// Starts of daemons so far.
    pub(super) starts: usize,
    /// Number of times that Redis lost the log.
    pub(super) lost_logs: usize,
}

/// Returns an address of this machine on which no other daemon listens. A run starts its daemons again on the same ports,
/// so no other socket may take them meanwhile. Sockets that connect use 127.0.0.1.
fn own_address() -> String {
    static DAEMONS: AtomicUsize = AtomicUsize::new(0);
    let daemon = DAEMONS.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id() as usize;
    let part = |number: usize| 1 + number % 250;
    format!(
        "127.{}.{}.{}:0",
        part(daemon),
        part(process),
        part(process / 250 + daemon / 250)
    )
}

impl World {
    /// Starts the servers of a plan.
    pub(super) fn start(&mut self, plan: &Plan) -> Result<(), String> {
        let mut steps = plan.steps.iter();
        let is_small = steps.any(|step| step.disaster.needs_small_disk());
        let state = plan.settings.has_state_dir.then(|| StateDir::new(is_small));
        self.state = state.transpose()?;
        self.redis = (plan.nodes > 1).then(Redis::start);
        let state = self.state.iter();
        let state = state.map(|state| format!("--state-dir={}", state.path().display()));
        let redis = self.redis.iter();
        let redis = redis.map(|redis| format!("--redis={}", redis.url()));
        let flags: Vec<String> = state.chain(redis).collect();
        let flags = plan.settings.flags.iter().chain(&flags);
        let flags: Vec<&str> = flags.map(String::as_str).collect();
        for _ in 0..plan.nodes {
            let address = own_address();
            let node = Daemon::start_at(&address, &address, &flags);
            self.nodes.push(Some(node));
            self.starts += 1;
        }
        Ok(())
    }

    /// Returns the public listeners.
    pub(super) fn web(&self) -> Vec<SocketAddr> {
        self.nodes.iter().flatten().map(|node| node.web).collect()
    }

    /// Returns the publish listeners.
    pub(super) fn publish(&self) -> Vec<SocketAddr> {
        let nodes = self.nodes.iter().flatten();
        nodes.map(|node| node.publish).collect()
    }

    /// Returns the log lines about panics.
    pub(super) fn panics(&self) -> Vec<String> {
        let logs: Vec<String> = self.nodes.iter().flatten().map(Daemon::log).collect();
        let lines = logs.iter().flat_map(|log| log.lines());
        let panics = lines.filter(|line| line.contains("panicked"));
        panics.map(str::to_owned).collect()
    }

    /// Returns the end of each daemon's log.
    pub(super) fn log(&self) -> String {
        let end = |node: &Daemon| {
            let log = node.log();
            let skipped = log.lines().count().saturating_sub(LOG_LINES_MAX);
            let lines: Vec<&str> = log.lines().skip(skipped).collect();
            lines.join("\n")
        };
        let ends: Vec<String> = self.nodes.iter().flatten().map(end).collect();
        ends.join("\n--- the next node's log\n")
    }

    /// Panics if a daemon has ended.
    pub(super) fn assert_running(&mut self) {
        self.nodes
            .iter_mut()
            .flatten()
            .for_each(Daemon::assert_running);
    }

    /// Stops a node (SIGSTOP) for this time.
    pub(super) fn freeze(&mut self, node: usize, ms: u64) -> Result<(), String> {
        let daemon = self.nodes[node].as_mut().ok_or("the daemon is down")?;
        daemon.freeze();
        thread::sleep(Duration::from_millis(ms));
        daemon.thaw();
        Ok(())
    }

    /// Ends a node, and starts it again after this time.
    pub(super) fn restart(
        &mut self,
        node: usize,
        end: fn(Daemon) -> Stopped,
        down_ms: u64,
        damage: Option<Damage>,
    ) -> Result<(), String> {
        let mut daemon = self.nodes[node].take().ok_or("the daemon is down")?;
        daemon.assert_running();
        let stopped = end(daemon);
        if let (Some(state), Some(damage)) = (&self.state, damage) {
            let damaged = state.damage(damage);
            damaged.map_err(|error| format!("{damage:?}: {error}"))?;
        }
        thread::sleep(Duration::from_millis(down_ms));
        self.nodes[node] = Some(stopped.start_again());
        self.starts += 1;
        Ok(())
    }

    /// Carries out a disaster of Redis.
    pub(super) fn disturb_redis(&mut self, disaster: RedisDisaster) -> Result<(), String> {
        let mut redis = self.redis.take().ok_or("Redis is down")?;
        match disaster {
            RedisDisaster::KillClients => redis.kill_clients(),
            RedisDisaster::Freeze { ms } => {
                redis.freeze();
                thread::sleep(Duration::from_millis(ms));
                redis.thaw();
            }
            RedisDisaster::Kill { down_ms } => {
                let stopped = redis.kill();
                thread::sleep(Duration::from_millis(down_ms));
                redis = stopped.start_again();
                self.lost_logs += 1;
            }
            RedisDisaster::Flush => {
                redis.call(&["FLUSHALL"]);
                self.lost_logs += 1;
            }
        }
        self.redis = Some(redis);
        Ok(())
    }
}
