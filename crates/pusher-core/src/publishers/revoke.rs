//! Revokes the tickets of a user, at all servers that share the log.

use pusher_proto::limits::{SUB_LEN_MAX, TICKET_LEEWAY_S};

use crate::context::Context;
use crate::hub::{Publish, PublishError};
use crate::stats::Source;
use crate::tickets::{NotSaved, REVOKED_TOPIC, Revocation, RevocationsFull};
use crate::unix_time::unix_s;

/// Why a user was not revoked, or not for long. A retry is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The `sub` is empty or too long.
    #[error("the sub is {0} bytes long: 1 to {SUB_LEN_MAX} are allowed")]
    Sub(usize),
    /// Too many users are revoked. The user's private subscriptions have ended, but the user can subscribe again.
    #[error("{0}")]
    Full(String),
    /// The user is revoked at this server until a restart. The state directory cannot keep it, or the other servers do
    /// not know of it, because the log that they share cannot be reached.
    #[error("{0}")]
    NotKept(String),
}

impl From<RevocationsFull> for RevokeError {
    fn from(error: RevocationsFull) -> Self {
        Self::Full(error.to_string())
    }
}

impl From<NotSaved> for RevokeError {
    fn from(error: NotSaved) -> Self {
        tracing::error!("{error}");
        Self::NotKept(error.to_string())
    }
}

/// A revocation that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The Unix time in seconds up to which tickets were ended.
    pub before_s: u64,
    /// Number of sessions at this server whose tickets ended.
    pub sessions: usize,
}

/// Ends the tickets of a user that were signed up to `before_s`, a Unix time in seconds. `None` means now.
pub(crate) async fn revoke(
    context: &Context,
    sub: &str,
    before_s: Option<u64>,
) -> Result<Revoked, RevokeError> {
    if !(1..=SUB_LEN_MAX).contains(&sub.len()) {
        return Err(RevokeError::Sub(sub.len()));
    }
    // A later time would refuse tickets that are not signed yet.
    let now_s = unix_s();
    let before_s = before_s.map_or(now_s, |before_s| before_s.min(now_s + TICKET_LEEWAY_S));
    let revocation = Revocation {
        sub: sub.to_owned(),
        before_s,
    };
    let revoked = context.hub.tickets().revoke(&revocation);
    if let Some(node) = &context.node {
        // A full server cannot load what Redis would have more.
        if revoked.is_ok() {
            let saved = node.save_revocation(&revocation).await;
            saved.map_err(RevokeError::NotKept)?;
        }
        let told = tell_others(context, &revocation).await;
        told.map_err(|error| RevokeError::NotKept(error.to_string()))?;
    }
    let (sessions, saving) = revoked?;
    saving.done().await?;
    tracing::debug!(sessions, "revoked a user");
    Ok(Revoked { before_s, sessions })
}

async fn tell_others(context: &Context, revocation: &Revocation) -> Result<(), PublishError> {
    let publish = Publish {
        topic: REVOKED_TOPIC,
        event: &serde_json::to_string(revocation).unwrap_or_default(),
        recipients: None,
        id: None,
        source: Source::Server,
    };
    context.hub.accept(publish)?.receipt(&context.hub).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use pusher_proto::ticket::{TicketFault, TicketKeys, TicketRequest};

    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::connection::{Connection, Dialect, Encoding, Session, SessionId, Socket};
    use crate::server::Server;

    fn options() -> Options {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        options.shards = 1;
        options.live.private_topics = vec!["orders.*".parse().unwrap()];
        let keys = "k 0123456789abcdef0123456789abcdef";
        options.live.ticket_keys = Some(keys.parse().unwrap());
        options
    }

    /// Adds a session with a ticket of a user.
    fn session(context: &Context, listener: &TcpListener, sub: &str) -> Session {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let session = Session::new(Connection::new(
            SessionId::random().unwrap(),
            context.browser_permits.enter(peer).unwrap(),
            context.hub.shards()[0].connections().clone(),
            Socket::Plain(stream),
            Encoding::plain(Dialect::Wamp),
            None,
            0,
        ));
        let request = TicketRequest {
            topics: &["orders.1"],
            ttl_s: 300,
            sub: Some(sub),
            info: None,
        };
        let keys: TicketKeys = context.live.options().ticket_keys.clone().unwrap();
        let text = keys.sign(&request, unix_s()).unwrap();
        let tickets = context.hub.tickets();
        tickets.hold(&session, tickets.verify(&text));
        session
    }

    #[tokio::test]
    async fn full_table_is_an_error_that_ends_the_open_sessions() {
        let context = Server::bind(options(), Recipe::default()).unwrap().context;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [revoked, other] = ["ann", "bob"].map(|sub| session(&context, &listener, sub));
        let check = |session: &Session| context.hub.tickets().check(session.id(), "orders.1");
        let mut number = 0;
        while revoke(&context, &number.to_string(), None).await.is_ok() {
            number += 1;
        }
        assert_eq!((check(&revoked), check(&other)), (Ok(()), Ok(())));
        let full = revoke(&context, "ann", None).await;
        assert!(matches!(full, Err(RevokeError::Full(_))), "{full:?}");
        assert_eq!(check(&revoked), Err(TicketFault::Revoked));
        assert_eq!(check(&other), Ok(()));
    }
}
