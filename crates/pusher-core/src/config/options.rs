//! The options of a server.

use std::net::SocketAddr;
use std::thread;

use super::{
    AllowedOrigin, Certificate, KnownHost, Limits, PublishAddress, PublishToken, SlowPolicy,
    SocketAccess, TopicPattern, TrustedProxy,
};

/// What a server needs to know. `Options::default()` is what `pushd` without arguments does.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The public door: where browsers connect. Default `0.0.0.0:8080`.
    pub listen: Vec<SocketAddr>,
    /// With it the public door speaks TLS too: whoever begins with a TLS handshake gets https and wss,
    /// and others http and ws as before, at the same port. Default none.
    pub certificate: Option<Certificate>,
    /// The private door: where publishers connect. Default `127.0.0.1:5555`. Without a
    /// `publish_token` whoever can connect may publish, so only loopback addresses and unix sockets
    /// are possible then.
    pub publish_listen: Vec<PublishAddress>,
    /// Who may use the unix sockets of the private door.
    pub publish_socket: SocketAccess,
    /// The secret that publishers must show, on all addresses. Raw JSON and ZeroMQ can't, and are
    /// refused. Default none.
    pub publish_token: Option<PublishToken>,
    /// Names by which publishers reach the private door in HTTP, beside `localhost` and the IP
    /// address that they connect to. A request with another `Host` may come from a page whose name
    /// was pointed here, and is refused. Default none.
    pub publish_hosts: Vec<KnownHost>,
    /// Names by which browsers call this server, beside its addresses and `localhost`. With any of them
    /// a page of another name is one of another site, even if the name was pointed here (DNS
    /// rebinding). Default none: any name will do.
    pub public_hosts: Vec<KnownHost>,
    /// Sites whose pages may connect, beside those of the host that the browser calls this server
    /// by: by default a page of `http://example.com:8000` may connect to `ws://example.com:8080`,
    /// and a page of another host gets 403. Whoever sends no `Origin` is no page and may connect.
    /// Default none.
    pub allow_origins: Vec<AllowedOrigin>,
    /// Proxies that are believed when they say for whom they speak (`X-Forwarded-For`, `Forwarded`)
    /// and what the browser calls this server (`X-Forwarded-Host`): limits, log and
    /// [`Session::peer_addr`](crate::Session::peer_addr) go by that. Default none.
    pub trust_proxies: Vec<TrustedProxy>,
    /// What becomes of events for a browser that does not take them fast enough, by topic: the first
    /// pattern that matches counts. Default none, which is [`SlowPolicy::Disconnect`] for all.
    pub slow_policies: Vec<(TopicPattern, SlowPolicy)>,
    /// Threads that serve. Default: one for each processor that the process may use.
    pub shards: usize,
    /// What the server calls itself in WELCOME.
    pub server_ident: String,
    /// What is allowed.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            certificate: None,
            publish_listen: vec![SocketAddr::from(([127, 0, 0, 1], 5555)).into()],
            publish_socket: SocketAccess::default(),
            publish_token: None,
            publish_hosts: Vec::new(),
            public_hosts: Vec::new(),
            allow_origins: Vec::new(),
            trust_proxies: Vec::new(),
            slow_policies: Vec::new(),
            shards: thread::available_parallelism().map_or(1, usize::from),
            server_ident: concat!("pusher-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
        }
    }
}
