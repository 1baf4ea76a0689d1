//! The names that hosts have in HTTP.

use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;

/// What a host is called, so that two names of the same kind can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostName {
    /// An address, however it is written.
    Ip(IpAddr),
    /// Lower case, without a dot at the end.
    Name(String),
}

impl HostName {
    /// Reads the name out of `example.org`, `example.org:8080`, `[::1]:8080`. `None` if it is none.
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

    /// Whether it is this machine, whatever it is called elsewhere.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// As a URI has it.
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_what_is_around_them() {
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
    fn this_machine() {
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
