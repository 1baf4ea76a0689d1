//! The kinds of servers, and their names.

use xtask::packages::Purpose;

/// A kind of server, and of subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// pushd.
    Pushd,
    /// The floor, with one write for each subscriber and event.
    Floor,
    /// The floor, with one write for all events of one read.
    FloorBatch,
    /// uWebSockets (C++), by the npm package `uwebsockets`.
    UWebSockets,
    /// nginx with the module nchan.
    Nchan,
    /// nats-server's WebSockets.
    Nats,
    /// The npm package `ws`.
    Ws,
    /// Socket.IO, WebSockets only.
    SocketIo,
    /// Soketi, whose subscribers and publishers speak the Pusher Channels protocol.
    Soketi,
    /// uWebSockets with TLS of its own.
    UWebSocketsTls,
    /// nginx with TLS and the module nchan.
    NchanTls,
    /// pushd without its log of events.
    NoHistory,
    /// pushd with subscribers that speak `pushd.1`.
    Pushd1,
    /// pushd with subscribers that have a `resume` value in their address.
    Resume,
    /// pushd with subscribers that show a ticket, because all topics are private.
    Ticket,
    /// pushd with all that it can do for one server: history, private topics with tickets, and presence on all topics.
    Everything,
    /// pushd with subscribers that read Server-Sent Events.
    Sse,
    /// pushd with subscribers that speak the Pusher Channels protocol.
    Channels,
    /// pushd with subscribers that have agreed on compressed messages.
    Compressed,
    /// pushd with TLS of its own.
    PushdTls,
    /// pushd with two threads on both processors. CPU time per event is the figure: it shows what a second thread costs.
    /// With two processors, throughput and latency cannot be judged, because the subscribers need one of them.
    Unpinned,
    /// pushd without io_uring: each write is a system call of its own.
    NoIoUring,
    /// pushd with its log on disk.
    Disk,
    /// The second of two pushds with a log in Redis. The events are published to the first.
    Redis,
}

/// pushd and the servers of others.
pub const OTHERS: &[Kind] = &[
    Kind::Pushd,
    Kind::Floor,
    Kind::FloorBatch,
    Kind::UWebSockets,
    Kind::Nchan,
    Kind::Nats,
    Kind::Ws,
    Kind::SocketIo,
];

/// Servers that are measured only if the command line names them.
pub const NAMED_ONLY: &[Kind] = &[Kind::Soketi, Kind::UWebSocketsTls, Kind::NchanTls];

/// pushd in other ways.
pub const VARIANTS: &[Kind] = &[
    Kind::NoHistory,
    Kind::Pushd1,
    Kind::Resume,
    Kind::Ticket,
    Kind::Everything,
    Kind::Sse,
    Kind::Channels,
    Kind::Compressed,
    Kind::PushdTls,
    Kind::Unpinned,
    Kind::NoIoUring,
    Kind::Disk,
    Kind::Redis,
];

impl Kind {
    /// Returns the name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pushd => "pushd",
            Self::Floor => "floor",
            Self::FloorBatch => "floor-batch",
            Self::UWebSockets => "uwebsockets",
            Self::Nchan => "nchan",
            Self::Nats => "nats",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::Soketi => "soketi",
            Self::UWebSocketsTls => "uwebsockets-tls",
            Self::NchanTls => "nchan-tls",
            Self::NoHistory => "no-history",
            Self::Pushd1 => "pushd.1",
            Self::Resume => "resume",
            Self::Ticket => "ticket",
            Self::Everything => "everything",
            Self::Sse => "sse",
            Self::Channels => "channels",
            Self::Compressed => "compressed",
            Self::PushdTls => "pushd-tls",
            Self::Unpinned => "unpinned",
            Self::NoIoUring => "no-io-uring",
            Self::Disk => "disk",
            Self::Redis => "redis",
        }
    }

    /// Whether the server is pushd.
    pub fn is_pushd(self) -> bool {
        self == Self::Pushd || VARIANTS.contains(&self)
    }

    /// Whether the subscribers connect with TLS.
    pub fn has_tls(self) -> bool {
        matches!(self, Self::PushdTls | Self::UWebSocketsTls | Self::NchanTls)
    }

    /// Returns the group of packages that the server needs.
    pub(super) fn purpose(self) -> Option<Purpose> {
        match self {
            Self::UWebSockets | Self::UWebSocketsTls | Self::Ws | Self::SocketIo | Self::Soketi => {
                Some(Purpose::Node)
            }
            Self::Nchan | Self::NchanTls => Some(Purpose::Nginx),
            Self::Nats => Some(Purpose::Nats),
            Self::Redis => Some(Purpose::Redis),
            _ => None,
        }
    }

    /// Returns the server with this name.
    pub fn find(name: &str) -> Option<Self> {
        let mut all = OTHERS.iter().chain(NAMED_ONLY).chain(VARIANTS).copied();
        all.find(|kind| kind.name() == name)
    }
}
