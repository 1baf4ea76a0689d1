//! The limits of the server, and their defaults.

use std::time::Duration;

use pusher_proto::limits as wire;

/// The limits of one server. They can change while the server runs. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most connected browsers. The next one gets 503. Default 100,000. The process's limit of open files should be
    /// higher than this and `publishers_max` together.
    pub connections_max: usize,
    /// Most connected browsers of one client address. The next one gets 429. In IPv6, a network of 64 bits counts as
    /// one address. Connections of trusted proxies and of this machine, where a proxy may run, do not count. Default
    /// 1,000.
    pub connections_per_address_max: usize,
    /// Longest request line and headers of a browser. A longer request gets 431. Default 16 KiB.
    pub handshake_len_max: usize,
    /// Most headers of a request. A request with more gets 431. Default 100, which is also the maximum.
    pub headers_max: usize,
    /// Longest handshake. A slower browser gets 408. Default 10 s. On Linux, the time begins with the browser's first
    /// bytes, or about a second after it has connected and sent nothing.
    pub handshake_timeout: Duration,
    /// Longest message of a browser. A browser that sends a longer one is closed with code 1009. Default 64 KiB.
    pub client_message_len_max: usize,
    /// Most messages of a browser per second, on average. Pings and other control frames count as messages. A browser
    /// that exceeds it is closed with code 1008. Default 100.
    pub client_messages_per_second: u32,
    /// Most messages of a browser at once, before `client_messages_per_second` limits it. A page that reconnects
    /// subscribes to all its topics at once, so this should be more than `topics_max` and `prefixes_max` together.
    /// Default 20,000.
    pub client_messages_burst: u16,
    /// Longest topic, with prefixes expanded, and longest URI of a procedure. A publish to a longer one is refused, and
    /// a browser that sends one is closed with code 1008. Default 1 KiB. libpusher and the PHP extension refuse topics
    /// beyond the default before they send them.
    pub topic_len_max: usize,
    /// Most topics that one session can subscribe to. A session with more is closed with code 1008. Default 10,000.
    pub topics_max: usize,
    /// Most bytes of all topics that one session is subscribed to. A session with more is closed with code 1008. Default 1 MiB.
    pub topics_len_max: usize,
    /// Most prefixes that one session can define. A session with more is closed with code 1008. Default 1,000.
    pub prefixes_max: usize,
    /// Most bytes of all prefixes of one session and their URIs. A session with more is closed with code 1008. Default 64 KiB.
    pub prefixes_len_max: usize,
    /// Most bytes that are queued for one browser. If more arrives for a browser with a full outbox, the browser reads
    /// topics with history from the log, and is dropped as a slow consumer for other topics. The write that is being
    /// sent and the new one do not count, so events of any length fit: these two writes, each an event or 64 KiB of
    /// events, come on top. Default 1 MiB.
    pub outbox_len_max: usize,
    /// Longest time in which a browser with queued bytes reads nothing. Then it is dropped as a slow consumer. Checked
    /// at most once a second. Default 10 s.
    pub write_timeout: Duration,
    /// Most bytes of all queued events. An event that waits for several browsers counts once. Up to `backlog_len_max`
    /// per shard comes on top. From half of this limit on, the server drops the browsers that have read nothing for the
    /// longest time, as slow consumers. Beyond it, the server also drops each browser that does not accept an event at
    /// once; for a topic with history, such a browser reads the event from the log. Default 256 MiB.
    pub events_len_max: usize,
    /// Time of silence after which a browser is pinged. A browser that speaks `pushd.1` knows this time, and sends a
    /// message itself if it hears nothing for longer. Default 25 s.
    pub ping_interval: Duration,
    /// Time after the ping in which the browser must send something. Otherwise it is dropped. Default 20 s.
    pub pong_timeout: Duration,
    /// Time at shutdown in which the server still reads publishes that were sent before. Default 100 ms.
    pub closing_grace: Duration,
    /// Time in which queued bytes can still be sent when a connection or the server ends. Default 5 s.
    pub flush_timeout: Duration,
    /// Time that a browser or publisher has to close the connection after the server's last bytes. Default 1 s.
    pub linger_timeout: Duration,
    /// Most connected publishers. The next one replaces the publisher that has been idle longest, or gets `busy`.
    /// Default 1,024.
    pub publishers_max: usize,
    /// Most operators that watch the events of a topic at the same time. Default 16.
    pub watchers_max: usize,
    /// Longest event, as JSON text. A publish of a longer one is refused. Default 3 MiB: 1 MB of text in any language,
    /// as PHP's `json_encode` escapes it.
    pub event_len_max: usize,
    /// Longest message of a publisher, including its event. Default 3 MiB and 4 KiB.
    pub publish_len_max: usize,
    /// Time that a publisher has to send its first byte. Default 10 s.
    pub first_byte_timeout: Duration,
    /// Longest time between the first and the last byte of a message, of a publisher or of a browser (which is closed
    /// with code 1008). An HTTP connection of a publisher may be idle for the same time. Default 30 s.
    pub unfinished_timeout: Duration,
    /// Most bytes of all incomplete messages of publishers. A publisher that exceeds it gets `overloaded` or 503.
    /// Default 64 MiB. As many bytes of HTTP requests are kept a second time, for a hand-over.
    pub unfinished_len_max: usize,
    /// Pause after which the server closes its write side to a publisher of raw JSON, for programs that wait for that.
    /// The server still reads events after it: see [`RAW_PAUSE_MAX`](Self::RAW_PAUSE_MAX). Default 5 s.
    pub raw_idle_timeout: Duration,
    /// Longest time in which a publisher reads none of its answers. Default 10 s.
    pub answer_timeout: Duration,
    /// Most bytes of events that wait in one shard for the fan-out. At this limit, publishers wait. Default 8 MiB.
    pub backlog_len_max: usize,
    /// Most bytes of events in the log, from which subscribers that come back get what they missed. Each event counts
    /// its frame and 160 bytes. At this limit the oldest events are dropped. 0 switches the log off. Default 16 MiB.
    pub history_len_max: usize,
    /// Longest time for which the log keeps an event. Default 5 minutes.
    pub history_age_max: Duration,
    /// Most events of one topic in the log. Default 1,000.
    pub history_topic_events_max: usize,
    /// Most bytes of events of one topic in the log, counted in the same way. A longer event is delivered, but not kept.
    /// Default 4 MiB.
    pub history_topic_len_max: usize,
    /// Longest time in which a publish waits for the log that the server shares with others. Then it is refused, and can
    /// be tried again. Default 2 s.
    pub redis_wait: Duration,
    /// Longest time in which the site answers a webhook. Then the request has failed. Default 10 s.
    pub webhook_timeout: Duration,
    /// Longest time in which a webhook that fails is sent again. Then its events are dropped. Default 5 minutes.
    pub webhook_retry_max: Duration,
    /// Most events that wait for one URL of the site. At this limit, the oldest events are dropped. Default 10,000.
    pub webhook_events_max: usize,
}

/// Limits that no operator needs to change.
impl Limits {
    /// Most bytes that are read and discarded after the last response to a browser. Without that, a reset could destroy
    /// the response in transit. The limit exceeds any refused request, and the bytes that a browser sends before it
    /// sees the response. If more arrives, the connection is closed with a reset.
    pub const LINGER_LEN_MAX: usize = 256 * 1024;
    /// The same for publishers. A publisher may send an event of any length before it reads the answer.
    pub const PUBLISHER_LINGER_LEN_MAX: usize = 16 * 1024 * 1024;
    /// Longest pause of a publisher of raw JSON between two messages. It gets no answers, so it would not notice that
    /// its connection is closed. An idle connection costs little, and gives way if all permits are taken.
    pub const RAW_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
    /// Connections to the publish listener beyond `publishers_max`, without a permit. They serve requests of the
    /// operator, and publishers that replace an idle one or get `busy`.
    pub const PUBLISHERS_RESERVE: usize = 32;
    /// Time that a publisher waits for a permit before it gets `busy`. It is shorter than the time that clients wait
    /// for an answer.
    pub const PERMIT_WAIT_MAX: Duration = Duration::from_millis(100);
    /// Time that a connection without a permit has to send its first byte. Any other connection counts as idle after
    /// it.
    pub const FIRST_BYTE_TIMEOUT_WITHOUT_PERMIT: Duration = Duration::from_secs(1);
    /// Time that a connection without a permit has to send the head of its request. Slow ones could use up the reserve,
    /// and the operator could not connect.
    pub const HEAD_TIMEOUT_WITHOUT_PERMIT: Duration = Duration::from_secs(1);
    /// Idle time after which a publisher's TCP connection is probed. Together with the two constants below, a publisher
    /// that has vanished is detected within two minutes.
    pub const PUBLISHER_KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
    /// Time between two probes.
    pub const PUBLISHER_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
    /// Number of unanswered probes after which the connection is closed.
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
            history_len_max: 16 * 1024 * 1024,
            history_age_max: Duration::from_secs(5 * 60),
            history_topic_events_max: 1000,
            history_topic_len_max: 4 * 1024 * 1024,
            redis_wait: Duration::from_secs(2),
            webhook_timeout: Duration::from_secs(10),
            webhook_retry_max: Duration::from_secs(5 * 60),
            webhook_events_max: 10_000,
        }
    }
}

/// Limits of the known publish ids. They cannot change while the server runs. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdLimits {
    /// Time for which an id is known. In it, another publish with the id gets the receipt of the first one. Default
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
