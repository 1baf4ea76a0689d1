//! The options of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use super::{
    AllowedOrigin, Certificate, IdLimits, KnownHost, Limits, PublishAddress, PublishToken,
    RedisOptions, RedisPassword, SlowPolicy, SocketAccess, StateOptions, TopicPattern,
    TrustedProxy,
};

/// All options of a server. `pushd` without arguments runs with `Options::default()`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The public listeners, where browsers connect. Default `0.0.0.0:8080`.
    pub listen: Vec<SocketAddr>,
    /// The publish listeners, where publishers connect. Default `127.0.0.1:5555`. Without a `publish_token`,
    /// only loopback addresses and unix sockets are accepted, because every client that connects may publish.
    pub publish_listen: Vec<PublishAddress>,
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
        found.map_or(0, |(_, count)| *count)
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
            publish_socket: SocketAccess::default(),
            trust_proxies: Vec::new(),
            shards: thread::available_parallelism().map_or(1, usize::from),
            server_ident: concat!("pusher-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            id_limits: IdLimits::default(),
            state: None,
            spool_dir: None,
            redis: None,
            live: LiveOptions::default(),
        }
    }
}
