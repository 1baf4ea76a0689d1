//! Protection against cross-site request forgery (CSRF) and DNS rebinding. Without it any page in the operator's
//! browser could publish through `http://127.0.0.1:5555`.
//!
//! Browsers send `Origin` with every POST, and newer ones `Sec-Fetch-Site` with every request. Of all pages, only the status page may
//! send requests: its origin equals the host and port of the request. A page whose own name was made to resolve to
//! 127.0.0.1 (DNS rebinding) also has an equal origin, but its name is in `Host`, so `Host` must name this server.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Version};

use super::answer::HttpRefusal;
use crate::config::{HostName, KnownHost};
use crate::publishers::peer::Transport;

/// Refuses requests of other pages, and requests whose host is not this server. `is_file` means a request for a file of the
/// status page, which a link on another page may open.
pub(super) fn check(
    head: &Parts,
    is_file: bool,
    transport: Transport,
    allowed: &[KnownHost],
) -> Result<(), HttpRefusal> {
    let host = host(head)?;
    let headers = &head.headers;
    let is_visit = is_file && is_visit(headers);
    if !is_visit && is_from_other_page(headers, host.unwrap_or_default()) {
        let reason = "pages of other sites have no access (Origin, Sec-Fetch-Site)";
        return Err(HttpRefusal::new(StatusCode::FORBIDDEN, reason));
    }
    let Some(host) = host else {
        return Ok(());
    };
    if is_ours(host, transport, allowed) {
        return Ok(());
    }
    let reason = format!(
        "the host {host:?} is not a name of this server: allow it with --publish-host, without the port"
    );
    Err(HttpRefusal::new(StatusCode::FORBIDDEN, reason))
}

/// Returns the host that the request is for. A target in absolute form overrides `Host` (RFC 9112,
/// section 3.2.2). `None` is HTTP/1.0 without `Host`, as health checks send it; browsers speak HTTP/1.1
/// and always send the header.
fn host(head: &Parts) -> Result<Option<&str>, HttpRefusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::HTTP_10 => None,
        (Some(host), None) => Some(host.to_str().unwrap_or_default()),
        _ => return Err(HttpRefusal::bad_request("there must be one Host header")),
    };
    let target = head.uri.authority();
    Ok(target.map(|authority| authority.as_str()).or(host))
}

/// Whether the request is a navigation in a browser tab. The user sees it, and other pages cannot read the answer.
fn is_visit(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|known| known == value);
    is("Sec-Fetch-Mode", "navigate") && is("Sec-Fetch-Dest", "document")
}

/// Whether a page of another origin (host and port) makes the request.
fn is_from_other_page(headers: &HeaderMap, host: &str) -> bool {
    let mut sites = headers.get_all("Sec-Fetch-Site").iter();
    if sites.any(|site| site != "none" && site != "same-origin") {
        return true;
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.any(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.strip_prefix("http://");
        let own = own.or_else(|| origin.strip_prefix("https://"));
        !own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    })
}

/// Whether `host` is this server: a loopback address, the address of this connection, or a configured name. Browsers
/// cannot connect to a unix socket, so any host is accepted there.
fn is_ours(host: &str, transport: Transport, allowed: &[KnownHost]) -> bool {
    let Transport::Tcp { local } = transport else {
        return true;
    };
    let Some(host) = HostName::parse(host) else {
        return false;
    };
    let is_own = match &host {
        HostName::Ip(ip) => ip.is_loopback() || local == Some(*ip),
        HostName::Name(name) => name == "localhost",
    };
    is_own || allowed.iter().any(|known| known.is(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_hosts_are_accepted() {
        let tcp = |local: &str| Transport::Tcp {
            local: local.parse().ok(),
        };
        let allowed = ["push.example.org", "192.0.2.7"].map(|host| host.parse().unwrap());
        for (host, local, expect) in [
            ("127.0.0.1:5555", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.8.8.8:1", "127.0.0.1", true),
            ("localhost:5555", "127.0.0.1", true),
            ("LocalHost", "127.0.0.1", true),
            ("[::1]:5555", "::1", true),
            ("[::ffff:127.0.0.1]", "::1", true),
            ("10.1.2.3:5555", "10.1.2.3", true),
            ("10.1.2.3:5555", "127.0.0.1", false),
            ("push.example.org:5555", "10.1.2.3", true),
            ("PUSH.example.org", "127.0.0.1", true),
            ("push.example.org.:5555", "10.1.2.3", true),
            ("192.0.2.7:5555", "10.1.2.3", true),
            ("evil.example.org:5555", "127.0.0.1", false),
            ("push.example.org.evil.example.org", "127.0.0.1", false),
            ("localhost.evil.example.org", "127.0.0.1", false),
            ("evil.example.org@127.0.0.1", "127.0.0.1", false),
            ("127.0.0.1@evil.example.org", "127.0.0.1", false),
            ("127.0.0.1.evil.example.org", "127.0.0.1", false),
            ("0.0.0.0:5555", "127.0.0.1", false),
            ("", "127.0.0.1", false),
            ("a b", "127.0.0.1", false),
        ] {
            assert_eq!(is_ours(host, tcp(local), &allowed), expect, "{host}");
        }
        assert!(is_ours("example.org", Transport::Unix, &[]));
    }
}
