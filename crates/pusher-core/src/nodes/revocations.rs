//! Revoked users, which all nodes know.
//!
//! A node keeps a revocation in Redis, and then tells the others by an event of the log. So a node that starts later, or that
//! missed the event, finds it.

use std::time::Duration;

use pusher_proto::limits::{TICKET_LEEWAY_S, TICKET_TTL_S_MAX};
use redis::RedisResult;
use tokio::time::{sleep, timeout};

use super::node::Node;
use super::status::Use;
use crate::tickets::Revocation;
use crate::unix_time::unix_s;

/// Time between two loads of all revocations.
const INTERVAL: Duration = Duration::from_secs(60);

/// Time until the next attempt after one that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Most revocations of one command.
const CHUNK: usize = 10_000;

/// Loads revocations for as long as the node runs.
pub(super) async fn run(node: &Node) {
    loop {
        match load(node).await {
            Ok(()) => {
                node.status.set_revocations_loaded();
                sleep(INTERVAL).await;
            }
            Err(error) => {
                tracing::debug!(%error, "cannot load the revoked users");
                if !node.status.has_revocations() {
                    // The reader waits for them.
                    node.status.fails(Use::Reading, &error);
                }
                sleep(RETRY).await;
            }
        }
    }
}

/// Loads all revocations. If Redis has lost some, gives it those that this node knows.
async fn load(node: &Node) -> RedisResult<()> {
    let mut loaded = 0;
    loop {
        let mut range = redis::pipe();
        let last = loaded + CHUNK - 1;
        range.zrange_withscores(&node.keys.revoked, loaded as isize, last as isize);
        let asked = node.connection.ask(&node.connector, &range, None).await;
        let (found,): (Vec<(String, f64)>,) = asked?;
        let is_last = found.len() < CHUNK;
        loaded += found.len();
        for (sub, before_s) in found {
            // Untrusted input: every client with write access to Redis can add a number.
            let before_s = before_s.clamp(0.0, 1e15) as u64;
            let revocation = Revocation { sub, before_s };
            if let Err(error) = node.hub.tickets().revoke(&revocation) {
                tracing::error!("{error}");
                return Ok(());
            }
        }
        if is_last {
            break;
        }
    }
    let known = node.hub.tickets().revocations();
    if loaded < known.len() {
        for chunk in known.chunks(CHUNK) {
            add(node, chunk).await?;
        }
    }
    Ok(())
}

impl Node {
    /// Keeps a revocation for all nodes.
    pub(crate) async fn save_revocation(&self, revocation: &Revocation) -> Result<(), String> {
        let added = add(self, std::slice::from_ref(revocation));
        let saved = timeout(self.live.limits().redis_wait, added);
        match saved.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("Redis has not kept the revocation: {error}")),
            Err(_) => Err("Redis did not answer in time".to_owned()),
        }
    }
}

/// Adds revocations, and removes those that no ticket can need.
async fn add(node: &Node, revocations: &[Revocation]) -> RedisResult<()> {
    let memory_s = TICKET_TTL_S_MAX + 2 * TICKET_LEEWAY_S;
    let key = &node.keys.revoked;
    let mut add = redis::cmd("ZADD");
    add.arg(key).arg("GT");
    for Revocation { sub, before_s } in revocations {
        add.arg(before_s).arg(sub);
    }
    let mut pipeline = redis::pipe();
    let last_s = unix_s().saturating_sub(memory_s);
    pipeline.add_command(add).ignore();
    pipeline.zrembyscore(key, 0, last_s).ignore();
    node.connection.ask(&node.connector, &pipeline, None).await
}
