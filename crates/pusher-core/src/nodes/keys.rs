//! The keys in Redis.

/// The keys of the nodes with one prefix.
#[derive(Debug)]
pub(super) struct Keys {
    /// `{PREFIX}:`
    pub(super) prefix: String,
    /// A stream: the log.
    pub(super) log: String,
    /// A hash: `epoch`, the last `sequence` number, and the `server` whose epoch it is.
    pub(super) state: String,
    /// A sorted set of the nodes, by the Unix times in ms at which their leases end.
    pub(super) nodes: String,
    /// A sorted set of revoked users, by the Unix times in seconds up to which their tickets have ended.
    pub(super) revoked: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let key = |name: &str| format!("{{{prefix}}}:{name}");
        Self {
            prefix: key(""),
            log: key("log"),
            state: key("state"),
            nodes: key("nodes"),
            revoked: key("revoked"),
        }
    }

    /// A string: the reply to the last batch of a node's run.
    pub(super) fn batch(&self, run: &str) -> String {
        format!("{}batch:{run}", self.prefix)
    }

    /// A string: the number of the last call that a node's run has shared its users with.
    pub(super) fn last_share(&self, run: &str) -> String {
        format!("{}share:{run}", self.prefix)
    }

    /// A string: the number of the last report of subscribers of a node's run.
    pub(super) fn last_report(&self, run: &str) -> String {
        format!("{}report:{run}", self.prefix)
    }

    /// A hash: the topics that have subscribers at a node, and their numbers.
    pub(super) fn topics(&self, node: &str) -> String {
        format!("{}topics:{node}", self.prefix)
    }

    /// A hash: the members of a topic, with the nodes at which they are.
    pub(super) fn members(&self, topic: &str) -> String {
        format!("{}members:{topic}", self.prefix)
    }

    /// A string: the positions of a client with a resume value.
    pub(super) fn resume(&self, client: &str) -> String {
        format!("{}resume:{client}", self.prefix)
    }
}
