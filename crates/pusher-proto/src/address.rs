//! The addresses of port 5555, as text: one grammar for the daemon, the C library and the shell.
//!
//! This module parses and prints. Looking up names, connecting and listening are left to the callers, which
//! may accept less: the server listens at IP addresses only, and a client cannot connect to port 0.
//! `php/src/Fallback/Address.php` is the same grammar in PHP, which has `https://` besides;
//! `php/tests/support/addresses.json` tests both.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Longest path of a unix socket in bytes: Linux' `sun_path` has 108, and one of them is the final NUL.
pub const UNIX_PATH_LEN_MAX: usize = 107;

/// An address of the publish listener.
///
/// As text: `127.0.0.1:5555`, `[::1]:5555`, `push.example.org:5555`, each with or without `tcp://` in
/// front, or `unix:/run/pushd/publish.sock`, also written `unix:///run/pushd/publish.sock`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A host name and a port. The name is not checked further than that it contains no character which
    /// separates the parts of an address.
    Name {
        /// The name, `localhost` for instance.
        host: String,
        /// 0 is possible.
        port: u16,
    },
    /// The absolute path of a unix socket.
    Unix(PathBuf),
}

/// Why a text is not an [`Endpoint`]. Each message says how a correct one looks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A line feed or an escape sequence would corrupt logs.
    #[error("it contains a control character")]
    ControlCharacter,
    /// `https://` or `http://`, which the grammar in PHP has.
    #[error(
        "an address with http:// or https:// is for the classes in plain PHP only. Here it is host:port, as in \
         127.0.0.1:5555; to reach another machine, use a private network or a tunnel"
    )]
    Http,
    /// Neither a port nor `unix:`.
    #[error("the port is missing, as in 127.0.0.1:5555")]
    NoPort,
    /// Not a number, or too large.
    #[error("the port must be 1 to 65535, not \"{0}\"")]
    Port(String),
    /// A colon outside of brackets, or a bracket without its pair.
    #[error("an IPv6 address stands in brackets, as in [::1]:5555")]
    NoBrackets,
    /// Something else than an IPv6 address in brackets.
    #[error("\"{0}\" is not an IPv6 address")]
    Ipv6(String),
    /// An empty host, or one with a character that no host name has.
    #[error("\"{0}\" is not a host")]
    Host(String),
    /// A path that does not begin with `/`.
    #[error("the path must be absolute, as in unix:/run/pushd/publish.sock")]
    RelativePath,
    /// Longer than [`UNIX_PATH_LEN_MAX`].
    #[error("the path is {0} bytes long, at most {UNIX_PATH_LEN_MAX} are possible")]
    LongPath(usize),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains(|c: char| c.is_control()) {
            return Err(EndpointError::ControlCharacter);
        }
        if is_http(text) {
            return Err(EndpointError::Http);
        }
        match text.strip_prefix("unix:") {
            Some(path) => parse_unix(path),
            None => parse_tcp(text.strip_prefix("tcp://").unwrap_or(text)),
        }
    }
}

fn is_http(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    })
}

fn parse_tcp(text: &str) -> Result<Endpoint, EndpointError> {
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::Ip(address));
    }
    let (host, port) = text.rsplit_once(':').ok_or(EndpointError::NoPort)?;
    let port = parse_port(port).ok_or_else(|| EndpointError::Port(port.to_owned()))?;
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match in_brackets {
        Some(host) => Err(EndpointError::Ipv6(host.to_owned())),
        None if host.contains("://") => Err(EndpointError::Host(host.to_owned())),
        None if host.contains([':', '[', ']']) => Err(EndpointError::NoBrackets),
        None if host.is_empty() || host.contains(['/', '@', ' ']) => {
            Err(EndpointError::Host(host.to_owned()))
        }
        None => Ok(Endpoint::Name {
            host: host.to_owned(),
            port,
        }),
    }
}

/// Parses digits only: Rust's own parser also accepts "+5".
fn parse_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn parse_unix(path: &str) -> Result<Endpoint, EndpointError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if !path.starts_with('/') {
        return Err(EndpointError::RelativePath);
    }
    if path.len() > UNIX_PATH_LEN_MAX {
        return Err(EndpointError::LongPath(path.len()));
    }
    Ok(Endpoint::Unix(path.into()))
}

/// With the prefix, so that a reader of a log sees at once that it is an address.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "tcp://{address}"),
            Self::Name { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
