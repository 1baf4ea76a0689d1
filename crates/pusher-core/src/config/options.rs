//! The options of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use pusher_proto::RESERVED_PREFIX;
use pusher_proto::channels::{Channel, ChannelsApp};
use pusher_proto::ticket::TicketKeys;

use super::webhook::WEBHOOKS_MAX;
use super::{
    AllowedOrigin, Certificate, IdLimits, IoUring, KnownHost, Limits, PublishAddress, PublishToken,
    RedisOptions, RedisPassword, SlowPolicy, SocketAccess, StateOptions, TopicPattern,
    TrustedProxy, WebhookOptionsError, WebhookUrl,
};

/// Options of tickets that contradict others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketOptionsError {
    /// `private_topics` or `presence` without `ticket_keys`.
    #[error(
        "private-topics and presence need the key that signs tickets: create one with `pusherd ticket rotate FILE`, and set \
         ticket-key-file"
    )]
    NoKeys,
    /// `private_topics` or `presence`, and `allow_origins` with `*` or `null`.
    #[error(
        "allow-origin * or null does not go with private-topics and presence: any site's page could subscribe with the cookie of a \
         visitor who is logged in; name the sites"
    )]
    AnyOrigin,
}

/// All options of a server. `pushd` without arguments runs with `Options::default()`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The public listeners, where browsers connect. Default `0.0.0.0:8080`.
    pub listen: Vec<SocketAddr>,
    /// The publish listeners, where publishers connect. Default `127.0.0.1:5555`. Without a `publish_token`,
    /// only loopback addresses and unix sockets are accepted, because every client that connects may publish.
    pub publish_listen: Vec<PublishAddress>,
    /// Listeners that serve only the signed requests of the Pusher Channels protocol, for sites on other machines. They need
    /// no `publish_token`, because each request is signed with the secret of `channels_app`. Default none: the publish
    /// listeners serve these requests.
    pub signed_listen: Vec<SocketAddr>,
    /// Permissions of the unix sockets among the publish listeners.
    pub publish_socket: SocketAccess,
    /// Proxies that are believed when they name the client (`X-Forwarded-For`, `Forwarded`) and the host that the
    /// browser asked for (`X-Forwarded-Host`). Limits, log and [`Session::peer_addr`](crate::Session::peer_addr) use
    /// that client. Default none.
    pub trust_proxies: Vec<TrustedProxy>,
    /// Number of threads. Default: one for each processor that the process may use.
    pub shards: usize,
    /// The name of the server in WELCOME.
    pub server_ident: String,
    /// Limits of the known publish ids.
    pub id_limits: IdLimits,
    /// Where the log is kept over a restart. Default none: a restart begins an empty log, and clients that come back are
    /// told of a gap.
    pub state: Option<StateOptions>,
    /// The directory in which publishers leave events while the server is away. Default none.
    pub spool_dir: Option<PathBuf>,
    /// The Redis server through which this server shares its log with others. Then `state` is not used. Default none: the
    /// server has a log of its own.
    pub redis: Option<RedisOptions>,
    /// Whether the fan-out writes to several browsers with one system call. Only on Linux. Default auto.
    pub io_uring: IoUring,
    /// The options that can change while the server runs.
    pub live: LiveOptions,
}

/// The options that can change while the server runs: [`Control::reload`](crate::Control::reload).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LiveOptions {
    /// With a certificate, the public listeners accept TLS, too: a connection that begins with a TLS handshake gets
    /// https and wss, any other one http and ws, on the same port. Default none.
    pub certificate: Option<Certificate>,
    /// The secret that publishers must send, on all addresses. Raw JSON and ZeroMQ cannot send one and are refused.
    /// Default none.
    pub publish_token: Option<PublishToken>,
    /// Names by which publishers call this server in HTTP, in addition to `localhost` and the IP address that they
    /// connect to. The server refuses requests with another `Host`: a page can send them by DNS rebinding. Default none.
    pub publish_hosts: Vec<KnownHost>,
    /// Names by which browsers call this server, in addition to its addresses and `localhost`. If there are any, a page
    /// of another name counts as a page of another site, even if that name was pointed here (DNS rebinding). Default
    /// none: every name is accepted.
    pub public_hosts: Vec<KnownHost>,
    /// Other sites whose pages may connect. Pages of the server's own host always may, from any port: a page of
    /// `http://example.com:8000` can connect to `ws://example.com:8080`. A page of any other host gets 403. A client that sends no `Origin` is not a page and may connect. Default none.
    pub allow_origins: Vec<AllowedOrigin>,
    /// The policies for events that a browser does not read fast enough, by topic. The first matching pattern
    /// decides. Default none, which is [`SlowPolicy::Disconnect`] for all topics.
    pub slow_policies: Vec<(TopicPattern, SlowPolicy)>,
    /// The topics whose events the log keeps, for subscribers that come back. Default all topics.
    pub history: Vec<TopicPattern>,
    /// The number of last events that a new subscriber gets at once, by topic. The first matching pattern decides.
    /// Default none, which is 0 for all topics.
    pub replay_on_subscribe: Vec<(TopicPattern, usize)>,
    /// The topics that need a ticket. The others are open to every browser. Needs `ticket_keys`. Default none.
    pub private_topics: Vec<TopicPattern>,
    /// The topics of which the server tells who is subscribed. Needs `ticket_keys`. Default none.
    pub presence: Vec<TopicPattern>,
    /// The keys that sign tickets. With them, "any origin" is not possible: another site's page could use a visitor's
    /// cookie. Default none.
    pub ticket_keys: Option<TicketKeys>,
    /// The application whose browsers speak the Pusher Channels protocol. With it, `private-` and `presence-` topics are
    /// private, `presence-` topics have presence, and new subscribers of `cache-` topics get the last event, in all
    /// protocols. Default none: nobody can speak the protocol.
    pub channels_app: Option<ChannelsApp>,
    /// The `private-` and `presence-` topics to whose other subscribers browsers may send events, named `client-`, in the
    /// Pusher Channels protocol. Default none.
    pub client_events: Vec<TopicPattern>,
    /// URLs of the site to which the server tells which channels have subscribers, and who is a member of a presence
    /// channel. Needs `channels_app`. At most 4. Default none.
    pub webhooks: Vec<WebhookUrl>,
    /// The channels whose subscribers are told how many they are, in the Pusher Channels protocol. Presence channels have
    /// their members instead. Default none.
    pub subscription_counts: Vec<TopicPattern>,
    /// Events of at least this length, in bytes, are compressed for browsers that offer permessage-deflate. Default none:
    /// the server does not accept the offer.
    pub compression_len_min: Option<usize>,
    /// The password for Redis, instead of the one in its address. Default none.
    pub redis_password: Option<RedisPassword>,
    /// The limits that can change while the server runs. The others are [`IdLimits`].
    pub limits: Limits,
}

impl LiveOptions {
    /// Whether the log keeps the events of a topic.
    pub(crate) fn has_history(&self, topic: &str) -> bool {
        self.limits.history_len_max > 0 && self.history.iter().any(|pattern| pattern.matches(topic))
    }

    /// Whether a topic needs a ticket. The server's own topics are open, or follow the topic in their name.
    pub(crate) fn is_private(&self, topic: &str) -> bool {
        let mut patterns = self.private_topics.iter();
        let is_private = patterns.any(|pattern| pattern.matches(topic))
            || (self.channels_app.is_some() && Channel::has_private_prefix(topic));
        is_private && !topic.starts_with(RESERVED_PREFIX)
    }

    /// Whether browsers may send events to a topic in the Pusher Channels protocol.
    pub(crate) fn allows_client_events(&self, topic: &str) -> bool {
        let mut patterns = self.client_events.iter();
        patterns.any(|pattern| pattern.matches(topic))
    }

    /// Whether the subscribers of a channel are told how many they are.
    pub(crate) fn tells_subscription_count(&self, channel: Channel<'_>) -> bool {
        let mut patterns = self.subscription_counts.iter();
        !channel.is_presence() && patterns.any(|pattern| pattern.matches(channel.name()))
    }

    /// Checks that webhooks can be signed.
    pub(crate) fn check_webhooks(&self) -> Result<(), WebhookOptionsError> {
        match self.webhooks.len() {
            0 => Ok(()),
            _ if self.channels_app.is_none() => Err(WebhookOptionsError::NoApp),
            1..=WEBHOOKS_MAX => Ok(()),
            len => Err(WebhookOptionsError::TooMany(len)),
        }
    }

    /// Returns the topic as a channel, if browsers may speak the Pusher Channels protocol.
    fn channel<'a>(&self, topic: &'a str) -> Option<Channel<'a>> {
        self.channels_app.as_ref()?;
        Channel::parse(topic).ok()
    }

    /// Whether the server tells who is subscribed to a topic.
    pub(crate) fn has_presence(&self, topic: &str) -> bool {
        let mut patterns = self.presence.iter();
        let has_presence = patterns.any(|pattern| pattern.matches(topic))
            || self.channel(topic).is_some_and(Channel::is_presence);
        has_presence && !topic.starts_with(RESERVED_PREFIX)
    }

    /// Whether any topic has presence.
    pub(crate) fn may_have_presence(&self) -> bool {
        !self.presence.is_empty() || self.channels_app.is_some()
    }

    /// Checks that tickets can be verified, and that no page of another site can use them.
    pub(crate) fn check_tickets(&self) -> Result<(), TicketOptionsError> {
        let wants_tickets = !self.private_topics.is_empty() || !self.presence.is_empty();
        if wants_tickets && self.ticket_keys.is_none() {
            return Err(TicketOptionsError::NoKeys);
        }
        let is_open = self.allow_origins.iter().any(AllowedOrigin::is_any);
        match wants_tickets && is_open {
            true => Err(TicketOptionsError::AnyOrigin),
            false => Ok(()),
        }
    }

    /// Returns a number that stands for the topics that have history. Options with the same patterns have the same
    /// number, also in another run.
    pub(crate) fn history_selection(&self) -> u64 {
        let patterns: Vec<_> = match self.limits.history_len_max {
            0 => Vec::new(),
            _ => self.history.iter().map(ToString::to_string).collect(),
        };
        // No topic has a line end in a pattern: the settings are text of one line.
        u64::from(crc32fast::hash(patterns.join("\n").as_bytes()))
    }

    /// Returns the number of last events that a new subscriber of a topic gets.
    pub(crate) fn replay_on_subscribe(&self, topic: &str) -> usize {
        let mut patterns = self.replay_on_subscribe.iter();
        let found = patterns.find(|(pattern, _)| pattern.matches(topic));
        let found = found.map_or(0, |(_, count)| *count);
        match self.channel(topic) {
            _ if topic.starts_with(RESERVED_PREFIX) => 0,
            Some(channel) if channel.is_cache() => found.max(1),
            _ => found,
        }
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            certificate: None,
            publish_token: None,
            publish_hosts: Vec::new(),
            public_hosts: Vec::new(),
            allow_origins: Vec::new(),
            slow_policies: Vec::new(),
            history: vec![TopicPattern::all()],
            replay_on_subscribe: Vec::new(),
            private_topics: Vec::new(),
            presence: Vec::new(),
            ticket_keys: None,
            channels_app: None,
            client_events: Vec::new(),
            webhooks: Vec::new(),
            subscription_counts: Vec::new(),
            compression_len_min: None,
            redis_password: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            publish_listen: vec![SocketAddr::from(([127, 0, 0, 1], 5555)).into()],
            signed_listen: Vec::new(),
            publish_socket: SocketAccess::default(),
            trust_proxies: Vec::new(),
            shards: thread::available_parallelism().map_or(1, usize::from),
            server_ident: concat!("pusher-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            id_limits: IdLimits::default(),
            state: None,
            spool_dir: None,
            redis: None,
            io_uring: IoUring::default(),
            live: LiveOptions::default(),
        }
    }
}
