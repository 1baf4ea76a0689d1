//! The origins whose pages may connect: pages of the server's own host, and origins that the operator allows.
//!
//! A browser sends `Origin` in every WebSocket handshake, and a page cannot change it. So a page of another site cannot
//! connect with the visitor's cookies, or from inside the visitor's network. Clients that are not browsers can send any
//! `Origin` and usually send none, so a request without `Origin` is allowed.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::{HostName, KnownHost};

/// Pages that may connect, in addition to those of the server's own host.
///
/// As text: `https://example.com` (this scheme, host and port), `example.com` (the host with any
/// scheme and port), `*.example.com` (all hosts below it), `null` (pages without an origin, such as
/// sandboxed frames and, in some browsers, files), `*` (every page of every site).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Any,
    /// An origin without a host, such as `null`. Compared as text.
    Opaque(String),
    Host(HostName),
    /// The suffix of the host, with its leading dot.
    Below(String),
    Origin(Tuple),
}

/// A text that is not an [`AllowedOrigin`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin looks like https://example.com, example.com, *.example.com, null or *, without a path"
)]
pub struct AllowedOriginError;

/// An origin that has a host (RFC 6454, section 4). For the scheme's default port, `port` is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tuple {
    scheme: String,
    host: HostName,
    port: Option<u16>,
}

impl FromStr for AllowedOrigin {
    type Err = AllowedOriginError;

    fn from_str(text: &str) -> Result<Self, AllowedOriginError> {
        let rule = match text {
            "*" => Some(Rule::Any),
            "null" | "file://" => Some(Rule::Opaque(text.to_owned())),
            _ if text.contains("://") => Tuple::parse(text).map(Rule::Origin),
            _ => match text.strip_prefix("*.") {
                Some(name) => below(name),
                None => HostName::parse_without_port(text).map(Rule::Host),
            },
        };
        rule.map(Self).ok_or(AllowedOriginError)
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Any => f.write_str("*"),
            Rule::Opaque(origin) => f.write_str(origin),
            Rule::Host(host) => host.fmt(f),
            Rule::Below(end) => write!(f, "*{end}"),
            Rule::Origin(Tuple { scheme, host, port }) => {
                write!(f, "{scheme}://{host}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

/// Returns the rule for `*.NAME`.
fn below(name: &str) -> Option<Rule> {
    match HostName::parse_without_port(name)? {
        HostName::Name(name) => Some(Rule::Below(format!(".{name}"))),
        HostName::Ip(_) => None,
    }
}

impl AllowedOrigin {
    /// Whether every site can make a page with this origin: `*` and `null`, which a sandboxed frame has.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self.0, Rule::Any | Rule::Opaque(_))
    }

    fn allows(&self, origin: &str, tuple: Option<&Tuple>) -> bool {
        match (&self.0, tuple) {
            (Rule::Any, _) => true,
            (Rule::Opaque(known), _) => known == origin,
            (Rule::Host(host), Some(tuple)) => *host == tuple.host,
            (Rule::Below(end), Some(tuple)) => {
                matches!(&tuple.host, HostName::Name(name) if name.ends_with(end))
            }
            (Rule::Origin(known), Some(tuple)) => known == tuple,
            (Rule::Host(_) | Rule::Below(_) | Rule::Origin(_), None) => false,
        }
    }
}

impl Tuple {
    /// Parses `scheme://host` or `scheme://host:port`.
    fn parse(origin: &str) -> Option<Self> {
        let uri: Uri = origin.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let authority = uri.authority()?;
        // `Uri::path` is `/` if the text has no path, so it cannot tell `http://host` from `http://host/`.
        let has_path = !origin.ends_with(authority.as_str());
        if has_path || origin.contains('*') {
            return None;
        }
        let port = match scheme.as_str() {
            "http" => authority.port_u16().filter(|&port| port != 80),
            "https" => authority.port_u16().filter(|&port| port != 443),
            _ => authority.port_u16(),
        };
        Some(Self {
            scheme,
            host: HostName::parse(authority.as_str())?,
            port,
        })
    }
}

/// The options that decide which pages may connect.
pub(crate) struct OriginRules<'a> {
    /// The names of this server. If empty, every name is accepted.
    pub(crate) hosts: &'a [KnownHost],
    /// The origins of other hosts that may connect.
    pub(crate) origins: &'a [AllowedOrigin],
}

impl OriginRules<'_> {
    /// Whether a page of this origin may connect, if the browser calls this server by one of `hosts`.
    ///
    /// Scheme and port of the origin do not matter, because the site and the push server are often two servers on one
    /// host. All loopback names are the same host.
    pub(crate) fn allow<'a>(&self, origin: &str, hosts: impl IntoIterator<Item = &'a str>) -> bool {
        let tuple = Tuple::parse(origin);
        let is_same_host = tuple.as_ref().is_some_and(|Tuple { host: page, .. }| {
            let hosts = hosts.into_iter().filter_map(HostName::parse);
            let mut hosts = hosts.filter(|host| self.is_known(host));
            hosts.any(|host| host == *page || (host.is_loopback() && page.is_loopback()))
        });
        let mut origins = self.origins.iter();
        is_same_host || origins.any(|rule| rule.allows(origin, tuple.as_ref()))
    }

    /// Whether `host` is a name of this server. IP addresses always are: unlike a name, an address cannot be pointed to
    /// this server by an attacker (DNS rebinding).
    fn is_known(&self, host: &HostName) -> bool {
        let mut hosts = self.hosts.iter();
        self.hosts.is_empty()
            || matches!(host, HostName::Ip(_))
            || host.is_loopback()
            || hosts.any(|known| known.is(host))
    }

    /// Whether the operator listed the names of this server and `host` is not one of them.
    pub(crate) fn is_unknown(&self, host: &str) -> bool {
        HostName::parse(host).is_some_and(|host| !self.is_known(&host))
    }

    /// Returns the reason for a refusal, and the setting that would allow it. For the response and the log.
    pub(crate) fn explain(&self, origin: &str, host: &str) -> String {
        if [origin, host].into_iter().any(|text| !is_harmless(text)) {
            return format!(
                "pages of {origin} may not connect: the browser calls this server {host}. A browser sends no such names"
            );
        }
        if let Some(host) = HostName::parse(host)
            && !self.is_known(&host)
        {
            return format!(
                "pages of {origin} may not connect: the browser calls this server {host}, which is not one of its \
                 names. To add the name: --public-host {host}"
            );
        }
        format!(
            "pages of {origin} may not connect: the browser calls this server {host}, which is another host. To allow \
             them: --allow-origin {origin}. If a proxy changes Host, let it send X-Forwarded-Host, and add \
             --trust-proxy with its address"
        )
    }
}

/// Whether a text can be an origin or a host of a browser, and does nothing in a shell: operators paste options.
fn is_harmless(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:/-_[]".contains(&byte);
    text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: OriginRules<'_> = OriginRules {
        hosts: &[],
        origins: &[],
    };

    #[test]
    fn pages_of_the_same_host_may_connect() {
        for (origin, host, expect) in [
            ("http://127.0.0.1:8000", "127.0.0.1:8080", true),
            ("https://example.com", "example.com:8080", true),
            ("https://EXAMPLE.com:443", "example.COM", true),
            ("http://example.com", "example.com.", true),
            ("http://[::1]:8000", "[0::1]:8080", true),
            ("http://localhost:8000", "127.0.0.1:8080", true),
            ("http://127.0.0.1", "[::1]:8080", true),
            ("http://example.com", "www.example.com", false),
            ("http://www.example.com", "example.com", false),
            ("http://example.com.evil.example", "example.com", false),
            ("http://evil.example", "localhost", false),
            ("http://localhost.evil.example", "localhost", false),
            ("http://192.0.2.1", "192.0.2.2", false),
            ("http://example.com@evil.example", "example.com", false),
            ("http://example.com/", "example.com", false),
            (
                "http://example.com http://example.com",
                "example.com",
                false,
            ),
            ("http://", "example.com", false),
            ("example.com", "example.com", false),
            ("null", "null", false),
            ("file://", "example.com", false),
            ("", "example.com", false),
            ("http://example.com", "", false),
            ("*", "example.com", false),
        ] {
            assert_eq!(ANY.allow(origin, [host]), expect, "{origin} {host}");
        }
        let forwarded = ["10.0.0.1:8080", "example.com"];
        assert!(ANY.allow("https://example.com", forwarded));
    }

    #[test]
    fn pages_of_allowed_origins_may_connect() {
        for (rule, origin, expect) in [
            ("https://example.com", "https://example.com", true),
            ("https://example.com", "https://EXAMPLE.com:443", true),
            ("https://example.com:443", "https://example.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com", "https://www.example.com", false),
            ("http://example.com:8000", "http://example.com:8000", true),
            ("example.com", "http://example.com:8000", true),
            ("example.com", "https://www.example.com", false),
            ("192.0.2.1", "http://192.0.2.1:8000", true),
            ("[2001:db8::1]", "http://[2001:db8:0::1]", true),
            ("*.example.com", "https://www.example.com", true),
            ("*.example.com", "https://a.b.example.com:1", true),
            ("*.example.com", "https://example.com", false),
            ("*.example.com", "https://evilexample.com", false),
            ("null", "null", true),
            ("null", "https://null", false),
            ("file://", "file://", true),
            ("app://obsidian.md", "app://obsidian.md", true),
            ("*", "https://example.com", true),
            ("*", "null", true),
            ("*", "anything at all", true),
        ] {
            let allowed = [rule.parse::<AllowedOrigin>().unwrap()];
            assert_eq!(allowed[0].to_string().parse(), Ok(allowed[0].clone()));
            let origins = &allowed;
            let rules = OriginRules { origins, ..ANY };
            assert_eq!(rules.allow(origin, ["10.0.0.1"]), expect, "{rule} {origin}");
        }
    }

    #[test]
    fn pages_of_unknown_hosts_may_not_connect() {
        let hosts = &["example.com", "[2001:db8::1]"].map(|host| host.parse().unwrap());
        let rules = OriginRules { hosts, ..ANY };
        for (host, expect) in [
            ("example.com:8080", true),
            ("EXAMPLE.com.", true),
            ("[2001:db8:0::1]:8080", true),
            ("192.0.2.1:8080", true),
            ("localhost:8080", true),
            ("evil.example:8080", false),
            ("www.example.com", false),
            ("example.com.evil.example", false),
        ] {
            let origin = format!("http://{host}");
            assert_eq!(rules.allow(&origin, [host]), expect, "{host}");
            assert!(ANY.allow(&origin, [host]), "{host}");
        }
        assert!(!rules.allow("http://evil.example", ["example.com"]));
        let reason = rules.explain("http://evil.example", "evil.example:8080");
        assert!(reason.ends_with("--public-host evil.example"), "{reason}");
        let reason = rules.explain("http://evil.example", "example.com");
        assert!(
            reason.contains("--allow-origin http://evil.example."),
            "{reason}"
        );
        for origin in ["http://<img/src=x>", "http://a;reboot", "http://$(reboot)"] {
            let reason = rules.explain(origin, "example.com");
            assert!(!reason.contains("--"), "{reason}");
            let reason = rules.explain("http://evil.example", origin);
            assert!(!reason.contains("--"), "{reason}");
        }
        assert!(
            !reason.contains('_'),
            "names a field of Options instead of a setting: {reason}"
        );
    }

    #[test]
    fn malformed_origins_are_refused() {
        for text in [
            "",
            "**",
            "*.",
            "*.*",
            "*.192.0.2.1",
            "a*b",
            "https://",
            "https://*.example.com",
            "https://example.com/",
            "https://example.com/blog",
            "https://user@example.com",
            "example.com:8080",
            "example.com/blog",
            "a b",
        ] {
            assert_eq!(
                text.parse::<AllowedOrigin>(),
                Err(AllowedOriginError),
                "{text}"
            );
        }
    }
}
