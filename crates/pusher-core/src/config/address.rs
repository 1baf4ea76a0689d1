//! Addresses of the publish listener.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use pusher_proto::{Endpoint, EndpointError};

/// An address of the publish listener: a TCP address, or a unix socket.
///
/// As text: `127.0.0.1:5555`, `tcp://127.0.0.1:5555`, `localhost:5555` (which is 127.0.0.1), `[::1]:5555`,
/// `unix:/run/pushd/publish.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PublishAddress {
    /// A TCP address. With port 0, the system chooses the port.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// A text that is not a [`PublishAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishAddressError {
    /// The text is not an address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The address has a host name. A name can resolve to several addresses, and to other ones later.
    #[error(
        "\"{0}\" is a host name: a server listens on an IP address, such as 127.0.0.1 or [::1]"
    )]
    HostName(String),
}

impl FromStr for PublishAddress {
    type Err = PublishAddressError;

    fn from_str(text: &str) -> Result<Self, PublishAddressError> {
        match text.parse()? {
            Endpoint::Ip(address) => Ok(Self::Tcp(address)),
            Endpoint::Name { host, port } if host.eq_ignore_ascii_case("localhost") => {
                Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()))
            }
            Endpoint::Name { host, .. } => Err(PublishAddressError::HostName(host)),
            Endpoint::Unix(path) => Ok(Self::Unix(path)),
        }
    }
}

impl From<SocketAddr> for PublishAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for PublishAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_display_and_parse() {
        for (text, shown) in [
            ("127.0.0.1:5555", "127.0.0.1:5555"),
            ("tcp://127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:5555", "127.0.0.1:5555"),
            ("[::1]:5555", "[::1]:5555"),
            ("unix:///run/p", "unix:/run/p"),
        ] {
            let address: PublishAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address));
        }
    }

    #[test]
    fn host_names_and_malformed_addresses_are_refused() {
        for (text, part) in [
            ("5555", "port is missing"),
            ("localhost:65536", "1 to 65535"),
            ("example.org:5555", "host name"),
            ("unix:publish.sock", "absolute"),
        ] {
            let error = text.parse::<PublishAddress>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
