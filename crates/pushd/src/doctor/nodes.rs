//! The daemons that share a log in Redis, as one of them sees them.

use std::time::Duration;

use pusher_core::RedisReport;
use serde::Deserialize;

use super::fault::Fault;
use super::publish::{self, Publisher};

/// Age of a probe above which the daemon does not read the log. It sends one every 10 s.
const PROBE_AGE_MAX: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Status {
    redis: Option<Nodes>,
}

/// The daemon's part of `/status.json`.
#[derive(Deserialize)]
struct Nodes {
    address: String,
    failure: Option<String>,
    node: String,
    nodes: Vec<String>,
    probe_age_ms: Option<u64>,
}

/// Checks the running daemon's connection to Redis, and the age of its last probe. `told` is the report of the Redis server.
pub(super) async fn check(
    publisher: &Publisher,
    told: &RedisReport,
    patience: Duration,
) -> Result<((), String), Fault> {
    let status: Status = publish::status(publisher, patience).await?;
    let address = &publisher.address;
    let Some(nodes) = status.redis else {
        return Err(Fault::new(
            "redis-unused",
            format!("pushd at {address} does not use Redis"),
            "It was started without the setting redis: restart it. Or is another pushd meant (--publish-address)?",
        ));
    };
    judge(&nodes, told).map(|what| ((), what))
}

fn judge(nodes: &Nodes, told: &RedisReport) -> Result<String, Fault> {
    let Nodes {
        address,
        failure,
        node,
        nodes,
        probe_age_ms,
    } = nodes;
    if let Some(failure) = failure {
        return Err(Fault::new(
            "redis-node",
            format!("pushd uses {address}: {failure}"),
            "pushd tries again by itself. If the first step is `ok`, the difference is the user that runs pushd, its \
             environment or its machine, or a setting that was changed without a restart.",
        ));
    }
    let age = probe_age_ms.map(Duration::from_millis);
    let Some(age) = age.filter(|age| *age <= PROBE_AGE_MAX) else {
        let last = age.map_or_else(|| "never".to_owned(), |age| format!("{age:?} ago"));
        return Err(Fault::new(
            "redis-probe",
            format!("the last probe that pushd wrote to Redis and read again came back: {last}"),
            "pushd appends an entry every 10 s and must read it again. Its log, and that of Redis, may say more.",
        ));
    };
    if let Some(others) = &told.nodes
        && !others.contains(node)
    {
        return Err(Fault::new(
            "redis-other",
            format!(
                "pushd uses {address}, and is not among the nodes of the Redis in these settings"
            ),
            "It uses another server, database or redis-prefix: restart it, so that it reads the settings.",
        ));
    }
    let age = age.as_millis();
    Ok(match nodes.len() {
        0 | 1 => format!("pushd is the only node, its last probe came back {age} ms ago"),
        count => format!("{count} nodes see each other, the last probe came back {age} ms ago"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(failure: Option<&str>, probe_age_ms: Option<u64>, others: &[&str]) -> String {
        let nodes = Nodes {
            address: "redis://h".to_owned(),
            failure: failure.map(str::to_owned),
            node: "a".to_owned(),
            nodes: vec!["a".to_owned(), "b".to_owned()],
            probe_age_ms,
        };
        let mut told = RedisReport::default();
        told.nodes = Some(others.iter().map(ToString::to_string).collect());
        match judge(&nodes, &told) {
            Ok(what) => what,
            Err(fault) => fault.code.to_owned(),
        }
    }

    #[test]
    fn nodes_are_judged() {
        let ok = "2 nodes see each other, the last probe came back 9000 ms ago";
        assert_eq!(code(None, Some(9000), &["a", "b"]), ok);
        assert_eq!(code(Some("refused"), Some(1), &["a"]), "redis-node");
        assert_eq!(code(None, Some(31_000), &["a"]), "redis-probe");
        assert_eq!(code(None, None, &["a"]), "redis-probe");
        assert_eq!(code(None, Some(1), &["b"]), "redis-other");
    }
}
