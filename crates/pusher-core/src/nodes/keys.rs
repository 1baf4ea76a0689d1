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
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let key = |name: &str| format!("{{{prefix}}}:{name}");
        Self {
            prefix: key(""),
            log: key("log"),
            state: key("state"),
            nodes: key("nodes"),
        }
    }

    /// A string: the reply to a node's last batch.
    pub(super) fn batch(&self, node: &str) -> String {
        format!("{}batch:{node}", self.prefix)
    }

    /// A hash: the topics that have subscribers at a node, and their numbers.
    pub(super) fn topics(&self, node: &str) -> String {
        format!("{}topics:{node}", self.prefix)
    }

    /// A string: the positions of a client with a resume value.
    pub(super) fn resume(&self, client: &str) -> String {
        format!("{}resume:{client}", self.prefix)
    }
}
