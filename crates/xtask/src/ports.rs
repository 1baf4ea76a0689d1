//! Free addresses, for servers that cannot bind port 0 or do not report their port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// Returns `N` different addresses of 127.0.0.1 that were free a moment ago. Another process may take one first, so
/// prefer port 0 for servers that report their port.
pub fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    // All are bound together, so that no port is returned twice.
    let mut listeners = Vec::with_capacity(N);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address).context("no free port")?;
        *address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_differ_and_have_a_port() {
        let addresses = free_addresses::<64>().unwrap();
        let ports: HashSet<_> = addresses.iter().map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 64, "{addresses:?}");
        assert!(!ports.contains(&0));
    }
}
