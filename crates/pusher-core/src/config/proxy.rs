//! Proxies in front of the public door, and what they say about whom they speak for.
//!
//! Only a proxy that the operator trusts is believed; anybody else could write the same headers.
//! Of the addresses in `X-Forwarded-For` (or in the `for` of `Forwarded`, RFC 7239) the last one
//! that is no trusted proxy counts: what stands before it is the client's own word.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// Proxies that are believed: an address, a network such as `10.0.0.0/8`, or `loopback` for every
/// address of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy(Network);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Network {
    Loopback,
    Network(IpNet),
}

/// A text that is no [`TrustedProxy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is an address (192.0.2.1, 2001:db8::1), a network (10.0.0.0/8) or loopback")]
pub struct TrustedProxyError;

impl TrustedProxy {
    /// Whether this is its address.
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

/// The proxies that are trusted.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<TrustedProxy>);

/// What the headers of one request say.
#[derive(Debug, Default)]
pub(crate) struct Forwarded<'a> {
    /// Every `X-Forwarded-For`, in order.
    pub(crate) x_forwarded_for: Vec<&'a str>,
    /// Every `Forwarded`, in order.
    pub(crate) forwarded: Vec<&'a str>,
}

/// `X-Forwarded-For` and `Forwarded` name different clients: the proxy writes one of them, and the
/// other is the client's invention, but there is no telling which.
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

    /// The client for whom `peer` speaks, port 0 if that is not said; `peer` itself if it is not
    /// trusted or names nobody.
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

    /// Goes from the last hop to the first as long as the one before is to be believed.
    fn last_untrusted(
        &self,
        peer: SocketAddr,
        hops: impl DoubleEndedIterator<Item = Option<SocketAddr>>,
    ) -> SocketAddr {
        let mut client = peer;
        for hop in hops.rev() {
            // A hop that hides its address, or writes nonsense.
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

/// An address as proxies write it, with a port or without.
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

/// The elements of a `Forwarded` header. Commas within quotes have no use in addresses: there they
/// make an element that is none, where the client's word ends.
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

/// The value of one parameter of an element, quotes and all.
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
    fn the_last_that_is_not_trusted_counts() {
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
    fn forwarded_as_in_rfc_7239() {
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
    fn hosts_in_forwarded() {
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
    fn who_is_not_trusted_is_not_believed() {
        for trusted in [&[][..], &["10.0.0.0/8"], &["::1"]] {
            let said = (&["192.0.2.1"], &["for=198.51.100.1"]);
            let found = client(trusted, "127.0.0.1:9", said.0, said.1);
            assert_eq!(found.as_deref(), Ok("127.0.0.1:9"));
        }
    }

    #[test]
    fn two_headers_must_not_contradict_each_other() {
        let check = |x, rfc| client(&["loopback"], "[::1]:9", &[x], &[rfc]);
        assert_eq!(
            check("192.0.2.1", "for=192.0.2.1").as_deref(),
            Ok("192.0.2.1:0")
        );
        assert_eq!(check("192.0.2.1", "for=192.0.2.2"), Err(Contradiction));
        assert_eq!(check("192.0.2.1", "for=unknown"), Err(Contradiction));
    }

    #[test]
    fn proxies_as_text() {
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
