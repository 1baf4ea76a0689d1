//! One HTTP request to the site, over a connection of its own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pusher_proto::channels::{ChannelsApp, KEY_HEADER, SIGNATURE_HEADER};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::config::WebhookUrl;

/// Bytes of a response's body that are read. A site may have the request still in work until they are.
const BODY_LEN_MAX: usize = 64 * 1024;

/// Why the site does not have the events.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("this machine has no root certificates: install ca-certificates")]
    NoRoots,
    #[error("TLS cannot be set up: {0}")]
    TlsSetup(#[from] rustls::Error),
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request is invalid: {0}")]
    Request(#[from] http::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("no answer in time")]
    Timeout,
    #[error("there is no pusher-app, whose secret signs the request")]
    NoApp,
}

/// Sends requests to one URL.
pub(super) struct Site {
    pub(super) url: WebhookUrl,
    /// Set by the first request, for https only.
    tls: Option<TlsConnector>,
}

/// A response with a status of success.
pub(super) struct Accepted {
    body: Incoming,
    _connection: AbortOnDropHandle<()>,
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Site {
    pub(super) fn new(url: WebhookUrl) -> Self {
        Self { url, tls: None }
    }

    /// Sends a request, and reads the head of the response.
    pub(super) async fn post(
        &mut self,
        app: &ChannelsApp,
        body: Bytes,
    ) -> Result<Accepted, PostError> {
        let request = self.request(app, body)?;
        let wire = self.connect().await?;
        let (mut sender, connection) = http1::Builder::new()
            // As the sites know it from other servers.
            .title_case_headers(true)
            .handshake(TokioIo::new(wire))
            .await?;
        // An error reaches the request, too.
        let connection = tokio::spawn(async move { drop(connection.await) });
        let connection = AbortOnDropHandle::new(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        match status.is_success() {
            true => Ok(Accepted {
                body: response.into_body(),
                _connection: connection,
            }),
            false => Err(PostError::Status(status)),
        }
    }

    fn request(&self, app: &ChannelsApp, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        Request::builder()
            .method(Method::POST)
            .uri(self.url.target())
            .header(header::HOST, self.url.authority())
            .header(
                header::USER_AGENT,
                concat!("pushd/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header(KEY_HEADER, app.key())
            .header(SIGNATURE_HEADER, app.sign(&body))
            .body(Full::new(body))
    }

    async fn connect(&mut self) -> Result<Box<dyn Wire>, PostError> {
        let tls = match self.url.is_https() {
            true => Some(self.tls().await?.clone()),
            false => None,
        };
        let address = (self.url.host(), self.url.port());
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(PostError::Connect)?;
        let Some(tls) = tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(self.url.host().to_owned());
        let name = name.map_err(|error| PostError::Tls(io::Error::other(error)))?;
        let stream = tls.connect(name, stream).await.map_err(PostError::Tls)?;
        Ok(Box::new(stream))
    }

    async fn tls(&mut self) -> Result<&TlsConnector, PostError> {
        match &mut self.tls {
            Some(tls) => Ok(tls),
            none => Ok(none.insert(connector().await?)),
        }
    }
}

impl Accepted {
    /// Reads the rest of the response.
    pub(super) async fn finish(self) {
        // The status has said all.
        let _body = Limited::new(self.body, BODY_LEN_MAX).collect().await;
    }
}

async fn connector() -> Result<TlsConnector, PostError> {
    // They are in files, and reading these would stop the thread's other tasks.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let found = found.map_err(|_| PostError::NoRoots)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(PostError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
