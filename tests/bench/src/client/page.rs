//! A page of the benchmark, over all its connections.

/// A page that is, or will be, connected.
#[derive(Debug)]
pub(super) struct Page {
    /// Its number among all pages.
    pub(super) number: usize,
    /// Its topic.
    pub(super) topic: String,
    /// The position of its first subscription in the server's log. It presents this position when it connects again.
    pub(super) since: Option<String>,
    /// The number of the next event.
    pub(super) next: u64,
}
