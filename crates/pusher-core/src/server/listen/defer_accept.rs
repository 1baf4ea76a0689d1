//! Browsers speak first, so the system may keep a connection to itself until they have.

#[cfg(target_os = "linux")]
pub(super) use linux::wait_for_request;

/// Elsewhere a connection comes up as soon as it is there.
#[cfg(not(target_os = "linux"))]
pub(super) fn wait_for_request(_: &std::net::TcpListener) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::TcpListener;

    use nix::libc::{self, IPPROTO_TCP, TCP_DEFER_ACCEPT};
    use nix::sys::socket::{setsockopt, sockopt::SetStruct};

    /// How long a connection may stay with the system without a word, in seconds; that is about when the system asks the
    /// browser anew. Then it comes up as it is, for our own limits to deal with: browsers and proxies keep connections in
    /// stock.
    const SILENCE_S: u32 = 1;

    /// TCP_DEFER_ACCEPT (tcp(7)).
    #[derive(Clone, Copy)]
    struct DeferAccept;

    nix::setsockopt_impl!(
        DeferAccept,
        IPPROTO_TCP,
        TCP_DEFER_ACCEPT,
        u32,
        SetStruct<u32>
    );

    /// Has connections come up together with their request: the server is woken once instead of twice, and whoever
    /// connects and goes again costs it nothing.
    pub(in crate::server::listen) fn wait_for_request(listener: &TcpListener) {
        if let Err(error) = setsockopt(listener, DeferAccept, &SILENCE_S) {
            tracing::debug!(%error, "cannot set TCP_DEFER_ACCEPT: connections come up before their requests");
        }
    }

    #[cfg(test)]
    mod tests {
        use std::net::SocketAddr;

        use nix::sys::socket::{getsockopt, sockopt::GetStruct};

        use super::*;
        use crate::config::Options;
        use crate::server::listen::{BoundListeners, Listeners};

        nix::getsockopt_impl!(
            DeferAccept,
            IPPROTO_TCP,
            TCP_DEFER_ACCEPT,
            u32,
            GetStruct<u32>
        );

        fn silence_s(listener: &TcpListener) -> u32 {
            getsockopt(listener, DeferAccept).unwrap()
        }

        #[test]
        fn the_public_door_waits_for_a_request_whoever_has_opened_it() {
            let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
            let options = Options {
                listen: vec![any_port],
                publish_listen: vec![any_port.into()],
                ..Options::default()
            };
            let own = BoundListeners::open(&options, Listeners::default()).unwrap();
            assert_eq!(silence_s(&own.public[0]), SILENCE_S);

            let listener = TcpListener::bind(any_port).unwrap();
            assert_eq!(silence_s(&listener), 0);
            let mut given = Listeners::default();
            given.public.push(listener);
            let given = BoundListeners::open(&options, given).unwrap();
            assert_eq!(silence_s(&given.public[0]), SILENCE_S);
        }
    }
}
