//! Free ports, for servers that cannot bind port 0.

use std::net::{Ipv4Addr, TcpListener};

/// Returns a port of 127.0.0.1 that was free a moment ago. Another process may take it first, so prefer port 0 for
/// servers that report their port.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}
