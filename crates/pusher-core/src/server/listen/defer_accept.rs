//! TCP_DEFER_ACCEPT on the public listener: the kernel reports a connection once its request has arrived.

#[cfg(target_os = "linux")]
pub(super) use linux::defer_accept;

/// Other systems report a connection at once.
#[cfg(not(target_os = "linux"))]
pub(super) fn defer_accept(_: &std::net::TcpListener) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::TcpListener;

    use nix::libc::{self, IPPROTO_TCP, TCP_DEFER_ACCEPT};
    use nix::sys::socket::{setsockopt, sockopt::SetStruct};

    /// Time in seconds until the kernel reports a connection without a request; about the time until it repeats its
    /// SYN-ACK. Browsers and proxies open connections in advance, and those must count against our own limits.
    const DEFER_S: u32 = 1;

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

    /// Sets TCP_DEFER_ACCEPT. The server then wakes once per connection instead of twice, and a client that connects and
    /// closes without a request never wakes it.
    pub(in crate::server::listen) fn defer_accept(listener: &TcpListener) {
        if let Err(error) = setsockopt(listener, DeferAccept, &DEFER_S) {
            tracing::debug!(%error, "cannot set TCP_DEFER_ACCEPT: connections arrive before their requests");
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

        fn defer_s(listener: &TcpListener) -> u32 {
            getsockopt(listener, DeferAccept).unwrap()
        }

        #[test]
        fn own_and_inherited_public_listeners_defer_accept() {
            let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
            let options = Options {
                listen: vec![any_port],
                publish_listen: vec![any_port.into()],
                ..Options::default()
            };
            let own = BoundListeners::open(&options, Listeners::default()).unwrap();
            assert_eq!(defer_s(&own.public[0]), DEFER_S);

            let listener = TcpListener::bind(any_port).unwrap();
            assert_eq!(defer_s(&listener), 0);
            let mut given = Listeners::default();
            given.public.push(listener);
            let given = BoundListeners::open(&options, given).unwrap();
            assert_eq!(defer_s(&given.public[0]), DEFER_S);
        }
    }
}
