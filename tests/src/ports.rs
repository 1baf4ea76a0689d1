//! Free ports, for servers that cannot bind port 0.

use std::net::SocketAddr;

use xtask::ports;

/// Returns a port of 127.0.0.1 that was free a moment ago. For several, use [`free_addresses`], so that they differ.
pub fn free_port() -> u16 {
    let [address] = free_addresses();
    address.port()
}

/// Returns different addresses of 127.0.0.1 that were free a moment ago.
pub fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    ports::free_addresses().expect("there are free ports")
}
