//! HTTP/1.1 requests: WebSocket handshakes, downloads of the client script, and requests to port 5555.

use std::io;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::wire::Wire;

/// Longest response body of a public URL that is accepted, in bytes.
pub(super) const BODY_LEN_MAX: usize = 1024 * 1024;

/// A connection that carries one request after the other.
pub(crate) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    has_sent: bool,
}

impl HttpConnection {
    /// Takes over an open connection. Sends nothing yet.
    pub(crate) async fn begin(wire: Box<dyn Wire>) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        // Browsers send header names in title case.
        let builder = builder.title_case_headers(true);
        let (sender, connection) = builder.handshake(TokioIo::new(wire)).await?;
        // The task ends with the last response or with the WebSocket. Its errors reach the request.
        tokio::spawn(connection.with_upgrades());
        Ok(Self {
            sender,
            has_sent: false,
        })
    }

    /// Sends a request and reads the head of the response.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        // The first request is queued before anything is read: a full server responds at once, and hyper treats a
        // response without a request as an error.
        if std::mem::replace(&mut self.has_sent, true) {
            self.sender.ready().await?;
        }
        self.sender.send_request(request).await
    }

    /// Sends a request and reads the whole response, with a body of at most `body_len_max` bytes.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        body_len_max: usize,
    ) -> io::Result<(Parts, Bytes)> {
        let response = self.send(request).await;
        let (parts, body) = response.map_err(io::Error::other)?.into_parts();
        Ok((parts, read_body(body, body_len_max).await?))
    }
}

/// Sends a request over a connection of its own and reads the head of the response.
pub(super) async fn send(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    HttpConnection::begin(wire).await?.send(request).await
}

/// Sends a request over a connection of its own and reads the head of the response. The body may be of any length.
pub(crate) async fn ask_head(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Parts> {
    Ok(send(wire, request).await?.into_parts().0)
}

/// Reads the body of a response.
pub(super) async fn read_body(body: Incoming, len_max: usize) -> io::Result<Bytes> {
    let body = Limited::new(body, len_max).collect().await;
    body.map(|body| body.to_bytes()).map_err(io::Error::other)
}

/// Sends a request over a connection of its own and reads the whole response.
pub(crate) async fn ask(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> io::Result<(Parts, Bytes)> {
    let connection = HttpConnection::begin(wire).await;
    let mut connection = connection.map_err(io::Error::other)?;
    connection.ask(request, BODY_LEN_MAX).await
}
