//! Trusted proxies in front of the public listener, and the client address in their headers.
//!
//! Every client can send these headers, so they only count if the peer is a proxy that the operator trusts. The client
//! is the last address in `X-Forwarded-For` (or in the `for` parameters of `Forwarded`, RFC 7239) that is not a trusted
//! proxy. The client itself may have written the addresses before it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// Trusted proxies: an address, a network such as `10.0.0.0/8`, or `loopback` for all loopback addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy(Network);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Network {
    Loopback,
    Network(IpNet),
}

/// A text that is not a [`TrustedProxy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is an address (192.0.2.1, 2001:db8::1), a network (10.0.0.0/8) or loopback")]
pub struct TrustedProxyError;

impl TrustedProxy {
    /// Whether the address is one of these proxies.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.0 {
            Network::Loopback => address.is_loopback(),
            Network::Network(network) => network.contains(&address),
        }
    }
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        if text == "loopback" {
            return Ok(Self(Network::Loopback));
        }
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| TrustedProxyError)?,
        };
        Ok(Self(Network::Network(network)))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Network::Loopback => f.write_str("loopback"),
            Network::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Network::Network(network) => network.fmt(f),
        }
    }
}

/// All trusted proxies.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<TrustedProxy>);

/// The forwarding headers of one request.
#[derive(Debug, Default)]
pub(crate) struct Forwarded<'a> {
    /// The values of all `X-Forwarded-For` headers, in order.
    pub(crate) x_forwarded_for: Vec<&'a str>,
    /// The values of all `Forwarded` headers, in order.
    pub(crate) forwarded: Vec<&'a str>,
}

/// `X-Forwarded-For` and `Forwarded` name different clients. A proxy usually writes only one of them, and the other one
/// comes from the client. The server cannot know which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the headers Forwarded and X-Forwarded-For name different clients: the proxy must remove the \
     one that it does not write itself"
)]
pub(crate) struct Contradiction;

impl Proxies {
    pub(crate) fn new(trusted: Vec<TrustedProxy>) -> Self {
        Self(trusted)
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.contains(address))
    }

    /// Returns the client that a trusted proxy names, with port 0 if the header has no port. Returns `peer` if it is
    /// not a trusted proxy, or names no client.
    pub(crate) fn client(
        &self,
        peer: SocketAddr,
        headers: &Forwarded<'_>,
    ) -> Result<SocketAddr, Contradiction> {
        if !self.trust(peer.ip()) {
            return Ok(peer);
        }
        let by_x = headers.x_forwarded_for.iter();
        let by_x = self.last_untrusted(peer, by_x.flat_map(|line| line.split(',')).map(node));
        let by_rfc = headers.forwarded.iter().flat_map(|line| elements(line));
        let by_rfc =
            self.last_untrusted(peer, by_rfc.map(|element| node(parameter(element, "for")?)));
        match (
            headers.x_forwarded_for.is_empty(),
            headers.forwarded.is_empty(),
        ) {
            (_, true) => Ok(by_x),
            (true, false) => Ok(by_rfc),
            (false, false) if by_x.ip() == by_rfc.ip() => Ok(by_x),
            (false, false) => Err(Contradiction),
        }
    }

    /// Returns the last hop that is not a trusted proxy. Each hop was written by the one after it, so it only counts if
    /// that one is trusted.
    fn last_untrusted(
        &self,
        peer: SocketAddr,
        hops: impl DoubleEndedIterator<Item = Option<SocketAddr>>,
    ) -> SocketAddr {
        let mut client = peer;
        for hop in hops.rev() {
            // A hop without a usable address, such as `unknown`.
            let Some(hop) = hop else {
                break;
            };
            client = hop;
            if !self.trust(hop.ip()) {
                break;
            }
        }
        client
    }
}

/// Returns the `host` of each element of a `Forwarded` header: the name by which the client called a proxy.
pub(crate) fn forwarded_hosts(line: &str) -> impl Iterator<Item = &str> {
    elements(line).filter_map(|element| Some(unquoted(parameter(element, "host")?)))
}

/// Parses an address with or without a port, and with or without quotes and brackets.
fn node(text: &str) -> Option<SocketAddr> {
    let text = unquoted(text);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(SocketAddr::new(address.ip().to_canonical(), address.port()));
    }
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address: IpAddr = unbracketed.parse().ok()?;
    Some(SocketAddr::new(address.to_canonical(), 0))
}

/// Returns the elements of a `Forwarded` header. Splits at commas in quotes too. Addresses have no commas, so such an
/// element is malformed and ends the search for the client.
fn elements(line: &str) -> impl DoubleEndedIterator<Item = &str> {
    line.split(',')
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// Returns the value of a parameter of an element, with its quotes.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(trusted: &[&str]) -> Proxies {
        Proxies::new(trusted.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn client(
        trusted: &[&str],
        peer: &str,
        x_forwarded_for: &[&str],
        forwarded: &[&str],
    ) -> Result<String, Contradiction> {
        let headers = Forwarded {
            x_forwarded_for: x_forwarded_for.to_vec(),
            forwarded: forwarded.to_vec(),
        };
        let client = proxies(trusted).client(peer.parse().unwrap(), &headers);
        client.map(|client| client.to_string())
    }

    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
        for (lines, expect) in [
            (&[][..], "127.0.0.1:9"),
            (&["192.0.2.1"], "192.0.2.1:0"),
            (&["192.0.2.1:4711"], "192.0.2.1:4711"),
            (&["198.51.100.1, 192.0.2.1"], "192.0.2.1:0"),
            (
                &["198.51.100.1, 192.0.2.1, 10.1.1.1,10.2.2.2"],
                "192.0.2.1:0",
            ),
            (&["198.51.100.1", "192.0.2.1 , 10.1.1.1"], "192.0.2.1:0"),
            (&["::ffff:192.0.2.1"], "192.0.2.1:0"),
            (&["[2001:db9::1]:80, 2001:db8::1"], "[2001:db9::1]:80"),
            (&["2001:db9::1"], "[2001:db9::1]:0"),
            (&["10.1.1.1, 10.2.2.2"], "10.1.1.1:0"),
            (&["192.0.2.1, unknown, 10.1.1.1"], "10.1.1.1:0"),
            (&["192.0.2.1, unknown"], "127.0.0.1:9"),
            (&["192.0.2.1,"], "127.0.0.1:9"),
            (&[""], "127.0.0.1:9"),
            (&["192.0.2.1, <script>"], "127.0.0.1:9"),
        ] {
            let found = client(&trusted, "127.0.0.1:9", lines, &[]);
            assert_eq!(found.as_deref(), Ok(expect), "{lines:?}");
        }
    }

    #[test]
    fn forwarded_is_parsed_as_in_rfc_7239() {
        for (lines, expect) in [
            (&["for=192.0.2.1"][..], "192.0.2.1:0"),
            (
                &["proto=https;For=\"192.0.2.1:4711\";by=203.0.113.1"],
                "192.0.2.1:4711",
            ),
            (&["for=\"[2001:db8::1]:4711\""], "[2001:db8::1]:4711"),
            (&["for=\"[2001:db8::1]\""], "[2001:db8::1]:0"),
            (
                &["for=198.51.100.1, for=192.0.2.1", "for=127.0.0.2"],
                "192.0.2.1:0",
            ),
            (&["for=192.0.2.1, for=_hidden"], "127.0.0.1:9"),
            (&["for=192.0.2.1, for=unknown"], "127.0.0.1:9"),
            (&["for=192.0.2.1, by=203.0.113.1"], "127.0.0.1:9"),
            (&["for=\"192.0.2.1, for=127.0.0.1\""], "127.0.0.1:9"),
        ] {
            let found = client(&["loopback"], "127.0.0.1:9", &[], lines);
            assert_eq!(found.as_deref(), Ok(expect), "{lines:?}");
        }
    }

    #[test]
    fn hosts_in_forwarded_are_found() {
        for (line, hosts) in [
            (
                "for=192.0.2.1;host=example.com;proto=https",
                &["example.com"][..],
            ),
            ("Host=\"example.com:8080\"", &["example.com:8080"]),
            (
                "host=a.example, for=192.0.2.1, host = b.example",
                &["a.example", "b.example"],
            ),
            ("for=host", &[]),
        ] {
            let found: Vec<&str> = forwarded_hosts(line).collect();
            assert_eq!(found, hosts, "{line}");
        }
    }

    #[test]
    fn headers_of_untrusted_peers_are_ignored() {
        for trusted in [&[][..], &["10.0.0.0/8"], &["::1"]] {
            let said = (&["192.0.2.1"], &["for=198.51.100.1"]);
            let found = client(trusted, "127.0.0.1:9", said.0, said.1);
            assert_eq!(found.as_deref(), Ok("127.0.0.1:9"));
        }
    }

    #[test]
    fn contradicting_headers_are_refused() {
        let check = |x, rfc| client(&["loopback"], "[::1]:9", &[x], &[rfc]);
        assert_eq!(
            check("192.0.2.1", "for=192.0.2.1").as_deref(),
            Ok("192.0.2.1:0")
        );
        assert_eq!(check("192.0.2.1", "for=192.0.2.2"), Err(Contradiction));
        assert_eq!(check("192.0.2.1", "for=unknown"), Err(Contradiction));
    }

    #[test]
    fn proxies_parse_and_display() {
        for (text, address, contains) in [
            ("loopback", "127.9.9.9", true),
            ("loopback", "::1", true),
            ("loopback", "::ffff:127.0.0.1", true),
            ("loopback", "10.0.0.1", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
        ] {
            let proxy: TrustedProxy = text.parse().unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(proxy.contains(address), contains, "{text} {address}");
            assert_eq!(proxy.to_string(), text);
        }
        for text in [
            "",
            "proxy.example.org",
            "10.0.0.0/33",
            "10.0.0.1:80",
            "10.0.0",
            "*",
        ] {
            assert_eq!(
                text.parse::<TrustedProxy>(),
                Err(TrustedProxyError),
                "{text}"
            );
        }
    }
}
