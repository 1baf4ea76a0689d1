//! Probes: entries that a node appends and expects to read.
//!
//! They find what no error reports: a reader that gets nothing although the log grows, or a log that was replaced while
//! nobody published.

use std::time::Duration;

use redis::{ErrorKind, RedisError};
use tokio::time::sleep;

use super::node::Node;
use super::status::Use;
use crate::unix_time::unix_ms;

/// Time between two probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// Returns the text of a probe.
pub(super) fn text(node: &Node, number: u64) -> String {
    format!("{}:{number}", node.id)
}

/// Records that a probe was read. It may be that of another node.
pub(super) fn arrived(node: &Node, text: &str) {
    let Some((id, number)) = text.split_once(':') else {
        return;
    };
    if id == node.id
        && let Ok(number) = number.parse()
    {
        node.probes.set_arrived(number);
    }
}

/// Sends probes.
pub(super) async fn run(node: &Node) {
    let probes = &node.probes;
    for number in 1.. {
        probes.want(number);
        probes.is_appended(number).await;
        if probes.has_arrived(number).await {
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
