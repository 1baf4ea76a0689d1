//! The table of all settings, with their defaults. Flags, variables, the keys of the file, `--print-config`, `--help` and
//! the manual all come from it.

use pusher_core::{
    AllowedOrigin, IoUring, KnownHost, PublishAddress, RedisAddress, RedisPrefix, SyncPolicy,
    TopicPattern, TrustedProxy, WebhookUrl,
};

use super::kinds::{Address, Count, File, Group, Mode, Policy, Replay, Size, Text, Time, Token};
use super::setting::{Part, Reload, Setting};
use super::shapes::{Any, Maybe, One, Several, Shape};
use crate::log::{Format, Levels};
use crate::pusher_app::PusherApp;
use crate::tickets::KeyFile;

/// A row: part, name, placeholder of the value, kind, field, effect of a reload, help.
macro_rules! row {
    ($part:ident, $name:literal, $value:literal, $shape:ty, $($field:ident).+, $reload:ident, $help:literal) => {
        Setting {
            part: Part::$part,
            name: $name,
            value_name: $value,
            is_list: <$shape as Shape>::IS_LIST,
            is_secret: false,
            reload: Reload::$reload,
            help: $help,
            set: |config, texts| {
                config.$($field).+ = <$shape as Shape>::parse(texts)?;
                Ok(())
            },
            show: |config| <$shape as Shape>::show(&config.$($field).+),
        }
    };
}

/// A row for a field of `pusher_core::Limits`.
macro_rules! limit {
    ($name:literal, $value:literal, $kind:ty, $field:ident, $reload:ident, $help:literal) => {
        row!(
            Limits,
            $name,
            $value,
            One<$kind>,
            options.live.limits.$field,
            $reload,
            $help
        )
    };
}

/// All settings, in the order of `--help`. A help text has whole sentences, and no full stop at its end.
pub(crate) const SETTINGS: &[Setting] = &[
    row! { Listeners, "listen", "ADDRESS:PORT", Several<Address>, options.listen, Restart,
    "Where browsers connect. An IPv6 address has brackets. With port 0 the system chooses a port, which the log \
     names" },
    row! { Listeners, "tls-certificate", "FILE", Maybe<File>, tls_certificate, Now,
    "Accept TLS at the same ports, with this certificate: a PEM file with the whole chain, such as certbot's \
     fullchain.pem. Browsers without TLS can still connect. The file is loaded again when it changes. The log \
     warns from 30 days before the certificate expires" },
    row! { Listeners, "tls-key", "FILE", Maybe<File>, tls_key, Now,
    "The key of the certificate: a PEM file, such as certbot's privkey.pem. The user of pushd must be able to \
     read it" },
    row! { Listeners, "publish-listen", "ADDRESS", Several<Text<PublishAddress>>, options.publish_listen, Restart,
    "Where publishers connect: ADDRESS:PORT, or unix:/PATH for a unix socket. Without a token, every program that \
     can connect may publish, so addresses that other machines can reach need a token" },
    row! { Listeners, "publish-mode", "MODE", One<Mode>, options.publish_socket.mode, Restart,
    "Permissions of the publishers' unix sockets, in octal. Users who can write to a socket can publish" },
    row! { Listeners, "publish-group", "GROUP", Maybe<Group>, options.publish_socket.gid, Restart,
    "Group of the publishers' unix sockets, by name or number, such as www-data. The default is the group of \
     pushd" },
    Setting {
        is_secret: true,
        ..row! { Listeners, "publish-token", "TOKEN", Maybe<Token>, options.live.publish_token, Now,
           "The secret that publishers must send, of at least 16 characters. HTTP has it in the header Authorization: \
        Bearer TOKEN. Raw JSON and ZeroMQ cannot send it and are refused. Other users of the machine can see flags, \
        so set PUSHD_PUBLISH_TOKEN or the key in the file instead" }
    },
    row! { Listeners, "publish-host", "NAME", Any<Text<KnownHost>>, options.live.publish_hosts, Now,
    "A name by which publishers address this server in HTTP, besides localhost and its addresses. Requests for \
     other hosts are refused, because a web page whose name was pointed to this machine could have sent them" },
    row! { Listeners, "public-host", "NAME", Any<Text<KnownHost>>, options.live.public_hosts, Now,
    "A name by which browsers address this server, besides localhost and its addresses. With it, a page of \
     another name counts as another site and may not connect, even if that name was pointed to this machine. By \
     default every name is accepted" },
    row! { Listeners, "allow-origin", "ORIGIN", Any<Text<AllowedOrigin>>, options.live.allow_origins, Now,
    "A site whose pages may connect, besides pages of the host that they connect to: https://example.com, \
     example.com (any scheme and port), *.example.com, null (pages without an origin) or *. The log names refused \
     origins" },
    row! { Listeners, "trust-proxy", "NETWORK", Any<Text<TrustedProxy>>, options.trust_proxies, Restart,
    "A proxy whose headers X-Forwarded-For, Forwarded and X-Forwarded-Host are trusted: an address, a network \
     such as 10.0.0.0/8, or loopback" },
    row! { Listeners, "client-publish", "PATTERN", Any<Text<TopicPattern>>, client_publish, Now,
    "Topics to which browsers may publish: a topic, or the beginning of one and a *. By default browsers may not \
     publish" },
    row! { Listeners, "slow-policy", "PATTERN=POLICY", Any<Policy>, options.live.slow_policies, Now,
    "How to treat a browser that reads too slowly, for the topics of a pattern. With disconnect, the default, it \
     reads the events from the event log when too much is queued, and is dropped if the log no longer has them. With \
     drop-oldest it misses the oldest queued events, and with keep-latest all but the latest of each topic. The \
     first matching pattern counts" },
    row! { Listeners, "state-dir", "DIRECTORY", Maybe<File>, state_dir, Restart,
    "Where the event log is kept over a restart, so that pages miss nothing then. Each daemon needs a directory of its \
     own, which belongs to its user. The default is the variable STATE_DIRECTORY, which systemd sets, or none: then the \
     event log is in memory only, and after a restart pages are told that they may have missed events. With redis, it is not \
     used" },
    row! { Listeners, "fsync", "WHEN", One<Text<SyncPolicy>>, fsync, Restart,
    "When events in state-dir are forced to the disk: never (the system decides), 1s (once a second) or always (before \
     each receipt). No end of the daemon loses an event. A crash of the machine can, unless it is always: then pages \
     are told that they may have missed events" },
    row! { Listeners, "spool-dir", "DIRECTORY", Maybe<File>, options.spool_dir, Restart,
    "Where publishers leave events while the daemon is away: the PHP extension with pusher.spool, and libpusher with \
     PUSH_SPOOL. The daemon publishes them at its start and once a second. Who can write to the directory may publish, \
     unless there is a publish-token. The default is the variable SPOOL_DIRECTORY, which the packages' unit sets to /var/spool/pushd, or none" },
    row! { Listeners, "redis", "URL", Maybe<Text<RedisAddress>>, redis, Restart,
    "The Redis server through which several daemons act as one: redis://HOST:PORT/DATABASE, rediss:// with TLS, \
     unix:///PATH, or redis+sentinel://HOST:PORT,HOST:PORT/MASTER. The event log is there, so a page that comes back to \
     another daemon misses nothing, and state-dir is not used. By default the daemon is on its own" },
    row! { Listeners, "redis-password-file", "FILE", Maybe<File>, redis_password_file, Now,
    "A file with the password for Redis. It is read again at each reload; open connections stay. The user name, if there \
     is one, is in the URL: redis://USER@HOST. A password in the URL works, too, but other users of the machine can see \
     flags" },
    row! { Listeners, "redis-prefix", "NAME", One<Text<RedisPrefix>>, redis_prefix, Restart,
    "The beginning of all keys in Redis. Daemons with the same prefix act as one, so each site needs a prefix of its own" },
    row! { Listeners, "private-topics", "PATTERN", Any<Text<TopicPattern>>, options.live.private_topics, Now,
    "Topics that a browser may subscribe to only with a ticket: a topic, or the beginning of one and a *. The site signs \
     tickets for its users, with the key in ticket-key-file: Pusher::ticket() in PHP. By default every topic is open to every browser" },
    row! { Listeners, "presence", "PATTERN", Any<Text<TopicPattern>>, options.live.presence, Now,
    "Topics of which pages and programs can see who is subscribed: the users of tickets. A topic, or the beginning of one \
     and a *" },
    row! { Listeners, "ticket-key-file", "FILE", One<Text<KeyFile>>, ticket_key_file, Now,
    "The file with the keys that sign tickets. The site reads it, too. `pusherd ticket rotate` creates it, and later replaces \
     the key. The file is loaded again when it changes. It need not exist while no topic is private" },
    row! { Listeners, "pusher-app", "ID:KEY:FILE", Maybe<Text<PusherApp>>, pusher_app, Now,
    "Browsers with pusher-js or laravel-echo may connect, too: an id and a key of your choice, and the file with the secret that \
     the site signs with. The topics that begin with private- or presence- are then private, for all clients. The file is \
     loaded again when it changes. By default only WAMP and Server-Sent Events are spoken" },
    row! { Listeners, "pusher-client-events", "PATTERN", Any<Text<TopicPattern>>, options.live.client_events, Now,
    "Topics to which these browsers may send events themselves, named client-: a topic, or the beginning of one and a *. Only \
     subscribers of private- and presence- topics can. By default nobody may" },
    row! { Listeners, "pusher-listen", "ADDRESS:PORT", Any<Address>, options.signed_listen, Restart,
    "Where the server libraries of Pusher Channels on other machines publish: HTTP without TLS, and nothing but requests that are signed with the secret of pusher-app, so there is no token. publish-listen serves these requests, too" },
    row! { Listeners, "pusher-webhook", "URL", Any<Text<WebhookUrl>>, options.live.webhooks, Now,
    "Where the site wants to know which of its channels have subscribers, and who is in a presence- channel: a URL that gets \
     signed POST requests, as from other servers of this protocol. At most four. By default nobody is told" },
    row! { Listeners, "pusher-subscription-count", "PATTERN", Any<Text<TopicPattern>>, options.live.subscription_counts, Now,
    "Topics whose subscribers among these browsers are told how many subscribers there are, at most once a second: a topic, or \
     the beginning of one and a *. By default nobody is told" },
    row! { Listeners, "history", "PATTERN", Any<Text<TopicPattern>>, options.live.history, Now,
    "Topics whose events the event log keeps: a topic, or the beginning of one and a *. A browser that was away gets the \
     events of these topics that it has missed. The events of all other topics are sent once and not kept. \
     history-len-max = 0B switches the event log off for all topics" },
    row! { Listeners, "replay-on-subscribe", "PATTERN=NUMBER", Any<Replay>, options.live.replay_on_subscribe, Now,
    "The last events that a new subscriber gets at once, for the topics of a pattern, as in chat/*=20. With price=1 \
     every page shows the current price at once. The topics need history. The first matching pattern counts. By \
     default a new subscriber gets only new events" },
    row! { Listeners, "compression-len-min", "SIZE", Maybe<Size<1>>, options.live.compression_len_min, Now,
    "Events of at least this length are compressed for browsers that offer permessage-deflate, once for all of them: 1KiB, for \
     instance. That helps with long events on slow lines, and costs processor time. By default nothing is compressed" },
    row! { Listeners, "io-uring", "WHEN", One<Text<IoUring>>, options.io_uring, Restart,
    "Whether an event is written to several browsers with one system call (io_uring, on Linux): auto, if the system \
     permits it, or never" },
    row! { Listeners, "threads", "NUMBER", Maybe<Count<1, 1024>>, threads, Restart,
    "Number of threads that serve connections. The default is one per processor" },
    row! { Log, "log", "LEVEL", One<Text<Levels>>, log, Now,
    "What to log on standard error: error (act now), warn (act soon), info (start and end), debug (each \
     connection) or trace (each message). A level for one of the crates pushd and pusher_core can follow, as in \
     info,pusher_core=debug. Events are never logged" },
    row! { Log, "log-format", "FORMAT", One<Text<Format>>, log_format, Restart,
    "Format of the log: human, json, journald (with the levels of sd-daemon), or auto. With auto the format is \
     journald if standard error goes to systemd's journal, and human otherwise" },
    limit! { "connections-max", "NUMBER", Count<1, { usize::MAX }>, connections_max, Now,
    "Connected browsers. Further ones get 503. The limit of open files may lower this number" },
    limit! { "connections-per-address-max", "NUMBER", Count<1, { usize::MAX }>, connections_per_address_max, Now,
    "Connected browsers per address, or per IPv6 network of 64 bits. Further ones get 429. Loopback \
     addresses and the proxies of trust-proxy are exempt" },
    limit! { "handshake-len-max", "SIZE", Size<1024>, handshake_len_max, Now,
    "Length of a browser's request line and headers. Longer requests get 431" },
    limit! { "headers-max", "NUMBER", Count<1, 100>, headers_max, Now,
    "Number of headers in a browser's request. Requests with more get 431" },
    limit! { "handshake-timeout", "TIME", Time<1>, handshake_timeout, Now,
    "Time for a browser's handshake. Slower ones get 408" },
    limit! { "client-message-len-max", "SIZE", Size<1>, client_message_len_max, Now,
    "Length of a browser's message. Longer messages end the connection with close code 1009" },
    limit! { "client-messages-per-second", "NUMBER", Count<1, { usize::MAX }, u32>, client_messages_per_second, Now,
    "Messages and pings per second from a browser, on average. More end the connection with close code 1008" },
    limit! { "client-messages-burst", "NUMBER", Count<1, { usize::MAX }, u16>, client_messages_burst, Now,
    "Messages that a browser may send at once beyond client-messages-per-second. A page that comes back subscribes to all its \
     topics at once" },
    limit! { "topic-len-max", "SIZE", Size<1>, topic_len_max, Now,
    "Length of a topic. A publish to a longer one is refused, and a browser that names a longer one gets close \
     code 1008" },
    limit! { "topics-max", "NUMBER", Count<1, { usize::MAX }>, topics_max, Now,
    "Topics per browser. More end the connection with close code 1008" },
    limit! { "topics-len-max", "SIZE", Size<1>, topics_len_max, Now,
    "Total length of a browser's topics. More ends the connection with close code 1008" },
    limit! { "prefixes-max", "NUMBER", Count<0, { usize::MAX }>, prefixes_max, Now,
    "Prefixes that a browser may define. More end the connection with close code 1008" },
    limit! { "prefixes-len-max", "SIZE", Size<0>, prefixes_len_max, Now,
    "Total length of a browser's prefixes and their URIs. More ends the connection with close code 1008" },
    limit! { "outbox-len-max", "SIZE", Size<1>, outbox_len_max, Now,
    "Bytes that are queued for a browser behind the event that is being sent. If more comes, the browser reads \
     topics with history from the event log, and is dropped as a slow consumer for other topics" },
    limit! { "write-timeout", "TIME", Time<1>, write_timeout, Now,
    "Time in which a browser must read something while events are queued for it. Otherwise it is dropped as a \
     slow consumer" },
    limit! { "events-len-max", "SIZE", Size<1>, events_len_max, Now,
    "Total length of all events in memory. Each event counts once, even if it is queued for many browsers. Above \
     half of this limit, the browsers that have not read for longest are dropped" },
    limit! { "ping-interval", "TIME", Time<10>, ping_interval, Now,
    "Silence of a browser after which it is pinged" },
    limit! { "pong-timeout", "TIME", Time<10>, pong_timeout, Now,
    "Time after the ping in which the browser must answer" },
    limit! { "closing-grace", "TIME", Time<0>, closing_grace, Now,
    "Time at shutdown in which publishes that were sent before are still read" },
    limit! { "flush-timeout", "TIME", Time<0>, flush_timeout, Now,
    "Time to send queued events when a connection or the server ends" },
    limit! { "linger-timeout", "TIME", Time<0>, linger_timeout, Now,
    "Time in which a browser must close the connection after a close frame" },
    limit! { "publishers-max", "NUMBER", Count<1, { usize::MAX }>, publishers_max, Now,
    "Connected publishers. A further one replaces the one that was idle longest. If none is idle, it is refused as \
     busy" },
    limit! { "watchers-max", "NUMBER", Count<0, { usize::MAX }>, watchers_max, Now,
    "Operators that watch the events of a topic, on the status page for instance" },
    limit! { "event-len-max", "SIZE", Size<1>, event_len_max, Now,
    "Length of an event, as JSON text. A longer publish is refused. 1 MB of Japanese text is 2 MB of JSON if \
     PHP's json_encode escapes it" },
    limit! { "publish-len-max", "SIZE", Size<1>, publish_len_max, Now,
    "Length of a publisher's whole message. It must not be less than event-len-max" },
    limit! { "first-byte-timeout", "TIME", Time<1>, first_byte_timeout, Now,
    "Time in which a connected publisher must send its first byte" },
    limit! { "unfinished-timeout", "TIME", Time<1>, unfinished_timeout, Now,
    "Time for a message of a publisher or browser, from its first byte to its last" },
    limit! { "unfinished-len-max", "SIZE", Size<1>, unfinished_len_max, Now,
    "Total length of all messages that publishers have begun and not finished. A publisher that exceeds it is \
     refused" },
    limit! { "raw-idle-timeout", "TIME", Time<1>, raw_idle_timeout, Now,
    "Pause of a raw JSON publisher after which its connection is closed for writing, so that a program that waits \
     for an answer ends. Data that arrives within an hour is still accepted" },
    limit! { "answer-timeout", "TIME", Time<1>, answer_timeout, Now,
    "Time in which a publisher must read its answers" },
    row! { Limits, "id-memory", "TIME", One<Time<1>>, options.id_limits.id_memory, Restart,
    "Time for which the id of a publish is remembered. Until then, another publish with this id is answered with \
     the first one's receipt" },
    row! { Limits, "ids-max", "NUMBER", One<Count<1, { usize::MAX }>>, options.id_limits.ids_max, Restart,
    "Number of remembered ids. Beyond that, the oldest is forgotten" },
    row! { Limits, "ids-len-max", "SIZE", One<Size<1>>, options.id_limits.ids_len_max, Restart,
    "Total length of the remembered ids and their topics. Beyond that, the oldest are forgotten" },
    limit! { "backlog-len-max", "SIZE", Size<1>, backlog_len_max, Now,
    "Length of the events that are accepted and not sent yet, per thread. Beyond that, publishers wait" },
    limit! { "history-len-max", "SIZE", Size<0>, history_len_max, Now,
    "Memory for the event log: the length of all its events, and 160 bytes for each. Beyond that, the oldest are dropped. \
     0B switches the event log off" },
    limit! { "history-age-max", "TIME", Time<1>, history_age_max, Now,
    "Time for which the event log keeps an event. A browser that was away for longer may have a gap" },
    limit! { "history-topic-events-max", "NUMBER", Count<1, { usize::MAX }>, history_topic_events_max, Now,
    "Events of one topic in the event log. Beyond that, the oldest are dropped" },
    limit! { "history-topic-len-max", "SIZE", Size<1024>, history_topic_len_max, Now,
    "Length of one topic's events in the event log, and 160 bytes for each. Beyond that, the oldest are dropped. A \
     longer event is delivered, but not kept" },
    limit! { "redis-wait", "TIME", Time<1>, redis_wait, Now,
    "Time that a publish waits for Redis. Then it is refused, and the publisher can try again" },
    limit! { "webhook-timeout", "TIME", Time<1>, webhook_timeout, Now,
    "Time in which the site must answer a request of pusher-webhook. Otherwise it is sent again" },
    limit! { "webhook-retry-max", "TIME", Time<0>, webhook_retry_max, Now,
    "Time for which a request of pusher-webhook that fails is sent again. Then its events are dropped" },
    limit! { "webhook-events-max", "NUMBER", Count<1, { usize::MAX }>, webhook_events_max, Now,
    "Events that wait for one URL of pusher-webhook. Beyond that, the oldest are dropped" },
];
