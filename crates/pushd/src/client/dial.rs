//! DNS and TCP: from a host name to a connection.

use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::target::Target;

/// Maximum number of addresses that are tried for a host.
const ADDRESSES_MAX: usize = 4;

/// No address of the host accepted a connection. The variant is that of the attempt that tells the operator most:
/// silence, then refusal, then no route.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// A machine refused the connection, and no other address was silent.
    #[error("{0}")]
    Refused(Attempts),
    /// This machine has no route to any of the addresses.
    #[error("{0}")]
    Unreachable(Attempts),
    /// An address did not answer in time, or failed in another way.
    #[error("{0}")]
    Silent(Attempts),
}

/// The failed attempts: addresses and errors.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Vec<(SocketAddr, io::Error)>);

impl Attempts {
    /// Returns `; not ADDRESS: ERROR` for each attempt.
    fn as_suffix(&self) -> String {
        let mut text = String::new();
        for (address, error) in &self.0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "; not {address}: {error}");
        }
        text
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_suffix().trim_start_matches("; not "))
    }
}

/// Resolves the host. The order of IPv4 and IPv6 addresses is the system's preference.
pub(crate) async fn look_up(target: &Target) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = resolve(target.host.clone(), target.port).await?;
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    Ok(addresses)
}

/// Asks the system's resolver on a thread of its own: tokio's `lookup_host` panics where no thread can be started.
async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (give, found) = oneshot::channel();
    thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let _given = give.send(found.map(Iterator::collect));
        })
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start a thread to resolve the name: {error}"),
            )
        })?;
    let found = found.await;
    found.unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
}

/// An open TCP connection.
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    pub(crate) address: SocketAddr,
    /// Addresses that failed before, as a suffix for a message; empty if the first one accepted.
    pub(crate) failed: String,
}

/// Connects to the first address that accepts, one after the other. Each has `timeout_each`.
pub(crate) async fn dial(
    addresses: Vec<SocketAddr>,
    timeout_each: Duration,
) -> Result<Dialled, DialError> {
    let mut failed = Attempts::default();
    let (mut is_refused, mut is_silent) = (false, false);
    for address in addresses {
        let error = match timeout(timeout_each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                return Ok(Dialled {
                    stream,
                    address,
                    failed: failed.as_suffix(),
                });
            }
            Ok(Err(error)) => error,
            Err(_) => {
                let text = format!("no answer within {timeout_each:?}");
                io::Error::new(ErrorKind::TimedOut, text)
            }
        };
        match error.kind() {
            ErrorKind::ConnectionRefused => is_refused = true,
            ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable => {}
            _ => is_silent = true,
        }
        failed.0.push((address, error));
    }
    Err(match (is_silent, is_refused) {
        (true, _) => DialError::Silent(failed),
        (false, true) => DialError::Refused(failed),
        (false, false) => DialError::Unreachable(failed),
    })
}
