//! Probes: entries that a node appends and expects to read.
//!
//! They find faults without an error: a reader that gets no entries although the log grows, or a log that was replaced
//! while no node published.

use std::time::Duration;

use redis::{ErrorKind, RedisError};
use tokio::time::{sleep, timeout};

use super::node::Node;
use super::status::Use;
use crate::unix_time::unix_ms;

/// Time between two probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// Time in which a probe must come back after it was appended.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the text of a probe.
pub(super) fn text(node: &Node, number: u64) -> String {
    format!("{}:{number}", node.run)
}

/// Records that a probe was read. It may be that of another node, or of the server before a hand-over.
pub(super) fn arrived(node: &Node, text: &str) {
    let Some((run, number)) = text.split_once(':') else {
        return;
    };
    if run == node.run
        && let Ok(number) = number.parse()
    {
        node.probes.set_arrived(number);
    }
}

/// Waits until a new probe comes back. Everything that was appended before it has come back then, too.
pub(super) async fn round_trip(node: &Node) {
    let next = node.probes.next_number();
    node.probes.hurry();
    node.probes.has_come_back(next).await;
}

/// Sends probes.
pub(super) async fn run(node: &Node) {
    let probes = &node.probes;
    for number in 1.. {
        probes.want(number);
        probes.is_appended(number).await;
        if timeout(TIMEOUT, probes.has_come_back(number)).await.is_ok() {
            node.status.probe_arrived();
            node.counters.redis_probe_time.set(unix_ms() / 1000);
        } else {
            let text = "a probe did not come back";
            node.status
                .fails(Use::Probing, &RedisError::from((ErrorKind::Client, text)));
            probes.set_lost();
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = probes.hurried() => {}
        }
    }
}
