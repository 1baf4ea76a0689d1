//! The application of Ratchet's tutorial "Push to an Existing Site": browsers subscribe, and do not call or publish.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Application, Call};
use crate::config::TopicPattern;
use crate::connection::Session;

/// WebSocket close code for a normal closure (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// The application that `pushd` runs.
///
/// Every session may subscribe to every topic. A session that calls a procedure gets an error and is closed. A session
/// that publishes is closed, except for topics that browsers may publish to. All clones share these topics.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    client_publish: Arc<ArcSwap<Vec<TopicPattern>>>,
}

impl Recipe {
    /// Lets browsers publish to topics that match one of the patterns.
    pub fn with_client_publish(patterns: Vec<TopicPattern>) -> Self {
        let recipe = Self::default();
        recipe.set_client_publish(patterns);
        recipe
    }

    /// Replaces the patterns. Can be called while the server runs.
    pub fn set_client_publish(&self, patterns: Vec<TopicPattern>) {
        self.client_publish.store(Arc::new(patterns));
    }
}

impl Application for Recipe {
    fn call(&self, call: Call) {
        let session = call.session().clone();
        let uri = call.proc_uri().to_owned();
        call.error(&uri, "You are not allowed to make calls");
        session.close(NORMAL, "");
    }

    fn may_publish(&self, _: &Session, topic: &str, _: &str) -> bool {
        let patterns = self.client_publish.load();
        patterns.iter().any(|pattern| pattern.matches(topic))
    }
}
