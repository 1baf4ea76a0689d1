//! Both doors: opened here, or handed over by whoever has started this process.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::PrivateListener;
use super::speak_first::wait_for_request;
use crate::address::PublishAddress;
use crate::server::{BindError, Options};

/// Sockets that listen already, such as those that systemd hands over: connections wait in them
/// while no server runs. A door that has any opens no address of [`Options`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listeners {
    /// Of the public door. On Linux TCP_DEFER_ACCEPT is set on them, as on those that are opened here.
    pub public: Vec<TcpListener>,
    /// Of the private door.
    pub private_tcp: Vec<TcpListener>,
    /// Of the private door; their files are left alone.
    #[cfg(unix)]
    pub private_unix: Vec<std::os::unix::net::UnixListener>,
}

/// What a server listens on.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) public: Vec<TcpListener>,
    pub(crate) private: Vec<PrivateListener>,
    /// An address of the private door that others than this machine can reach.
    pub(crate) open_to_others: Option<SocketAddr>,
}

impl Doors {
    pub(crate) fn open(options: &Options, given: Listeners) -> Result<Self, BindError> {
        let Listeners {
            public,
            private_tcp,
            #[cfg(unix)]
            private_unix,
        } = given;
        let given_private = private_tcp.into_iter().map(PrivateListener::Tcp);
        #[cfg(unix)]
        let given_private = {
            let unix = private_unix.into_iter();
            given_private.chain(unix.map(|listener| PrivateListener::Unix(listener, None)))
        };
        let mut private: Vec<_> = given_private.collect();
        let addresses = match private.is_empty() {
            true => options.publish_listen.clone(),
            false => private
                .iter()
                .filter_map(PrivateListener::address)
                .collect(),
        };
        let open_to_others = addresses.iter().find_map(open_to_others);
        check_token(open_to_others, options)?;
        for listener in &public {
            ready(
                "browsers",
                listener.local_addr(),
                listener.set_nonblocking(true),
            )?;
        }
        for listener in &private {
            ready("publishers", Ok(()), listener.set_nonblocking())?;
        }
        let public = match public.is_empty() {
            true => open_public(&options.listen)?,
            false => public,
        };
        public.iter().for_each(wait_for_request);
        if private.is_empty() {
            private = open_private(options)?;
        }
        Ok(Self {
            public,
            private,
            open_to_others,
        })
    }
}

impl Options {
    /// What is wrong with them before any door is opened: a private one that others than this machine
    /// can reach, and no token.
    pub fn check(&self) -> Result<(), BindError> {
        check_token(self.publish_listen.iter().find_map(open_to_others), self)
    }
}

/// Others than this machine need a token.
pub(crate) fn check_token(
    open_to_others: Option<SocketAddr>,
    options: &Options,
) -> Result<(), BindError> {
    match open_to_others {
        Some(address) if options.publish_token.is_none() => Err(BindError::TokenNeeded { address }),
        _ => Ok(()),
    }
}

fn open_to_others(address: &PublishAddress) -> Option<SocketAddr> {
    match address {
        PublishAddress::Tcp(address) if !address.ip().to_canonical().is_loopback() => {
            Some(*address)
        }
        _ => None,
    }
}

fn ready<T>(
    whom: &'static str,
    address: io::Result<T>,
    is_set: io::Result<()>,
) -> Result<(), BindError> {
    address.and(is_set).map_err(|source| BindError::Listen {
        whom,
        address: "a socket that was handed over".to_owned(),
        source,
    })
}

fn open_public(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let open = |&address: &SocketAddr| {
        super::tcp(address).map_err(|source| BindError::Listen {
            whom: "browsers",
            address: address.to_string(),
            source,
        })
    };
    addresses.iter().map(open).collect()
}

fn open_private(options: &Options) -> Result<Vec<PrivateListener>, BindError> {
    let open = |address: &PublishAddress| {
        PrivateListener::open(address, &options.publish_socket).map_err(|source| {
            BindError::Listen {
                whom: "publishers",
                address: address.to_string(),
                source,
            }
        })
    };
    options.publish_listen.iter().map(open).collect()
}
