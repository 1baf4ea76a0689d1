//! The listeners that another process has handed over.

use std::net::{SocketAddr, TcpListener};

use super::bound::{BoundListeners, check_token, open_publish_at, open_tcp_at, open_to_others};
use super::publish_listener::PublishListener;
use crate::config::{Options, PublishAddress};
use crate::handover::{Descriptor, Inherited, ListenerKind};
use crate::server::bind_error::BindError;

/// Listeners by port.
#[derive(Default)]
struct Sorted {
    public: Vec<TcpListener>,
    publish: Vec<PublishListener>,
    signed: Vec<TcpListener>,
}

impl BoundListeners {
    /// Continues with the listeners of another process. Closes those whose address is not in the options, and opens the
    /// addresses that are missing.
    pub(crate) fn take_over(
        options: &Options,
        given: Vec<(ListenerKind, Descriptor)>,
        inherited: Inherited,
    ) -> Result<Self, BindError> {
        let handed = Sorted::new(given, options);
        let public = match inherited.public {
            true => handed.public,
            false => wanted_tcp("browsers", &options.listen, handed.public)?,
        };
        let publish = match inherited.publish {
            true => handed.publish,
            false => wanted_publish(options, handed.publish)?,
        };
        let addresses: Vec<_> = publish
            .iter()
            .filter_map(PublishListener::address)
            .collect();
        let open_to_others = addresses.iter().find_map(open_to_others);
        check_token(open_to_others, &options.live)?;
        Ok(Self {
            public,
            publish,
            signed: wanted_tcp("signed requests", &options.signed_listen, handed.signed)?,
            open_to_others,
            inherited,
        })
    }
}

#[cfg(unix)]
impl Sorted {
    fn new(given: Vec<(ListenerKind, Descriptor)>, options: &Options) -> Self {
        let mut sorted = Self::default();
        for (kind, descriptor) in given {
            match kind {
                ListenerKind::Public => sorted.public.push(descriptor.into()),
                ListenerKind::Signed => sorted.signed.push(descriptor.into()),
                ListenerKind::PublishTcp => {
                    sorted.publish.push(PublishListener::Tcp(descriptor.into()));
                }
                ListenerKind::PublishUnix(path) => {
                    let access = &options.publish_socket;
                    let file = path.and_then(|path| super::SocketFile::taken_over(&path, access));
                    let listener = PublishListener::Unix(descriptor.into(), file);
                    sorted.publish.push(listener);
                }
            }
        }
        sorted
    }
}

#[cfg(not(unix))]
impl Sorted {
    fn new(_: Vec<(ListenerKind, Descriptor)>, _: &Options) -> Self {
        Self::default()
    }
}

fn wanted_tcp(
    peers: &'static str,
    wanted: &[SocketAddr],
    handed: Vec<TcpListener>,
) -> Result<Vec<TcpListener>, BindError> {
    let is_it = |wanted: &SocketAddr, listener: &TcpListener| {
        let open = listener.local_addr();
        open.is_ok_and(|open| is_same(*wanted, open))
    };
    keep_or_open(wanted, handed, is_it, |&address| {
        open_tcp_at(peers, address)
    })
}

fn wanted_publish(
    options: &Options,
    handed: Vec<PublishListener>,
) -> Result<Vec<PublishListener>, BindError> {
    let is_it =
        |wanted: &PublishAddress, listener: &PublishListener| match (wanted, listener.address()) {
            (PublishAddress::Tcp(wanted), Some(PublishAddress::Tcp(open))) => {
                is_same(*wanted, open)
            }
            (PublishAddress::Unix(wanted), Some(PublishAddress::Unix(open))) => *wanted == open,
            _ => false,
        };
    let open = |address: &PublishAddress| open_publish_at(address, options);
    keep_or_open(&options.publish_listen, handed, is_it, open)
}

/// Returns a listener for each wanted address: one that was handed over, or a new one. Closes the others.
fn keep_or_open<A, L>(
    wanted: &[A],
    mut handed: Vec<L>,
    is_it: impl Fn(&A, &L) -> bool,
    open: impl Fn(&A) -> Result<L, BindError>,
) -> Result<Vec<L>, BindError> {
    let mut find = |wanted: &A| {
        let found = handed.iter().position(|listener| is_it(wanted, listener));
        found.map(|index| handed.remove(index))
    };
    let found: Vec<_> = wanted.iter().map(&mut find).collect();
    // An address to open may be another one with the same port.
    drop(handed);
    let all = found.into_iter().zip(wanted);
    all.map(|(found, address)| found.map_or_else(|| open(address), Ok))
        .collect()
}

/// Whether an open address is the wanted one. Port 0 stands for any.
fn is_same(wanted: SocketAddr, open: SocketAddr) -> bool {
    wanted.ip() == open.ip() && (wanted.port() == 0 || wanted.port() == open.port())
}
