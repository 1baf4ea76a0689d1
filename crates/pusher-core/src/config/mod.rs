//! Options and limits of a server, and the types of their values.

mod address;
mod certificate;
mod host;
mod io_uring;
mod limits;
mod live;
mod options;
mod origin;
mod pem;
mod proxy;
mod redis;
mod regular_file;
mod slow_policy;
mod socket_access;
mod state;
mod token;
mod topic_pattern;
mod webhook;

pub use address::{PublishAddress, PublishAddressError};
pub use certificate::{Certificate, CertificateError, not_after, not_before, read_certificates};
pub(crate) use host::HostName;
pub use host::{KnownHost, KnownHostError};
pub use io_uring::{IoUring, IoUringError};
pub use limits::{IdLimits, Limits};
pub(crate) use live::Live;
pub use options::{LiveOptions, Options, TicketOptionsError};
pub(crate) use origin::OriginRules;
pub use origin::{AllowedOrigin, AllowedOriginError};
pub(crate) use proxy::{Forwarded, Proxies, forwarded_hosts};
pub use proxy::{TrustedProxy, TrustedProxyError};
pub use redis::{
    RedisAddress, RedisAddressError, RedisOptions, RedisPassword, RedisPrefix, RedisPrefixError,
};
pub(crate) use redis::{RedisTarget, Sentinel};
pub use regular_file::open_regular_file;
pub(crate) use slow_policy::slow_policy_of;
pub use slow_policy::{SlowPolicy, SlowPolicyError};
pub use socket_access::SocketAccess;
pub use state::{StateOptions, SyncPolicy, SyncPolicyError};
pub use token::PublishToken;
pub use topic_pattern::{TopicPattern, TopicPatternError};
pub use webhook::{WebhookOptionsError, WebhookUrl, WebhookUrlError};
