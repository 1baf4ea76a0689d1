//! The state of a server that another process takes over: plain data, in format 3.
//!
//! A change of these types is a new format. Then the types of the last format stay beside them, with a conversion: see
//! [`format_2`](super::format_2).

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything but the sockets. Each listener, browser and publisher has one, in this order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The version of the program that wrote this, for the log.
    pub(crate) version: String,
    /// Unix time at which the server stopped reading, in ms.
    pub(crate) paused_at_ms: u64,
    pub(crate) figures: Figures,
    /// The listeners of both ports were opened by another program, so their addresses in the options have no effect.
    pub(crate) has_inherited: Inherited,
    pub(crate) listeners: Vec<ListenerKind>,
    pub(crate) browsers: Vec<Browser>,
    pub(crate) publishers: Vec<Publisher>,
    /// The position of the log.
    pub(crate) position: Position,
    /// The events of the log. `None` if they are on disk or in Redis.
    pub(crate) log: Option<Log>,
    pub(crate) ids: Vec<KnownId>,
    pub(crate) resumes: Vec<Resume>,
    pub(crate) revocations: Vec<Revocation>,
    pub(crate) members: Vec<Member>,
    pub(crate) webhooks: Webhooks,
    /// The name of the server among those that share the log in Redis.
    pub(crate) node: Option<String>,
}

/// Figures that continue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Hand-overs so far, and this one.
    pub(crate) handovers: u64,
    pub(crate) handovers_failed: u64,
    /// Connections that could not be handed over.
    pub(crate) closed: u64,
}

/// A listening socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ListenerKind {
    Public,
    PublishTcp,
    /// The path is that of the file to remove at the end. `None` if another program opened the socket.
    PublishUnix(Option<PathBuf>),
    Signed,
}

/// Which listeners another program has opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inherited {
    pub(crate) public: bool,
    pub(crate) publish: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
}

/// A connection of the public listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Browser {
    /// The client's address: the peer's, or the one that a proxy names.
    pub(crate) peer: SocketAddr,
    pub(crate) stage: Stage,
    /// The page's origin, if it is known.
    pub(crate) origin: Option<String>,
    /// How long the session is open, in seconds, if that is known.
    pub(crate) age_s: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The first bytes of the request.
    Handshake(Vec<u8>),
    Session(Session),
    Stream(Stream),
}

/// A WebSocket session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: u128,
    pub(crate) protocol: Protocol,
    pub(crate) topics: Vec<Subscription>,
    pub(crate) ticket: Option<Ticket>,
    /// The bytes of an incomplete message.
    pub(crate) unfinished: Vec<u8>,
    /// Bytes to send. They may begin within a frame.
    pub(crate) unsent: Vec<u8>,
    /// Pings that were sent behind events, minus their pongs.
    pub(crate) pongs_expected: u32,
    /// The client has agreed on permessage-deflate.
    pub(crate) may_compress: bool,
}

/// The protocol of a session, and the state that only it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Protocol {
    Wamp {
        dialect: WampDialect,
        prefixes: Vec<(String, String)>,
        /// The key of the client's resume value.
        resume: Option<(u64, u64)>,
    },
    Channels {
        user: Option<String>,
        has_signed_in: bool,
    },
    /// `None` before HELLO. Otherwise the numbers of the subscriptions.
    Wamp2(Option<Vec<(u64, String)>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WampDialect {
    Wamp,
    WampResumed,
    Pushd1,
}

/// A subscription of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) topic: String,
    /// The session has everything up to this sequence number.
    pub(crate) after: u64,
    /// It reads from the log. Otherwise it gets all events behind `after` from the fan-out.
    pub(crate) is_reading: bool,
    /// The member that the session is in this topic, if it is one.
    pub(crate) sub: Option<String>,
}

/// An event stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) id: u128,
    pub(crate) topics: Vec<String>,
    /// It has read the log up to this sequence number.
    pub(crate) after: u64,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) unsent: Vec<u8>,
}

/// The ticket of a session, or the reason why its ticket is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ticket {
    Valid {
        sub: Option<String>,
        info: Option<String>,
        topics: Vec<String>,
        issued_s: u64,
        expires_s: u64,
    },
    /// The code of the fault.
    Fault(String),
}

/// A connection of the publish listener or of the one for signed requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Publisher {
    pub(crate) transport: Transport,
    /// The name for the log.
    pub(crate) peer: String,
    pub(crate) protocol: PublisherProtocol,
    /// The bytes that were read and are not handled: an incomplete message.
    pub(crate) unread: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    Signed,
}

/// The protocol of a publisher, and what it has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PublisherProtocol {
    /// Nothing has arrived.
    Beginning,
    Native {
        has_greeted: bool,
        has_spool: bool,
        is_behind_spool: bool,
    },
    Raw {
        /// The server has closed its side of the connection.
        has_hung_up: bool,
    },
    Zmtp {
        /// How far the handshake is.
        stage: u8,
        /// Number and length of the parts of an incomplete message, and the first of them.
        pending: Option<(usize, usize, Vec<u8>)>,
    },
    /// Between two requests, or in the head of one.
    Http,
}

/// The log in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    /// No events up to this sequence number.
    pub(crate) begin: u64,
    pub(crate) topics: Vec<LogTopic>,
    /// Oldest first.
    pub(crate) entries: Vec<Entry>,
    /// The keys of the hash of `watermarks`.
    pub(crate) watermark_keys: (u64, u64),
    /// Hashes of topics without entries, and their watermarks.
    pub(crate) watermarks: Vec<(u64, u64)>,
    /// The watermark of all other topics.
    pub(crate) watermark_floor: u64,
}

/// A topic with entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogTopic {
    pub(crate) topic: String,
    pub(crate) watermark: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    /// Index in `topics`.
    pub(crate) topic: u32,
    /// Time since the publish, in ms.
    pub(crate) age_ms: u64,
    pub(crate) event: String,
    pub(crate) recipients: Option<Recipients>,
}

/// The subscribers that may receive an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recipients {
    pub(crate) exclude: Vec<u128>,
    pub(crate) eligible: Option<Vec<u128>>,
    /// Numbers of WAMP v2 sessions.
    pub(crate) exclude_numbers: Vec<u64>,
}

/// The id of a publish, and its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownId {
    pub(crate) topic: String,
    pub(crate) id: String,
    pub(crate) age_ms: u64,
    pub(crate) receipt: Receipt,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) sequence: u64,
    pub(crate) subscribers: u64,
    pub(crate) position: Option<Position>,
    /// 0: not kept, 1: in memory, 2: written, 3: synced.
    pub(crate) stored: u8,
    pub(crate) nodes: Option<u64>,
}

/// The positions of a client with a resume value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resume {
    pub(crate) key: (u64, u64),
    pub(crate) number: u32,
    /// Marks of topics, and sequence numbers.
    pub(crate) topics: Vec<(u64, u64)>,
    pub(crate) since: ResumeSince,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResumeSince {
    Now,
    Unknown,
    Position(Position),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) sub: String,
    pub(crate) before_s: u64,
}

/// A member of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) topic: String,
    pub(crate) sub: String,
    pub(crate) info: Option<String>,
    pub(crate) issued_s: u64,
}

/// What the site knows of its channels, and has still to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Webhooks {
    /// The channels that have subscribers as the site knows. `None` if the site is told nothing.
    pub(crate) occupied: Option<Vec<String>>,
    /// URLs, and the events that wait for them.
    pub(crate) queues: Vec<(String, Vec<String>)>,
}
