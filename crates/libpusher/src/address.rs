//! The addresses that a publisher can connect to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;

use pusher_proto::{Endpoint, EndpointError};

/// Where pushd listens for publishers: `127.0.0.1:5555`, `tcp://127.0.0.1:5555`, `localhost:5555`,
/// `[::1]:5555` or `unix:/run/pushd/publish.sock`.
///
/// Prefer IP addresses. A host name other than `localhost` is looked up by the system at each connect, and
/// the system does not observe the publisher's deadline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(Endpoint);

/// A text that is not an [`Address`]. The message says why, and how a correct one looks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" is not an address of pushd: {reason}")]
pub struct AddressError {
    address: String,
    reason: EndpointError,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|reason| AddressError {
            address: text.escape_debug().to_string(),
            reason,
        })
    }
}

/// Refuses port 0, which only a listener can use.
fn parse(text: &str) -> Result<Address, EndpointError> {
    let endpoint: Endpoint = text.parse()?;
    let port = match &endpoint {
        Endpoint::Ip(address) => Some(address.port()),
        Endpoint::Name { port, .. } => Some(*port),
        Endpoint::Unix(_) => None,
    };
    match port {
        Some(0) => Err(EndpointError::Port("0".to_owned())),
        _ => Ok(Address(endpoint)),
    }
}

impl Default for Address {
    /// `tcp://127.0.0.1:5555`
    fn default() -> Self {
        Self(Endpoint::Ip((Ipv4Addr::LOCALHOST, 5555).into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The addresses of sockets, in the order to try them.
pub(crate) enum Resolved<'a> {
    Tcp(Vec<SocketAddr>),
    Unix(&'a Path),
}

impl Address {
    /// Only a name other than `localhost` asks the system, and perhaps the network.
    pub(crate) fn resolve(&self) -> io::Result<Resolved<'_>> {
        Ok(match &self.0 {
            Endpoint::Ip(address) => Resolved::Tcp(vec![*address]),
            Endpoint::Name { host, port } => Resolved::Tcp(resolve_name(host, *port)?),
            Endpoint::Unix(path) => Resolved::Unix(path),
        })
    }
}

fn resolve_name(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        let loopback = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        return Ok(loopback.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    Ok((host, port).to_socket_addrs()?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_is_refused_in_every_form() {
        for text in ["127.0.0.1:0", "tcp://[::1]:0", "localhost:0"] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            let expected = format!(
                "\"{text}\" is not an address of pushd: the port must be 1 to 65535, not \"0\""
            );
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn localhost_and_ip_addresses_need_no_lookup() {
        let addresses = |text: &str| match text.parse::<Address>().unwrap().resolve().unwrap() {
            Resolved::Tcp(addresses) => addresses.iter().map(SocketAddr::to_string).collect(),
            Resolved::Unix(path) => vec![path.display().to_string()],
        };
        assert_eq!(addresses("LocalHost:7"), ["127.0.0.1:7", "[::1]:7"]);
        assert_eq!(addresses("[::1]:7"), ["[::1]:7"]);
        assert_eq!(addresses("tcp://10.1.2.3:7"), ["10.1.2.3:7"]);
        assert_eq!(addresses("unix:///run/x"), ["/run/x"]);
    }
}
