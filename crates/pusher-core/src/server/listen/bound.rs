//! All listening sockets of a server: opened here, or provided by the embedding program.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::defer_accept::defer_accept;
use super::listeners::Listeners;
use super::publish_listener::PublishListener;
use super::tcp;
use crate::config::PublishAddress;
use crate::config::{LiveOptions, Options};
use crate::handover::Inherited;
use crate::server::bind_error::BindError;

/// The open listeners of a server.
#[derive(Debug)]
pub(crate) struct BoundListeners {
    pub(crate) public: Vec<TcpListener>,
    pub(crate) publish: Vec<PublishListener>,
    /// For signed requests only.
    pub(crate) signed: Vec<TcpListener>,
    /// An address of the publish listener that other machines can reach.
    pub(crate) open_to_others: Option<SocketAddr>,
    pub(crate) inherited: Inherited,
}

impl BoundListeners {
    /// Returns the addresses of the public listener.
    pub(crate) fn public_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.public.iter().map(TcpListener::local_addr);
        addrs.filter_map(Result::ok).collect()
    }

    pub(crate) fn open(options: &Options, given: Listeners) -> Result<Self, BindError> {
        let Listeners {
            public,
            publish_tcp,
            #[cfg(unix)]
            publish_unix,
        } = given;
        let given_publish = publish_tcp.into_iter().map(PublishListener::Tcp);
        #[cfg(unix)]
        let given_publish = {
            let unix = publish_unix.into_iter();
            given_publish.chain(unix.map(|listener| PublishListener::Unix(listener, None)))
        };
        let mut publish: Vec<_> = given_publish.collect();
        let inherited = Inherited {
            public: !public.is_empty(),
            publish: !publish.is_empty(),
        };
        let addresses = match publish.is_empty() {
            true => options.publish_listen.clone(),
            false => publish
                .iter()
                .filter_map(PublishListener::address)
                .collect(),
        };
        let open_to_others = addresses.iter().find_map(open_to_others);
        check_token(open_to_others, &options.live)?;
        for listener in &public {
            check_inherited(
                "browsers",
                listener.local_addr(),
                listener.set_nonblocking(true),
            )?;
        }
        for listener in &publish {
            check_inherited("publishers", Ok(()), listener.set_nonblocking())?;
        }
        let public = match public.is_empty() {
            true => open_tcp("browsers", &options.listen)?,
            false => public,
        };
        public.iter().for_each(defer_accept);
        if publish.is_empty() {
            publish = open_publish(options)?;
        }
        Ok(Self {
            public,
            publish,
            signed: open_tcp("signed requests", &options.signed_listen)?,
            open_to_others,
            inherited,
        })
    }
}

impl Options {
    /// Checks the options without opening a listener. Fails if other machines could reach a publish listener and there is
    /// no token, or if the options of tickets or webhooks contradict others.
    pub fn check(&self) -> Result<(), BindError> {
        check_token(
            self.publish_listen.iter().find_map(open_to_others),
            &self.live,
        )?;
        check_live(&self.live)
    }
}

/// Fails if the options of tickets or webhooks contradict others.
pub(crate) fn check_live(options: &LiveOptions) -> Result<(), BindError> {
    options.check_tickets()?;
    Ok(options.check_webhooks()?)
}

/// Fails if other machines can reach a publish listener and there is no token.
pub(crate) fn check_token(
    open_to_others: Option<SocketAddr>,
    options: &LiveOptions,
) -> Result<(), BindError> {
    match open_to_others {
        Some(address) if options.publish_token.is_none() => Err(BindError::TokenNeeded { address }),
        _ => Ok(()),
    }
}

pub(super) fn open_to_others(address: &PublishAddress) -> Option<SocketAddr> {
    match address {
        PublishAddress::Tcp(address) if !address.ip().to_canonical().is_loopback() => {
            Some(*address)
        }
        _ => None,
    }
}

/// Checks an inherited socket and names it in the error.
fn check_inherited<T>(
    peers: &'static str,
    address: io::Result<T>,
    is_set: io::Result<()>,
) -> Result<(), BindError> {
    address.and(is_set).map_err(|source| BindError::Listen {
        peers,
        address: "an inherited socket".to_owned(),
        source,
    })
}

fn open_tcp(peers: &'static str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let open = |&address: &SocketAddr| open_tcp_at(peers, address);
    addresses.iter().map(open).collect()
}

pub(super) fn open_tcp_at(
    peers: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, BindError> {
    tcp::listen(address).map_err(|source| BindError::Listen {
        peers,
        address: address.to_string(),
        source,
    })
}

fn open_publish(options: &Options) -> Result<Vec<PublishListener>, BindError> {
    let open = |address: &PublishAddress| open_publish_at(address, options);
    options.publish_listen.iter().map(open).collect()
}

pub(super) fn open_publish_at(
    address: &PublishAddress,
    options: &Options,
) -> Result<PublishListener, BindError> {
    PublishListener::open(address, &options.publish_socket).map_err(|source| BindError::Listen {
        peers: "publishers",
        address: address.to_string(),
        source,
    })
}
