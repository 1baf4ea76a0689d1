//! Every limit of the server, with its default.

use std::time::Duration;

use pusher_proto::limits as wire;

/// What one server allows. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Browsers connected at the same time; the next one gets 503. Default 100,000: the
    /// process's limit of open files should be higher than this and `publishers_max` together.
    pub connections_max: usize,
    /// Browsers that one address may have connected at the same time; the next one gets 429. In IPv6
    /// a network of 64 bits counts as one address. This machine's own connections are not counted:
    /// they are a proxy's. Default 1,000.
    pub connections_per_address_max: usize,
    /// Request line and headers of a browser; beyond is 431. Default 16 KiB.
    pub handshake_len_max: usize,
    /// Headers of a request; beyond is 431. Default 100, and not more.
    pub headers_max: usize,
    /// Until the handshake must be over; beyond is 408. Default 10 s. On Linux it begins with the browser's first bytes, or
    /// about a second after it has connected without any.
    pub handshake_timeout: Duration,
    /// A browser's message; beyond is close code 1009. Default 64 KiB.
    pub client_message_len_max: usize,
    /// What a browser may say: messages, pings and all other frames that are not a part of one. So
    /// many a second on average; beyond is close code 1008. Default 100.
    pub client_messages_per_second: u32,
    /// And so many at once before that: a page that comes back subscribes to all its topics at once,
    /// so this should be more than `topics_max` and `prefixes_max` together. Default 20,000.
    pub client_messages_burst: u16,
    /// A topic, prefixes expanded, and the URI of a procedure; beyond, the publish is refused and a
    /// browser gets close code 1008. Publishers that use libpusher or PHP are held to the default
    /// before they send. Default 1 KiB.
    pub topic_len_max: usize,
    /// Topics that one session may be subscribed to; beyond is close code 1008. Default 10,000.
    pub topics_max: usize,
    /// Bytes of all topics that one session is subscribed to; beyond is close code 1008. Default
    /// 1 MiB.
    pub topics_len_max: usize,
    /// Prefixes that one session may define; beyond is close code 1008. Default 1,000.
    pub prefixes_max: usize,
    /// Bytes of these and their URIs; beyond is close code 1008. Default 64 KiB.
    pub prefixes_len_max: usize,
    /// Bytes that may wait for one browser when more comes for it; beyond, it is dropped as a slow
    /// consumer. The write that is being sent and the one that comes are not counted, so that events of
    /// any length fit: two writes, each an event or 64 KiB of them, may wait on top. Default 1 MiB.
    pub outbox_len_max: usize,
    /// How long a browser may take nothing at all although something waits for it; then it is dropped
    /// as a slow consumer. Looked at every second at most. Default 10 s.
    pub write_timeout: Duration,
    /// Bytes of all events in memory, each counted once however many browsers it waits for; at most
    /// `backlog_len_max` of each shard come on top. From half of it on the browsers that have taken
    /// nothing for longest are dropped as slow consumers; beyond, whoever does not take an event at
    /// once. Default 256 MiB.
    pub events_len_max: usize,
    /// A browser that is silent for so long is pinged. One that speaks `pushd.1` is told this time, and asks by itself
    /// when it hears nothing for longer. Default 25 s.
    pub ping_interval: Duration,
    /// How long after the ping a browser must have said something. Default 20 s.
    pub pong_timeout: Duration,
    /// How long publishers are still heard when the server ends, for what they have sent before.
    /// Default 100 ms.
    pub closing_grace: Duration,
    /// How long what is queued may take to leave when a connection or the server ends. Default 5 s.
    pub flush_timeout: Duration,
    /// How long a browser may take to hang up after a close frame. Default 1 s.
    pub linger_timeout: Duration,
    /// Publishers connected at the same time; the next one takes the place of the one that has been idle longest, or is
    /// told that the server is busy. Default 1,024.
    pub publishers_max: usize,
    /// Operators that watch a topic's events at the same time. Default 16.
    pub watchers_max: usize,
    /// An event, as JSON text; beyond, the publish is refused. Default 3 MiB: 1 MB of text in any language,
    /// as PHP's `json_encode` escapes it.
    pub event_len_max: usize,
    /// A publisher's message, event and all. Default 3 MiB and 4 KiB.
    pub publish_len_max: usize,
    /// How long a publisher may connect without a word. Default 10 s.
    pub first_byte_timeout: Duration,
    /// How long a message may take from its first byte to its last, a publisher's or a browser's
    /// (which is close code 1008). Default 30 s.
    pub unfinished_timeout: Duration,
    /// Bytes of all messages that publishers have begun and not finished; whoever goes beyond is
    /// refused, with `overloaded` or 503. Default 64 MiB.
    pub unfinished_len_max: usize,
    /// How long a publisher of raw JSON may pause before the server closes its direction, for programs that wait for
    /// that. What comes later is still taken: see [`RAW_PAUSE_MAX`](Self::RAW_PAUSE_MAX). Default 5 s.
    pub raw_idle_timeout: Duration,
    /// How long a publisher may leave its answers unread. Default 10 s.
    pub answer_timeout: Duration,
    /// Events that are accepted and not yet sent, of each shard; beyond, publishers wait.
    /// Default 8 MiB.
    pub backlog_len_max: usize,
}

/// Limits that no operator needs to change.
impl Limits {
    /// Bytes that are read and thrown away after the last answer to a browser, so that the answer is not lost by a
    /// reset; beyond, the connection is closed with a reset. More than a head that is too long has, and what a browser
    /// sends before it sees the answer.
    pub const LINGER_LEN_MAX: usize = 256 * 1024;
    /// The same for publishers, whose programs may send all of a too long event before they read the answer.
    pub const PUBLISHER_LINGER_LEN_MAX: usize = 16 * 1024 * 1024;
    /// How long a publisher of raw JSON may pause between two messages, which gets no answers and so cannot know that
    /// it is closed. An idle connection costs little: if places run out, it gives way.
    pub const RAW_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
    /// Connections to the private door beyond `publishers_max`: the operator's requests, and publishers that take
    /// an idle one's place or are told that the server is busy.
    pub const PUBLISHERS_RESERVE: usize = 32;
    /// How long a publisher that finds none idle waits for a place, before it is told that the server is busy: less than
    /// clients wait for an answer.
    pub const PERMIT_WAIT_MAX: Duration = Duration::from_millis(100);
    /// How long one of these may connect without a word, and how long any other may before it counts as idle.
    pub const FIRST_BYTE_SOON: Duration = Duration::from_secs(1);
    /// How long one of these may take for the head of its request: longer, it would keep the operator out.
    pub const HEAD_SOON: Duration = Duration::from_secs(1);
    /// A publisher's TCP connection without traffic is probed after so long ...
    pub const PUBLISHER_KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
    /// ... every so often ...
    pub const PUBLISHER_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
    /// ... and closed after so many probes without an answer: a publisher that has vanished is found in two minutes.
    pub const PUBLISHER_KEEPALIVE_PROBES: u32 = 4;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 100_000,
            connections_per_address_max: 1_000,
            handshake_len_max: 16 * 1024,
            headers_max: 100,
            handshake_timeout: Duration::from_secs(10),
            client_message_len_max: wire::CLIENT_MESSAGE_LEN_MAX,
            client_messages_per_second: 100,
            client_messages_burst: 20_000,
            topic_len_max: wire::TOPIC_LEN_MAX,
            topics_max: 10_000,
            topics_len_max: 1024 * 1024,
            prefixes_max: wire::PREFIXES_MAX,
            prefixes_len_max: wire::PREFIX_BYTES_MAX,
            outbox_len_max: 1024 * 1024,
            write_timeout: Duration::from_secs(10),
            events_len_max: 256 * 1024 * 1024,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(20),
            closing_grace: Duration::from_millis(100),
            flush_timeout: Duration::from_secs(5),
            linger_timeout: Duration::from_secs(1),
            publishers_max: 1024,
            watchers_max: 16,
            event_len_max: wire::EVENT_LEN_MAX,
            publish_len_max: wire::PUBLISH_LEN_MAX,
            first_byte_timeout: Duration::from_secs(10),
            unfinished_timeout: Duration::from_secs(30),
            unfinished_len_max: 64 * 1024 * 1024,
            raw_idle_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            backlog_len_max: 8 * 1024 * 1024,
        }
    }
}

/// Limits of the known publish ids. They cannot change while the server runs. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdLimits {
    /// How long an id is known. Until then, another publish with the id gets the receipt of the first one. Default
    /// 5 minutes.
    pub id_memory: Duration,
    /// Most known ids. A new id replaces the oldest. Default 100,000.
    pub ids_max: usize,
    /// Most bytes of the known ids and their topics. New ids replace the oldest. Default 16 MiB.
    pub ids_len_max: usize,
}

impl Default for IdLimits {
    fn default() -> Self {
        Self {
            id_memory: Duration::from_secs(5 * 60),
            ids_max: 100_000,
            ids_len_max: 16 * 1024 * 1024,
        }
    }
}
