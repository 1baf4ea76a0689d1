//! Host names in HTTP headers and options.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::uri::Authority;

/// A host without its port, normalized so that two of them can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostName {
    /// An IP address. An IPv4 address that is mapped to IPv6 is an IPv4 address here.
    Ip(IpAddr),
    /// A name in lower case, without a final dot.
    Name(String),
}

impl HostName {
    /// Parses the host in `example.org`, `example.org:8080` or `[::1]:8080`. Returns `None` for other texts.
    pub(crate) fn parse(host: &str) -> Option<Self> {
        let authority: Authority = host.parse().ok()?;
        if host.contains('@') {
            return None;
        }
        let name = authority.host();
        let bracketed = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        if let Ok(ip) = bracketed.unwrap_or(name).parse::<IpAddr>() {
            return Some(Self::Ip(ip.to_canonical()));
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = bracketed.is_none() && !name.is_empty();
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Parses a host in an option, where a port and a `*` are not allowed.
    pub(crate) fn parse_without_port(text: &str) -> Option<Self> {
        let has_port = text.contains(':') && !text.ends_with(']');
        let is_alone = !text.contains('*') && !has_port;
        is_alone.then(|| Self::parse(text)).flatten()
    }

    /// Whether the host is a loopback address, `localhost` or a name below it (RFC 6761, section 6.3).
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Writes the host as in a URI: IPv6 addresses have brackets.
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A name of this server, without a port: `example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost(HostName);

/// A text that is not a [`KnownHost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host name looks like example.com, without scheme, port or path")]
pub struct KnownHostError;

impl KnownHost {
    pub(crate) fn is(&self, host: &HostName) -> bool {
        self.0 == *host
    }
}

impl FromStr for KnownHost {
    type Err = KnownHostError;

    fn from_str(text: &str) -> Result<Self, KnownHostError> {
        HostName::parse_without_port(text)
            .map(Self)
            .ok_or(KnownHostError)
    }
}

impl fmt::Display for KnownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_parsed_without_port_and_case() {
        let name = |text: &str| Some(HostName::Name(text.to_owned()));
        let ip = |text: &str| Some(HostName::Ip(text.parse().unwrap()));
        for (host, parsed) in [
            ("example.org", name("example.org")),
            ("EXAMPLE.org:8080", name("example.org")),
            ("example.org.:80", name("example.org")),
            ("127.0.0.1:1", ip("127.0.0.1")),
            ("[::1]", ip("::1")),
            ("[0:0:0:0:0:0:0:1]:8080", ip("::1")),
            ("[::ffff:10.0.0.1]", ip("10.0.0.1")),
            ("", None),
            (":80", None),
            (".", None),
            ("a b", None),
            ("[zz]", None),
            ("user@example.org", None),
            ("example.org/x", None),
        ] {
            assert_eq!(HostName::parse(host), parsed, "{host:?}");
        }
    }

    #[test]
    fn a_known_host_has_no_port_or_path() {
        let known: KnownHost = "EXAMPLE.org.".parse().unwrap();
        assert_eq!(known.to_string(), "example.org");
        for (host, expect) in [("example.org:8080", true), ("www.example.org", false)] {
            assert_eq!(known.is(&HostName::parse(host).unwrap()), expect, "{host}");
        }
        for text in ["", "*", "example.com:80", "https://example.com", "a/b"] {
            assert_eq!(text.parse::<KnownHost>(), Err(KnownHostError), "{text}");
        }
    }

    #[test]
    fn loopback_hosts() {
        for (host, is_loopback) in [
            ("localhost:8080", true),
            ("blog.localhost", true),
            ("127.3.2.1", true),
            ("[::1]:80", true),
            ("notlocalhost", false),
            ("localhost.example.org", false),
            ("192.0.2.1", false),
        ] {
            let name = HostName::parse(host).unwrap();
            assert_eq!(name.is_loopback(), is_loopback, "{host}");
        }
    }
}
