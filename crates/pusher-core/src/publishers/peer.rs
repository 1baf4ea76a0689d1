//! The other end of a publisher's connection.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::stream::Stream;
use crate::connection::PublisherPermits;
use crate::context::Context;
use crate::handover::{self, Publisher, PublisherProtocol};
use crate::stats::{PeerLog, PublishRefusal, PublisherRefusal};

/// The publisher at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// For the log.
    pub(crate) name: String,
    pub(crate) transport: Transport,
}

impl Peer {
    /// Gives the publisher's connection to another process.
    pub(super) fn hand_over(
        &self,
        context: &Context,
        stream: impl Stream,
        protocol: PublisherProtocol,
        unread: Vec<u8>,
    ) {
        let publisher = Publisher {
            transport: match self.transport {
                Transport::Unix => handover::Transport::Unix,
                Transport::Tcp { .. } => handover::Transport::Tcp,
                Transport::Signed => handover::Transport::Signed,
            },
            peer: self.name.clone(),
            protocol,
            unread,
        };
        match stream.into_descriptor() {
            Ok(descriptor) => context.handover.bring_publisher(publisher, descriptor),
            Err(error) => tracing::debug!(peer = self.name, %error, "cannot hand over"),
        }
    }

    /// Counts and logs a publish that is refused.
    pub(super) fn refuse_publish(
        &self,
        context: &Context,
        kind: PublishRefusal,
        text: impl Display,
    ) {
        let refused = &context.counters.publishes_refused;
        refused.refuse(kind, self.log(context), &self.name, text);
    }

    /// Counts and logs the publisher, whose request or connection is refused.
    pub(super) fn refuse(&self, context: &Context, kind: PublisherRefusal, text: impl Display) {
        let refused = &context.counters.publishers_refused;
        refused.refuse(kind, self.log(context), &self.name, text);
    }

    /// Returns the log for faults of the publisher.
    pub(super) fn log<'a>(&self, context: &'a Context) -> &'a PeerLog {
        // Strangers cannot use up the lines about the site's own publishers.
        match self.transport {
            Transport::Unix | Transport::Tcp { .. } => &context.publisher_log,
            Transport::Signed => &context.browser_log,
        }
    }
}

/// The transport of a publisher's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    #[cfg_attr(windows, expect(dead_code, reason = "there are no unix sockets"))]
    Unix,
    Tcp {
        /// The server's address of this connection. `None` if the system does not tell it.
        local: Option<IpAddr>,
    },
    /// TCP, to the listener that serves only signed requests.
    Signed,
}

impl Transport {
    /// Returns the transport of a connection to the publish listener.
    pub(crate) fn tcp(stream: &TcpStream) -> Self {
        let local = stream.local_addr().ok();
        Self::Tcp {
            local: local.map(|local| local.ip().to_canonical()),
        }
    }

    /// Returns the permits of the listener. Strangers can connect for signed requests, so these have permits of their own.
    pub(crate) fn permits(self, context: &Context) -> &Arc<PublisherPermits> {
        match self {
            Self::Unix | Self::Tcp { .. } => &context.publisher_permits,
            Self::Signed => &context.signed_permits,
        }
    }
}
