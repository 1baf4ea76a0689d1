//! The name of a topic.

use std::sync::Arc;

/// The URI of a topic. All subscriptions to a topic share one copy.
pub(crate) type Topic = Arc<str>;
