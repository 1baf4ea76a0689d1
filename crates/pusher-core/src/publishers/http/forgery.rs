//! Requests that a page in somebody's browser makes: refused, or any page that the operator looks
//! at could publish through `http://127.0.0.1:5555`.
//!
//! A browser says `Origin` with every POST, and newer ones `Sec-Fetch-Site`. A page whose own name
//! was pointed at 127.0.0.1 (DNS rebinding) is of the same origin as the server, and says neither
//! to GET; but then its name stands in `Host`.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};

use super::answer::Refusal;
use crate::host::HostName;
use crate::publishers::Door;

pub(super) fn check(headers: &HeaderMap, door: &Door, allowed: &[String]) -> Result<(), Refusal> {
    let is_from_page = headers
        .get("Sec-Fetch-Site")
        .is_some_and(|site| site != "none");
    if headers.contains_key(ORIGIN) || is_from_page {
        let reason = "a page in a browser cannot publish here (Origin, Sec-Fetch-Site)";
        return Err(Refusal::new(StatusCode::FORBIDDEN, reason));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::bad_request("there must be one Host header"));
    };
    let host = host.to_str().unwrap_or_default();
    if is_ours(host, door, allowed) {
        return Ok(());
    }
    let reason =
        format!("the host {host:?} is not known to be this server; --publish-host makes it known");
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// Whether whoever says this host means this server: loopback, the address that was connected to,
/// or a name that the operator knows. No browser connects to a unix socket.
fn is_ours(host: &str, door: &Door, allowed: &[String]) -> bool {
    let Door::Tcp { local } = door else {
        return true;
    };
    match HostName::parse(host) {
        None => false,
        Some(HostName::Ip(ip)) => ip.is_loopback() || *local == Some(ip),
        Some(HostName::Name(name)) => {
            let mut names = allowed.iter().map(String::as_str).chain(["localhost"]);
            names.any(|known| known.eq_ignore_ascii_case(&name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_mean_this_server() {
        let tcp = |local: &str| Door::Tcp {
            local: local.parse().ok(),
        };
        let allowed = ["push.example.org".to_owned()];
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
            assert_eq!(is_ours(host, &tcp(local), &allowed), expect, "{host}");
        }
        assert!(is_ours("whatever", &Door::Unix, &[]));
    }
}
