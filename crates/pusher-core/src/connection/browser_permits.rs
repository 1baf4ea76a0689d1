//! Connection limits for the public listener: in total, and per client address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::config::Live;
use crate::config::Proxies;
use crate::stats::{BrowserRefusal, Counters};

/// The permits of the public listener.
#[derive(Debug)]
pub(crate) struct BrowserPermits {
    live: Arc<Live>,
    counters: Arc<Counters>,
    proxies: Proxies,
    /// Number of permits by address key. Has no entries of 0, so it does not grow with every address ever seen.
    by_address: Mutex<HashMap<IpAddr, usize, RandomState>>,
}

/// The permit of one connection. Released when it is dropped.
#[derive(Debug)]
pub(crate) struct BrowserPermit {
    permits: Arc<BrowserPermits>,
    /// The address that the permit counts for.
    peer: SocketAddr,
}

impl BrowserPermits {
    pub(crate) fn new(live: Arc<Live>, counters: Arc<Counters>, proxies: Proxies) -> Self {
        Self {
            live,
            counters,
            proxies,
            by_address: Mutex::default(),
        }
    }

    /// Returns a permit for a connection, or the limit that is reached.
    pub(crate) fn enter(
        self: &Arc<Self>,
        peer: SocketAddr,
    ) -> Result<BrowserPermit, BrowserRefusal> {
        let browsers = &self.counters.browsers;
        if browsers.add(1) > self.live.limits().connections_max as u64 {
            browsers.remove(1);
            return Err(BrowserRefusal::Connections);
        }
        if !self.add_address(peer.ip()) {
            browsers.remove(1);
            return Err(BrowserRefusal::ConnectionsPerAddress);
        }
        self.counters.browsers_accepted.add(1);
        Ok(BrowserPermit {
            permits: self.clone(),
            peer,
        })
    }

    /// Returns a permit for a connection that was handed over, also beyond the limits.
    pub(crate) fn take_over(self: &Arc<Self>, peer: SocketAddr) -> BrowserPermit {
        self.counters.browsers.add(1);
        if let Some(address_key) = self.address_key(peer.ip()) {
            *self.by_address.lock().entry(address_key).or_default() += 1;
        }
        BrowserPermit {
            permits: self.clone(),
            peer,
        }
    }

    /// Counts a connection of this address. Returns false if the address has reached its limit.
    fn add_address(&self, address: IpAddr) -> bool {
        let Some(address_key) = self.address_key(address) else {
            return true;
        };
        let mut by_address = self.by_address.lock();
        let connections = by_address.entry(address_key).or_default();
        let is_allowed = *connections < self.live.limits().connections_per_address_max;
        if is_allowed {
            *connections += 1;
        } else if *connections == 0 {
            by_address.remove(&address_key);
        }
        is_allowed
    }

    fn remove_address(&self, address: IpAddr) {
        let Some(address_key) = self.address_key(address) else {
            return;
        };
        let mut by_address = self.by_address.lock();
        if let Some(connections) = by_address.get_mut(&address_key) {
            *connections -= 1;
            if *connections == 0 {
                by_address.remove(&address_key);
            }
        }
    }

    /// Returns the address by which connections are counted. For IPv6 it is the 64-bit network, because providers
    /// assign a whole one to each customer.
    ///
    /// Returns `None` for addresses that are not counted: trusted proxies, and this machine, where a proxy may run.
    fn address_key(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        if address.is_loopback() || self.proxies.trust(address) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.proxies
    }
}

impl BrowserPermit {
    /// Returns the address of the client: the connection's peer, or the client that a trusted proxy names.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Counts the permit for the client that a proxy names, no longer for the proxy. Returns the limit if the client
    /// has reached it.
    pub(crate) fn give_to(&mut self, client: SocketAddr) -> Result<(), BrowserRefusal> {
        if !self.permits.add_address(client.ip()) {
            return Err(BrowserRefusal::ConnectionsPerAddress);
        }
        self.permits.remove_address(self.peer.ip());
        self.peer = client;
        Ok(())
    }
}

impl Drop for BrowserPermit {
    fn drop(&mut self) {
        self.permits.remove_address(self.peer.ip());
        self.permits.counters.browsers.remove(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    fn permits(change: impl FnOnce(&mut Limits)) -> Arc<BrowserPermits> {
        let mut limits = Limits::default();
        change(&mut limits);
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        Arc::new(BrowserPermits::new(
            Arc::new(limits.into()),
            Arc::default(),
            proxies,
        ))
    }

    fn enter(
        permits: &Arc<BrowserPermits>,
        address: &str,
    ) -> Result<BrowserPermit, BrowserRefusal> {
        permits.enter(SocketAddr::new(address.parse().unwrap(), 1))
    }

    #[test]
    fn connections_are_limited() {
        let permits = permits(|limits| limits.connections_max = 2);
        let first = enter(&permits, "192.0.2.1").unwrap();
        let _second = enter(&permits, "192.0.2.2").unwrap();
        let refused = enter(&permits, "192.0.2.3").unwrap_err();
        assert_eq!(refused, BrowserRefusal::Connections);
        drop(first);
        enter(&permits, "192.0.2.3").unwrap();
    }

    #[test]
    fn connections_per_address_are_limited() {
        let permits = permits(|limits| limits.connections_per_address_max = 2);
        for (same, other) in [
            (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
            (
                ["2001:db8::1", "2001:db8::ffff:1", "2001:db8::2"],
                "2001:db8:0:1::1",
            ),
        ] {
            let first = enter(&permits, same[0]).unwrap();
            let _second = enter(&permits, same[1]).unwrap();
            let refused = enter(&permits, same[2]).unwrap_err();
            assert_eq!(refused, BrowserRefusal::ConnectionsPerAddress);
            let _other = enter(&permits, other).unwrap();
            drop(first);
            enter(&permits, same[2]).unwrap();
        }
        let local: Vec<_> = (0..10).map(|_| enter(&permits, "127.0.0.1")).collect();
        assert!(local.iter().all(Result::is_ok));
    }

    #[test]
    fn a_proxy_is_not_counted_but_its_clients_are() {
        let permits = permits(|limits| limits.connections_per_address_max = 1);
        let client = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let enter = || enter(&permits, "10.0.0.1").unwrap();
        let (mut first, mut second) = (enter(), enter());
        first.give_to(client("192.0.2.1")).unwrap();
        second.give_to(client("192.0.2.1")).unwrap_err();
        second.give_to(client("192.0.2.2")).unwrap();
        drop((first, second));
        assert!(permits.by_address.lock().is_empty());
    }

    #[test]
    fn a_refused_connection_leaves_no_entry() {
        let permits = permits(|limits| limits.connections_per_address_max = 0);
        enter(&permits, "192.0.2.1").unwrap_err();
        assert!(permits.by_address.lock().is_empty());
        assert_eq!(permits.counters.browsers.get(), 0);
    }
}
