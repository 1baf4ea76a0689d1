//! What an authenticated session may do, in the form that `auth` is answered with.

use serde::Serialize;

/// Everything that is not named here is forbidden.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// Topics.
    pub pubsub: Vec<TopicPermission>,
    /// Procedures.
    pub rpc: Vec<RpcPermission>,
}

/// What may be done with a topic, or with all whose URI begins alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicPermission {
    /// The topic's full URI, or how it begins.
    pub uri: String,
    /// Whether `uri` is only the beginning.
    pub prefix: bool,
    /// May publish.
    #[serde(rename = "pub")]
    pub publish: bool,
    /// May subscribe.
    #[serde(rename = "sub")]
    pub subscribe: bool,
}

/// Whether a procedure may be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RpcPermission {
    /// The procedure's full URI.
    pub uri: String,
    /// May call.
    pub call: bool,
}

impl Permissions {
    pub(super) fn may_subscribe(&self, topic: &str) -> bool {
        self.topics(topic).any(|permission| permission.subscribe)
    }

    pub(super) fn may_publish(&self, topic: &str) -> bool {
        self.topics(topic).any(|permission| permission.publish)
    }

    pub(super) fn may_call(&self, procedure: &str) -> bool {
        let mut named = self.rpc.iter();
        named.any(|permission| permission.uri == procedure && permission.call)
    }

    fn topics(&self, topic: &str) -> impl Iterator<Item = &TopicPermission> {
        let matches = move |permission: &&TopicPermission| match permission.prefix {
            true => topic.starts_with(&permission.uri),
            false => topic == permission.uri,
        };
        self.pubsub.iter().filter(matches)
    }
}
