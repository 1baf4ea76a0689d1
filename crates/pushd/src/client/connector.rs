//! TLS, and as many connections to the same address as are needed.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::ca_certificate::Verifier;
use super::handshake::{self, Refusal, Socket};
use super::target::Target;
use super::wire::Wire;

/// Connects to one address of a target.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) target: Target,
    pub(crate) address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.target.url(), self.address)
    }
}

/// TLS cannot be set up on this machine for this target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsSetupError {
    #[error("{0:?} is not a name that a certificate can contain")]
    Name(String),
    #[error("this machine has no root certificates")]
    NoRoots,
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    #[error(transparent)]
    Verifier(#[from] VerifierBuilderError),
}

/// A connection after the TLS handshake, if the target has TLS.
pub(crate) struct Encrypted {
    pub(crate) wire: Box<dyn Wire>,
    /// The TLS version, such as `TLSv1_3`.
    pub(crate) version: Option<&'static str>,
    /// When the server's certificate expires.
    pub(crate) not_after: Option<SystemTime>,
}

impl Connector {
    pub(crate) fn new(target: Target, address: SocketAddr) -> Result<Self, TlsSetupError> {
        let tls = match target.tls {
            true => Some(tls_connector(&target)?),
            false => None,
        };
        Ok(Self {
            target,
            address,
            tls,
        })
    }

    /// Performs the TLS handshake on an open connection. Without TLS, returns the connection as it is.
    pub(crate) async fn encrypt(&self, stream: TcpStream) -> io::Result<Encrypted> {
        let Some((connector, name)) = &self.tls else {
            return Ok(Encrypted {
                wire: Box::new(stream),
                version: None,
                not_after: None,
            });
        };
        let stream = connector.connect(name.clone(), stream).await?;
        let session = stream.get_ref().1;
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let version = session.protocol_version();
        Ok(Encrypted {
            version: version.and_then(|version| version.as_str()),
            not_after: certificate.and_then(|shown| pusher_core::not_after(shown)),
            wire: Box::new(stream),
        })
    }

    /// Opens a further connection.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let stream = TcpStream::connect(self.address).await?;
        Ok(self.encrypt(stream).await?.wire)
    }

    /// Performs the WebSocket handshake as a browser does, within a time limit.
    pub(crate) async fn open_websocket(
        &self,
        wire: Box<dyn Wire>,
        time: Duration,
    ) -> Result<Socket, Refusal> {
        let opened = timeout(time, handshake::open(wire, &self.target, true, None));
        opened.await.unwrap_or(Err(Refusal::Silent(time)))
    }
}

fn tls_connector(target: &Target) -> Result<(TlsConnector, ServerName<'static>), TlsSetupError> {
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| TlsSetupError::Name(target.host.clone()))?;
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added + target.trusted.add_to(&mut roots) == 0 {
        return Err(TlsSetupError::NoRoots);
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        issuers: WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()?,
        given: target.trusted.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = config.with_no_client_auth();
    // Browsers offer only this for a WebSocket: HTTP/2 has no Upgrade.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}
