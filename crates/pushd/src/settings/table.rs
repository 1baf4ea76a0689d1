//! The table: every setting, with its default. Flags, variables, the file's keys, `--print-config`
//! and `--help` all come from here.

use std::path::PathBuf;

use pusher_core::{
    AllowedOrigin, KnownHost, Options, PublishAddress, PublishToken, TopicPattern, TrustedProxy,
};

use super::kinds::{Address, Count, File, Group, Mode, Policy, Secret, Size, Text, Time};
use super::setting::{Part, Reload, Setting};
use super::shapes::{Any, Maybe, One, Shape, Some1};
use crate::log::{Format, Levels};

/// What the daemon is to do. The defaults stand here and in `pusher_core`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) options: Options,
    /// `None` is one for each processor.
    pub(crate) threads: Option<usize>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) client_publish: Vec<TopicPattern>,
    pub(crate) log: Levels,
    pub(crate) log_format: Format,
}

/// A row: name, value's name, kind, field, what a reload does, help.
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
            options.limits.$field,
            $reload,
            $help
        )
    };
}

/// Every setting, in the order of `--help`.
pub(crate) const SETTINGS: &[Setting] = &[
    row! { Doors, "listen", "ADDRESS:PORT", Some1<Address>, options.listen, Restart,
    "Where browsers connect; port 0 lets the system choose" },
    row! { Doors, "tls-certificate", "FILE", Maybe<File>, tls_certificate, Now,
    "Speak TLS too, at the same ports, with this certificate and those between it and its issuer (PEM, \
     certbot's fullchain.pem). The file is read again when it changes" },
    row! { Doors, "tls-key", "FILE", Maybe<File>, tls_key, Now,
    "The certificate's key (PEM, certbot's privkey.pem)" },
    row! { Doors, "publish-listen", "ADDRESS", Some1<Text<PublishAddress>>, options.publish_listen, Restart,
    "Where publishers connect: ADDRESS:PORT or unix:/PATH; may be given several times. Without a \
     token whoever can connect here may publish, so that others than 127.0.0.1 need one" },
    row! { Doors, "publish-mode", "MODE", One<Mode>, options.publish_socket.mode, Restart,
    "Permissions of the publishers' unix sockets, in octal: whoever may write may publish" },
    row! { Doors, "publish-group", "GROUP", Maybe<Group>, options.publish_socket.gid, Restart,
    "Group of the publishers' unix sockets, by name or number, such as www-data. By default the \
     group that pushd runs as" },
    Setting {
        is_secret: true,
        ..row! { Doors, "publish-token", "TOKEN", Maybe<Secret<PublishToken>>, options.publish_token, Now,
        "The secret that publishers must show, wherever they connect; raw JSON and ZeroMQ can't and are \
         refused. Other users of this machine see what stands here: set PUSHD_PUBLISH_TOKEN, or \
         publish-token in the file, instead" }
    },
    row! { Doors, "publish-host", "NAME", Any<Text<KnownHost>>, options.publish_hosts, Now,
    "A name by which publishers call this server in HTTP, beside localhost and the address that they \
     connect to; may be given several times. Requests to other hosts are refused: a page whose name \
     was pointed here could have sent them" },
    row! { Doors, "public-host", "NAME", Any<Text<KnownHost>>, options.public_hosts, Now,
    "A name by which browsers call this server; may be given several times. With it a page of another \
     name may not connect, even if the name was pointed here: it counts as one of another site. By \
     default any name will do" },
    row! { Doors, "allow-origin", "ORIGIN", Any<Text<AllowedOrigin>>, options.allow_origins, Now,
    "A site whose pages may connect, beside those of the host that the browser calls this server by: \
     https://example.com, example.com (any scheme and port), *.example.com, null or *; may be given \
     several times" },
    row! { Doors, "trust-proxy", "NETWORK", Any<Text<TrustedProxy>>, options.trust_proxies, Restart,
    "A proxy that is believed when it says for whom it speaks (X-Forwarded-For, Forwarded): an \
     address, a network such as 10.0.0.0/8, or loopback; may be given several times" },
    row! { Doors, "client-publish", "PATTERN", Any<Text<TopicPattern>>, client_publish, Now,
    "Topics that browsers may publish to, beside publishers: a URI, or its beginning and a `*`; may \
     be given several times. By default they may not publish at all" },
    row! { Doors, "slow-policy", "PATTERN=POLICY", Any<Policy>, options.slow_policies, Now,
    "What becomes of events that wait for a browser that does not take them: disconnect (it is dropped \
     when too much waits, the default), drop-oldest or keep-latest, for the topics of a pattern; may be \
     given several times, and the first that matches counts" },
    row! { Doors, "threads", "NUMBER", Maybe<Count<1, 1024>>, threads, Restart,
    "Threads that serve; by default one for each processor" },
    row! { Log, "log", "LEVEL", One<Text<Levels>>, log, Now,
    "What to log on standard error: error, warn, info, debug or trace; info,pusher_core=debug is another level for \
     one of the crates pushd and pusher_core" },
    row! { Log, "log-format", "FORMAT", One<Text<Format>>, log_format, Restart,
    "How: human, json, journald (with systemd's levels), or auto, which is journald where standard \
     error goes to systemd's journal, and else human" },
    limit! { "connections-max", "NUMBER", Count<1, { usize::MAX }>, connections_max, Now,
    "Browsers connected at the same time; the next one gets 503. Fewer where the limit of open files \
     allows no more" },
    limit! { "connections-per-address-max", "NUMBER", Count<1, { usize::MAX }>, connections_per_address_max, Now,
    "Browsers connected from one address, or one IPv6 network of 64 bits; the next one gets 429. \
     This machine's own addresses, where a proxy connects from, have no limit" },
    limit! { "handshake-len-max", "SIZE", Size<1024>, handshake_len_max, Now,
    "Request line and headers of a browser; beyond is 431" },
    limit! { "headers-max", "NUMBER", Count<1, 100>, headers_max, Now,
    "Headers of a request; beyond is 431" },
    limit! { "handshake-timeout", "TIME", Time<1>, handshake_timeout, Now,
    "Until the handshake must be over; beyond is 408" },
    limit! { "client-message-len-max", "SIZE", Size<1>, client_message_len_max, Now,
    "A browser's message; beyond is close code 1009" },
    limit! { "client-messages-per-second", "NUMBER", Count<1, { usize::MAX }, u32>, client_messages_per_second, Now,
    "What a browser may say on average, in messages, pings and the like; beyond is close code 1008" },
    limit! { "client-messages-burst", "NUMBER", Count<1, { usize::MAX }, u16>, client_messages_burst, Now,
    "And so many at once before that: a page that comes back subscribes to all its topics at once" },
    limit! { "topic-len-max", "SIZE", Size<1>, topic_len_max, Now,
    "A topic; beyond, the publish is refused, and a browser gets close code 1008" },
    limit! { "topics-max", "NUMBER", Count<1, { usize::MAX }>, topics_max, Now,
    "Topics that one browser may be subscribed to; beyond is close code 1008" },
    limit! { "topics-len-max", "SIZE", Size<1>, topics_len_max, Now,
    "All topics that one browser is subscribed to; beyond is close code 1008" },
    limit! { "prefixes-max", "NUMBER", Count<0, { usize::MAX }>, prefixes_max, Now,
    "Prefixes that one browser may define; beyond is close code 1008" },
    limit! { "prefixes-len-max", "SIZE", Size<0>, prefixes_len_max, Now,
    "These and their URIs; beyond is close code 1008" },
    limit! { "outbox-len-max", "SIZE", Size<1>, outbox_len_max, Now,
    "What may wait for one browser behind the event that is being sent; beyond, it is dropped as a slow \
     consumer" },
    limit! { "write-timeout", "TIME", Time<1>, write_timeout, Now,
    "How long a browser may take nothing at all although something waits for it; beyond, it is dropped \
     as a slow consumer" },
    limit! { "events-len-max", "SIZE", Size<1>, events_len_max, Now,
    "All events in memory, each counted once however many browsers it waits for: from half of it on the \
     browsers that have taken nothing for longest are dropped" },
    limit! { "ping-interval", "TIME", Time<10>, ping_interval, Now,
    "A browser that is silent for so long is pinged" },
    limit! { "pong-timeout", "TIME", Time<10>, pong_timeout, Now,
    "How long after the ping a browser must have said something" },
    limit! { "closing-grace", "TIME", Time<0>, closing_grace, Now,
    "How long publishers are still heard when the server ends, for what they have sent before" },
    limit! { "flush-timeout", "TIME", Time<0>, flush_timeout, Now,
    "How long what is queued may take to leave when a connection or the server ends" },
    limit! { "linger-timeout", "TIME", Time<0>, linger_timeout, Now,
    "How long a browser may take to hang up after a close frame" },
    limit! { "publishers-max", "NUMBER", Count<1, { usize::MAX }>, publishers_max, Now,
    "Publishers connected at the same time; the next one takes the place of the one that was idle longest" },
    limit! { "watchers-max", "NUMBER", Count<0, { usize::MAX }>, watchers_max, Now,
    "Operators that watch a topic's events, on the status page for instance" },
    limit! { "event-len-max", "SIZE", Size<1>, event_len_max, Now,
    "An event, as JSON text; beyond, the publish is refused. 1 MB of Japanese is 2 MB of JSON if PHP's \
     json_encode escapes it" },
    limit! { "publish-len-max", "SIZE", Size<1>, publish_len_max, Now,
    "A publisher's message, event and all: not less than event-len-max" },
    limit! { "first-byte-timeout", "TIME", Time<1>, first_byte_timeout, Now,
    "How long a publisher may connect without a word" },
    limit! { "unfinished-timeout", "TIME", Time<1>, unfinished_timeout, Now,
    "How long a publisher's message may take from its first byte to its last" },
    limit! { "unfinished-len-max", "SIZE", Size<1>, unfinished_len_max, Now,
    "All messages that publishers have begun and not finished; whoever goes beyond is refused" },
    limit! { "raw-idle-timeout", "TIME", Time<1>, raw_idle_timeout, Now,
    "How long a publisher of raw JSON may pause before its program is told that nothing comes back; \
     what it sends within an hour is still taken" },
    limit! { "answer-timeout", "TIME", Time<1>, answer_timeout, Now,
    "How long a publisher may leave its answers unread" },
    limit! { "id-memory", "TIME", Time<1>, id_memory, Restart,
    "How long a publish's id is remembered: until then, another publish with it is answered by the \
     first one's receipt" },
    limit! { "ids-max", "NUMBER", Count<1, { usize::MAX }>, ids_max, Restart,
    "Ids that are remembered; beyond, the oldest is forgotten" },
    limit! { "ids-len-max", "SIZE", Size<1>, ids_len_max, Restart,
    "These ids and their topics; beyond, the oldest are forgotten" },
    limit! { "backlog-len-max", "SIZE", Size<1>, backlog_len_max, Now,
    "Events that are accepted and not yet sent, of each thread; beyond, publishers wait" },
];
