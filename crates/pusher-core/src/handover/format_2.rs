//! Format 2 of the state, for upgrades from the version before this one and for downgrades to it.
//!
//! It has neither origin nor age of a browser's connection, and does not tell whether a client has agreed on compressed
//! messages: its version agrees on none.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::state::{
    Browser, Figures, Inherited, KnownId, ListenerKind, Log, Member, Position, Protocol, Publisher,
    Resume, Revocation, Session, Stage, State, Stream, Subscription, Ticket, Webhooks,
};

/// [`State`] in format 2. It is written from a borrowed state, because the log is large.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State2<'a> {
    version: Cow<'a, str>,
    paused_at_ms: u64,
    figures: Figures,
    has_inherited: Inherited,
    listeners: Cow<'a, [ListenerKind]>,
    browsers: Vec<Browser2<'a>>,
    publishers: Cow<'a, [Publisher]>,
    position: Position,
    log: Cow<'a, Option<Log>>,
    ids: Cow<'a, [KnownId]>,
    resumes: Cow<'a, [Resume]>,
    revocations: Cow<'a, [Revocation]>,
    members: Cow<'a, [Member]>,
    webhooks: Cow<'a, Webhooks>,
    node: Cow<'a, Option<String>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Browser2<'a> {
    peer: SocketAddr,
    stage: Stage2<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Stage2<'a> {
    Handshake(Cow<'a, [u8]>),
    Session(Session2<'a>),
    Stream(Cow<'a, Stream>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Session2<'a> {
    id: u128,
    protocol: Cow<'a, Protocol>,
    topics: Cow<'a, [Subscription]>,
    ticket: Cow<'a, Option<Ticket>>,
    unfinished: Cow<'a, [u8]>,
    unsent: Cow<'a, [u8]>,
    pongs_expected: u32,
}

impl<'a> From<&'a State> for State2<'a> {
    fn from(state: &'a State) -> Self {
        Self {
            version: Cow::Borrowed(&state.version),
            paused_at_ms: state.paused_at_ms,
            figures: state.figures,
            has_inherited: state.has_inherited,
            listeners: Cow::Borrowed(&state.listeners),
            browsers: state.browsers.iter().map(Into::into).collect(),
            publishers: Cow::Borrowed(&state.publishers),
            position: state.position,
            log: Cow::Borrowed(&state.log),
            ids: Cow::Borrowed(&state.ids),
            resumes: Cow::Borrowed(&state.resumes),
            revocations: Cow::Borrowed(&state.revocations),
            members: Cow::Borrowed(&state.members),
            webhooks: Cow::Borrowed(&state.webhooks),
            node: Cow::Borrowed(&state.node),
        }
    }
}

impl From<State2<'_>> for State {
    fn from(state: State2<'_>) -> Self {
        Self {
            version: state.version.into_owned(),
            paused_at_ms: state.paused_at_ms,
            figures: state.figures,
            has_inherited: state.has_inherited,
            listeners: state.listeners.into_owned(),
            browsers: state.browsers.into_iter().map(Into::into).collect(),
            publishers: state.publishers.into_owned(),
            position: state.position,
            log: state.log.into_owned(),
            ids: state.ids.into_owned(),
            resumes: state.resumes.into_owned(),
            revocations: state.revocations.into_owned(),
            members: state.members.into_owned(),
            webhooks: state.webhooks.into_owned(),
            node: state.node.into_owned(),
        }
    }
}

impl<'a> From<&'a Browser> for Browser2<'a> {
    fn from(browser: &'a Browser) -> Self {
        Self {
            peer: browser.peer,
            stage: match &browser.stage {
                Stage::Handshake(received) => Stage2::Handshake(Cow::Borrowed(received)),
                Stage::Session(session) => Stage2::Session(session.into()),
                Stage::Stream(stream) => Stage2::Stream(Cow::Borrowed(stream)),
            },
        }
    }
}

impl From<Browser2<'_>> for Browser {
    fn from(browser: Browser2<'_>) -> Self {
        Self {
            peer: browser.peer,
            stage: match browser.stage {
                Stage2::Handshake(received) => Stage::Handshake(received.into_owned()),
                Stage2::Session(session) => Stage::Session(session.into()),
                Stage2::Stream(stream) => Stage::Stream(stream.into_owned()),
            },
            origin: None,
            age_s: None,
        }
    }
}

impl<'a> From<&'a Session> for Session2<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id,
            protocol: Cow::Borrowed(&session.protocol),
            topics: Cow::Borrowed(&session.topics),
            ticket: Cow::Borrowed(&session.ticket),
            unfinished: Cow::Borrowed(&session.unfinished),
            unsent: Cow::Borrowed(&session.unsent),
            pongs_expected: session.pongs_expected,
        }
    }
}

impl From<Session2<'_>> for Session {
    fn from(session: Session2<'_>) -> Self {
        Self {
            id: session.id,
            protocol: session.protocol.into_owned(),
            topics: session.topics.into_owned(),
            ticket: session.ticket.into_owned(),
            unfinished: session.unfinished.into_owned(),
            unsent: session.unsent.into_owned(),
            pongs_expected: session.pongs_expected,
            may_compress: false,
        }
    }
}
