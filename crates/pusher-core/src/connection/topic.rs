//! Names of topics.

use std::sync::Arc;

/// A topic's URI. All parts of the server share one copy.
pub(crate) type Topic = Arc<str>;
