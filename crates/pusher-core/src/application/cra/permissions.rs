//! The permissions of an authenticated session, as the result of `auth` has them.

use serde::Serialize;

/// The permissions of a session. Everything that is not listed is forbidden.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// Permissions for topics.
    pub pubsub: Vec<TopicPermission>,
    /// Permissions for procedures.
    pub rpc: Vec<RpcPermission>,
}

/// The permissions for one topic, or for all topics with the same prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicPermission {
    /// The full URI of the topic, or a prefix of it.
    pub uri: String,
    /// Whether `uri` is a prefix.
    pub prefix: bool,
    /// Whether the session may publish.
    #[serde(rename = "pub")]
    pub publish: bool,
    /// Whether the session may subscribe.
    #[serde(rename = "sub")]
    pub subscribe: bool,
}

/// The permission for one procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RpcPermission {
    /// The full URI of the procedure.
    pub uri: String,
    /// Whether the session may call it.
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
