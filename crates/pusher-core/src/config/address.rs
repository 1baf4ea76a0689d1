//! Where publishers connect.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest path of a unix socket in bytes, as the kernel has it (108 with the NUL behind it).
const UNIX_PATH_LEN_MAX: usize = 107;

/// Where publishers connect: a TCP address, or a unix socket.
///
/// As text: `127.0.0.1:5555`, `tcp://127.0.0.1:5555`, `localhost:5555` (which is 127.0.0.1),
/// `[::1]:5555`, `unix:/run/pushd/publish.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PublishAddress {
    /// Port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// A text that is no [`PublishAddress`]; says what is wrong and how it should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PublishAddressError(String);

impl FromStr for PublishAddress {
    type Err = PublishAddressError;

    fn from_str(text: &str) -> Result<Self, PublishAddressError> {
        match text.strip_prefix("unix:") {
            Some(path) => parse_unix(path),
            None => parse_tcp(text.strip_prefix("tcp://").unwrap_or(text)),
        }
        .map_err(PublishAddressError)
    }
}

fn parse_tcp(text: &str) -> Result<PublishAddress, String> {
    let local = text.strip_prefix("localhost:").map(str::parse);
    if let Some(Ok(port)) = local {
        return Ok(PublishAddress::from(SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            port,
        ))));
    }
    text.parse().map(PublishAddress::Tcp).map_err(|_| {
        "an address looks like 127.0.0.1:5555, [::1]:5555 or unix:/run/pushd/publish.sock"
            .to_owned()
    })
}

fn parse_unix(path: &str) -> Result<PublishAddress, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if !path.starts_with('/') {
        return Err("the path must be absolute, as in unix:/run/pushd/publish.sock".to_owned());
    }
    if path.len() > UNIX_PATH_LEN_MAX {
        let len = path.len();
        return Err(format!(
            "the path is {len} bytes long, at most {UNIX_PATH_LEN_MAX} are possible"
        ));
    }
    Ok(PublishAddress::Unix(path.into()))
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
    fn addresses_there_and_back() {
        let longest = format!("unix:/{}", "x".repeat(UNIX_PATH_LEN_MAX - 1));
        for (text, shown) in [
            ("127.0.0.1:5555", "127.0.0.1:5555"),
            ("tcp://127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:5555", "127.0.0.1:5555"),
            ("tcp://localhost:1", "127.0.0.1:1"),
            ("[::1]:5555", "[::1]:5555"),
            (
                "unix:/run/pushd/publish.sock",
                "unix:/run/pushd/publish.sock",
            ),
            ("unix:///run/p", "unix:/run/p"),
            (&longest, &longest),
        ] {
            let address: PublishAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        let too_long = format!("unix:/{}", "x".repeat(UNIX_PATH_LEN_MAX));
        for (text, part) in [
            ("", "looks like"),
            ("5555", "looks like"),
            ("localhost", "looks like"),
            ("localhost:65536", "looks like"),
            ("example.org:5555", "looks like"),
            ("http://127.0.0.1:5555", "looks like"),
            ("unix:", "absolute"),
            ("unix:publish.sock", "absolute"),
            (&too_long, "108 bytes"),
        ] {
            let error = text.parse::<PublishAddress>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
