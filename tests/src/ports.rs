//! Free ports, for the servers that can't be told to take any.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 that was free a moment ago. Somebody else may take it first: where a server can
/// bind port 0 and say what it got, that is better.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}
