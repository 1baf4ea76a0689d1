//! Who may come in by the public door: so many browsers, and so many from each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::live::Live;
use crate::proxy::Proxies;
use crate::stats::{BrowserRefusal, Counters};

/// The places that there are.
#[derive(Debug)]
pub(crate) struct Admission {
    live: Arc<Live>,
    counters: Arc<Counters>,
    proxies: Proxies,
    by_address: Mutex<HashMap<IpAddr, usize, RandomState>>,
}

/// One connection's place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    peer: SocketAddr,
}

impl Admission {
    pub(crate) fn new(live: Arc<Live>, counters: Arc<Counters>, proxies: Proxies) -> Self {
        Self {
            live,
            counters,
            proxies,
            by_address: Mutex::default(),
        }
    }

    /// A place for a connection, or the limit that is reached.
    pub(crate) fn enter(self: &Arc<Self>, peer: SocketAddr) -> Result<Place, BrowserRefusal> {
        let browsers = &self.counters.browsers;
        if browsers.add(1) > self.live.limits().connections_max as u64 {
            browsers.remove(1);
            return Err(BrowserRefusal::Connections);
        }
        if !self.enter_from(peer.ip()) {
            browsers.remove(1);
            return Err(BrowserRefusal::ConnectionsPerAddress);
        }
        self.counters.browsers_accepted.add(1);
        Ok(Place {
            admission: self.clone(),
            peer,
        })
    }

    fn enter_from(&self, address: IpAddr) -> bool {
        let Some(household) = self.household(address) else {
            return true;
        };
        let mut by_address = self.by_address.lock();
        let connections = by_address.entry(household).or_default();
        let has_place = *connections < self.live.limits().connections_per_address_max;
        if has_place {
            *connections += 1;
        } else if *connections == 0 {
            by_address.remove(&household);
        }
        has_place
    }

    fn leave_to(&self, address: IpAddr) {
        let Some(household) = self.household(address) else {
            return;
        };
        let mut by_address = self.by_address.lock();
        if let Some(connections) = by_address.get_mut(&household) {
            *connections -= 1;
            if *connections == 0 {
                by_address.remove(&household);
            }
        }
    }

    /// What counts as one address: in IPv6 the 64 bits that a provider gives to a household. `None`
    /// for a proxy, and for this machine, whose connections are a proxy's too.
    fn household(&self, address: IpAddr) -> Option<IpAddr> {
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

impl Place {
    /// Who has the place: the peer of the connection, or the client that a trusted proxy names.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Gives the place to the client for whom the peer speaks, or says which limit that client has
    /// reached.
    pub(crate) fn give_to(&mut self, client: SocketAddr) -> Result<(), BrowserRefusal> {
        if !self.admission.enter_from(client.ip()) {
            return Err(BrowserRefusal::ConnectionsPerAddress);
        }
        self.admission.leave_to(self.peer.ip());
        self.peer = client;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.leave_to(self.peer.ip());
        self.admission.counters.browsers.remove(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn admission(change: impl FnOnce(&mut Limits)) -> Arc<Admission> {
        let mut limits = Limits::default();
        change(&mut limits);
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        Arc::new(Admission::new(
            Arc::new(limits.into()),
            Arc::default(),
            proxies,
        ))
    }

    fn enter(admission: &Arc<Admission>, address: &str) -> Result<Place, BrowserRefusal> {
        admission.enter(SocketAddr::new(address.parse().unwrap(), 1))
    }

    #[test]
    fn so_many_browsers() {
        let admission = admission(|limits| limits.connections_max = 2);
        let first = enter(&admission, "192.0.2.1").unwrap();
        let _second = enter(&admission, "192.0.2.2").unwrap();
        let refused = enter(&admission, "192.0.2.3").unwrap_err();
        assert_eq!(refused, BrowserRefusal::Connections);
        drop(first);
        enter(&admission, "192.0.2.3").unwrap();
    }

    #[test]
    fn so_many_from_each_address() {
        let admission = admission(|limits| limits.connections_per_address_max = 2);
        for (same, other) in [
            (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
            (
                ["2001:db8::1", "2001:db8::ffff:1", "2001:db8::2"],
                "2001:db8:0:1::1",
            ),
        ] {
            let first = enter(&admission, same[0]).unwrap();
            let _second = enter(&admission, same[1]).unwrap();
            let refused = enter(&admission, same[2]).unwrap_err();
            assert_eq!(refused, BrowserRefusal::ConnectionsPerAddress);
            let _other = enter(&admission, other).unwrap();
            drop(first);
            enter(&admission, same[2]).unwrap();
        }
        let local: Vec<_> = (0..10).map(|_| enter(&admission, "127.0.0.1")).collect();
        assert!(local.iter().all(Result::is_ok));
    }

    #[test]
    fn a_proxys_clients_count_and_the_proxy_does_not() {
        let admission = admission(|limits| limits.connections_per_address_max = 1);
        let client = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let enter = || enter(&admission, "10.0.0.1").unwrap();
        let (mut first, mut second) = (enter(), enter());
        first.give_to(client("192.0.2.1")).unwrap();
        second.give_to(client("192.0.2.1")).unwrap_err();
        second.give_to(client("192.0.2.2")).unwrap();
        drop((first, second));
        assert!(admission.by_address.lock().is_empty());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let admission = admission(|limits| limits.connections_per_address_max = 0);
        enter(&admission, "192.0.2.1").unwrap_err();
        assert!(admission.by_address.lock().is_empty());
        assert_eq!(admission.counters.browsers.get(), 0);
    }
}
