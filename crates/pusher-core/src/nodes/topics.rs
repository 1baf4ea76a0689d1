//! The topics that have subscribers at the other nodes, as these report them: up to some seconds old.

use std::collections::HashMap;

use redis::{RedisResult, cmd, pipe};
use tokio::time::timeout;

use super::node::Node;
use super::presence::LIST_TIMEOUT;

/// Topics of one reply.
const TOPICS_PER_REPLY: usize = 1000;

impl Node {
    /// Returns the number of subscribers that each topic has at the other nodes. `None` if Redis does not answer.
    pub(crate) async fn subscribers_elsewhere(&self, topics: &[&str]) -> Option<Vec<u64>> {
        self.in_time(count(self, topics)).await
    }

    /// Returns the topics with this prefix that have subscribers at the other nodes, with their numbers. May stop at more
    /// than `topics_max` topics. `None` if Redis does not answer.
    pub(crate) async fn topics_elsewhere(
        &self,
        prefix: &str,
        topics_max: usize,
    ) -> Option<HashMap<String, u64>> {
        self.in_time(list(self, prefix, topics_max)).await
    }

    /// Returns the reply, if it comes soon.
    pub(super) async fn in_time<T>(&self, ask: impl Future<Output = RedisResult<T>>) -> Option<T> {
        match timeout(LIST_TIMEOUT, ask).await {
            Ok(Ok(reply)) => Some(reply),
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot read who is subscribed");
                None
            }
            Err(_) => {
                // The connection may hang.
                self.connection.forget().await;
                None
            }
        }
    }

    /// Returns the key of the topics of each other node.
    fn others(&self) -> Vec<String> {
        let nodes = self.state().nodes.into_iter();
        let others = nodes.filter(|node| *node != self.id);
        others.map(|node| self.keys.topics(&node)).collect()
    }
}

async fn count(node: &Node, topics: &[&str]) -> RedisResult<Vec<u64>> {
    let mut sums = vec![0; topics.len()];
    let others = node.others();
    if others.is_empty() || topics.is_empty() {
        return Ok(sums);
    }
    let mut pipeline = pipe();
    for key in others {
        pipeline.cmd("HMGET").arg(key).arg(topics);
    }
    let asked = node.connection.ask(&node.connector, &pipeline, None);
    let counts: Vec<Vec<Option<u64>>> = asked.await?;
    for counts in counts {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count.unwrap_or(0);
        }
    }
    Ok(sums)
}

async fn list(node: &Node, prefix: &str, topics_max: usize) -> RedisResult<HashMap<String, u64>> {
    let mut found = HashMap::new();
    for key in node.others() {
        // A topic may come twice, so the numbers of a node replace each other.
        let mut at_node = HashMap::new();
        let mut cursor = 0;
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(&key).arg(cursor);
            scan.arg("COUNT").arg(TOPICS_PER_REPLY);
            let mut pipeline = pipe();
            pipeline.add_command(scan);
            let asked = node.connection.ask(&node.connector, &pipeline, None);
            let ((next, topics),): ((u64, Vec<(String, u64)>),) = asked.await?;
            // The empty name marks that a node has reported all topics.
            let named = |topic: &str| !topic.is_empty() && topic.starts_with(prefix);
            at_node.extend(topics.into_iter().filter(|(topic, _)| named(topic)));
            if found.len().max(at_node.len()) > topics_max {
                at_node.extend(found);
                return Ok(at_node);
            }
            if next == 0 {
                break;
            }
            cursor = next;
        }
        for (topic, subscribers) in at_node {
            *found.entry(topic).or_default() += subscribers;
        }
    }
    Ok(found)
}
