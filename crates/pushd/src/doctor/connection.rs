//! Explains why DNS, TCP or TLS failed.

use std::io;

use super::certificate;
use super::diagnosis;
use super::fault::Fault;
use super::probe;
use crate::client::{Connector, DialError, TlsSetupError};

/// Explains a host name that does not resolve.
pub(super) fn explain_dns(host: &str, error: &io::Error) -> Fault {
    Fault::new(
        "dns",
        format!("{host} has no address: {error}"),
        "Is the name spelled as in the browser? A new name needs an A or AAAA record at the provider, and up to a day \
         until all resolvers know it. Names in /etc/hosts exist on this machine only.",
    )
}

/// Explains a failed TCP connection.
pub(super) fn explain_dial(error: &DialError) -> Fault {
    let (code, todo) = match error {
        DialError::Refused(_) => (
            "tcp-refused",
            "The machine answers, and no program listens on the port. Is the web server (or pushd, if there is none) \
             running, and on this port? `ss -ltn` lists the listeners; one at 127.0.0.1 accepts connections from the same \
             machine only.",
        ),
        DialError::Unreachable(_) => (
            "tcp-unreachable",
            "This machine has no route to the address. An IPv6 address needs a machine with IPv6 (`ip -6 route`), which \
             not all visitors have: give the name an A record too. Otherwise the network is down, the address is private \
             to another network, or a firewall rejects the connection.",
        ),
        DialError::Silent(_) => (
            "tcp-timeout",
            "Either a firewall drops the packets, or the address belongs to another machine: open the port in the firewall \
             (the provider's too), and compare the address with this machine's.",
        ),
    };
    Fault::new(code, error.to_string(), todo)
}

/// Explains why TLS cannot be used on this machine.
pub(super) fn explain_tls_setup(error: &TlsSetupError) -> Fault {
    let (code, todo) = match error {
        TlsSetupError::Name(_) => ("tls-name", "Use the name that visitors use."),
        TlsSetupError::NoRoots => (
            "no-roots",
            "Install them (Debian: `apt-get install ca-certificates`), or name a file in SSL_CERT_FILE.",
        ),
        TlsSetupError::Rustls(_) | TlsSetupError::Verifier(_) => ("tls", ""),
    };
    Fault::new(code, error.to_string(), todo)
}

/// Explains a failed TLS handshake.
pub(super) async fn explain_tls(error: &io::Error, connector: &Connector) -> Fault {
    if certificate::is_no_tls(error)
        && let Some(full) = diagnosis::of_full(&probe::greeting(connector).await)
    {
        return full;
    }
    certificate::diagnose(error, &connector.target)
}
