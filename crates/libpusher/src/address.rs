//! Where pushd listens for publishers.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest path of a unix socket, as the kernel has it (108 with the NUL behind it).
const UNIX_PATH_LEN_MAX: usize = 107;

/// Where pushd listens for publishers: `tcp://127.0.0.1:5555` or `unix:/run/pushd/publish.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `tcp://host:port`, an IPv6 address in brackets.
    Tcp {
        /// An IP address or a name, without brackets. A name other than `localhost` is looked up by
        /// the system at each connect, which knows nothing of our deadline: prefer IP addresses.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// `unix:/path` (or `unix:///path`), the path absolute.
    Unix(PathBuf),
}

/// An address that can't be understood; the text says what is wrong and how it should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" is not an address of pushd: {reason}")]
pub struct AddressError {
    address: String,
    reason: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parsed = if text.contains(|c: char| c.is_control()) {
            Err("it contains a control character".to_owned())
        } else if let Some(rest) = text.strip_prefix("tcp://") {
            parse_tcp(rest)
        } else if let Some(rest) = text.strip_prefix("unix:") {
            parse_unix(rest)
        } else {
            Err("it must begin with tcp:// or unix:, as in tcp://127.0.0.1:5555".to_owned())
        };
        parsed.map_err(|reason| AddressError {
            address: text.escape_debug().to_string(),
            reason,
        })
    }
}

fn parse_tcp(rest: &str) -> Result<Address, String> {
    let Some((host, port)) = rest.rsplit_once(':') else {
        return Err("the port is missing, as in tcp://127.0.0.1:5555".to_owned());
    };
    // "+5" would do for Rust.
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port.parse() {
        Ok(number @ 1..) if is_number => number,
        _ => return Err(format!("the port must be 1 to 65535, not \"{port}\"")),
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        Some(host) if host.parse::<Ipv6Addr>().is_err() => {
            return Err(format!("\"{host}\" is not an IPv6 address"));
        }
        Some(host) => host,
        None if host.contains([':', '[', ']']) => {
            return Err("an IPv6 address stands in brackets, as in tcp://[::1]:5555".to_owned());
        }
        None if host.is_empty() || host.contains(['/', '@', ' ']) => {
            return Err(format!("\"{host}\" is not a host"));
        }
        None => host,
    };
    Ok(Address::Tcp {
        host: host.to_owned(),
        port,
    })
}

fn parse_unix(rest: &str) -> Result<Address, String> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("the path must be absolute, as in unix:/run/pushd/publish.sock".to_owned());
    }
    if path.len() > UNIX_PATH_LEN_MAX {
        let len = path.len();
        return Err(format!(
            "the path is {len} bytes long, at most {UNIX_PATH_LEN_MAX} are possible"
        ));
    }
    Ok(Address::Unix(path.into()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The socket addresses of a host, in the order to try them. Only a name other than `localhost`
/// asks the system (and perhaps the network).
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
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
    fn addresses_come_back_as_they_were_written() {
        for text in [
            "tcp://127.0.0.1:5555",
            "tcp://localhost:1",
            "tcp://push.example.com:65535",
            "tcp://[::1]:5555",
            "unix:/run/pushd/publish.sock",
            "unix:/with space/猫",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let slashes: Address = "unix:///run/x".parse().unwrap();
        assert_eq!(slashes, Address::Unix("/run/x".into()));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH_LEN_MAX));
        for (text, part) in [
            ("", "must begin with tcp:// or unix:"),
            ("127.0.0.1:5555", "must begin with"),
            ("http://127.0.0.1:5555", "must begin with"),
            ("tcp://127.0.0.1", "port is missing"),
            ("tcp://127.0.0.1:", "not \"\""),
            ("tcp://127.0.0.1:0", "1 to 65535"),
            ("tcp://127.0.0.1:65536", "1 to 65535"),
            ("tcp://127.0.0.1:+5555", "1 to 65535"),
            ("tcp://127.0.0.1:5555/", "1 to 65535"),
            ("tcp://:5555", "not a host"),
            ("tcp://user@host:5555", "not a host"),
            ("tcp://::1:5555", "brackets"),
            ("tcp://[::1:5555", "brackets"),
            ("tcp://[localhost]:5555", "not an IPv6 address"),
            ("tcp://a\nb:5555", "control character"),
            ("unix:", "absolute"),
            ("unix:run/x", "absolute"),
            ("unix://run/x", "absolute"),
            ("unix:/a\0b", "control character"),
            (&long, "108 bytes long, at most 107"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains('\0') && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn localhost_and_numbers_need_no_lookup() {
        let to_text = |host| -> Vec<String> {
            let found = resolve(host, 7).unwrap();
            found.iter().map(SocketAddr::to_string).collect()
        };
        assert_eq!(to_text("LocalHost"), ["127.0.0.1:7", "[::1]:7"]);
        assert_eq!(to_text("::1"), ["[::1]:7"]);
        assert_eq!(to_text("10.1.2.3"), ["10.1.2.3:7"]);
    }
}
