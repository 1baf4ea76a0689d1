//! Opens a session at a public URL: DNS, TCP, TLS, WebSocket handshake and WELCOME.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pusher_proto::wamp::Subprotocol;

use super::ca_certificate::CaCertificates;
use super::causes::with_causes;
use super::connector::{Connector, TlsSetupError};
use super::dial::{self, DialError};
use super::handshake::Refusal;
use super::session::{Session, WelcomeError};
use super::target::{Target, TargetError};
use super::wire::Wire;

/// Why no session could be opened: one variant for each step. The connector is for further tries that find the reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot resolve {host}: {source}")]
    Dns { host: String, source: io::Error },
    #[error("cannot connect to {0}")]
    Dial(#[from] DialError),
    #[error(transparent)]
    TlsSetup(#[from] TlsSetupError),
    #[error("the TLS handshake failed: {source}")]
    Tls {
        source: io::Error,
        connector: Box<Connector>,
    },
    #[error("the WebSocket handshake failed: {refusal}")]
    Handshake {
        refusal: Refusal,
        connector: Box<Connector>,
    },
    #[error(transparent)]
    Welcome(#[from] WelcomeError),
    /// The server accepted a connection before, but not this one.
    #[error("{address} accepts no further connection: {}", with_causes(.source))]
    NoFurther {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("no session within {0:?}")]
    Timeout(Duration),
}

/// Opens a session at a URL. Returns a connector too, for further sessions at the same address.
pub(crate) async fn connect(
    url: &str,
    trusted: &CaCertificates,
    offer: &'static [Subprotocol],
    timeout: Duration,
) -> Result<(Session, Connector), ConnectError> {
    let target = Target {
        offer,
        trusted: trusted.clone(),
        ..Target::parse(url, None, None)?
    };
    within(timeout, async {
        let addresses = dial::look_up(&target).await;
        let addresses = addresses.map_err(|source| ConnectError::Dns {
            host: target.host.clone(),
            source,
        })?;
        let dialled = dial::dial(addresses, timeout).await?;
        let connector = Connector::new(target, dialled.address)?;
        let encrypted = connector.encrypt(dialled.stream).await;
        let encrypted = encrypted.map_err(|source| ConnectError::Tls {
            source,
            connector: Box::new(connector.clone()),
        })?;
        let session = begin(&connector, encrypted.wire, timeout).await?;
        Ok((session, connector))
    })
    .await
}

/// Opens a further session at the address of `connector`.
pub(crate) async fn connect_again(
    connector: &Connector,
    timeout: Duration,
) -> Result<Session, ConnectError> {
    within(timeout, async {
        let wire = connector.connect().await;
        let wire = wire.map_err(|source| ConnectError::NoFurther {
            address: connector.address,
            source,
        })?;
        begin(connector, wire, timeout).await
    })
    .await
}

async fn begin(
    connector: &Connector,
    wire: Box<dyn Wire>,
    timeout: Duration,
) -> Result<Session, ConnectError> {
    let opened = connector.open_websocket(wire, timeout).await;
    let socket = opened.map_err(|refusal| ConnectError::Handshake {
        refusal,
        connector: Box::new(connector.clone()),
    })?;
    Ok(Session::begin(socket).await?)
}

/// Two steps may each take the whole timeout: the TCP connection and the handshake.
async fn within<T>(
    timeout: Duration,
    connecting: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let connected = tokio::time::timeout(2 * timeout, connecting).await;
    connected.unwrap_or(Err(ConnectError::Timeout(2 * timeout)))
}
