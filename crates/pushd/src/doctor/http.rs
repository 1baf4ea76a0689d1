//! HTTP requests: for a WebSocket, for the client script, and for a publish at the private door.

use std::io;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::dial::Wire;

/// More than this is not read of an answer, in bytes.
const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// A connection for one request after the other.
pub(crate) struct Conversation {
    sender: SendRequest<Full<Bytes>>,
    has_begun: bool,
}

impl Conversation {
    /// Nothing is sent yet.
    pub(crate) async fn begin(wire: Box<dyn Wire>) -> hyper::Result<Self> {
        let mut builder = http1::Builder::new();
        // As browsers write them.
        let builder = builder.title_case_headers(true);
        let (sender, connection) = builder.handshake(TokioIo::new(wire)).await?;
        // It ends with the last answer, or with the WebSocket. What goes wrong, the request is told.
        tokio::spawn(connection.with_upgrades());
        Ok(Self {
            sender,
            has_begun: false,
        })
    }

    /// Sends a request, and reads the answer's head.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        // The first one is handed over before anything is read: a server that is full answers at once, and hyper
        // takes an answer without a request for a fault.
        if std::mem::replace(&mut self.has_begun, true) {
            self.sender.ready().await?;
        }
        self.sender.send_request(request).await
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> io::Result<(Parts, Bytes)> {
        let answer = self.send(request).await;
        let (parts, body) = answer.map_err(io::Error::other)?.into_parts();
        Ok((parts, read_body(body).await?))
    }
}

/// Sends a request over a connection of its own, and reads the answer's head.
pub(super) async fn send(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    Conversation::begin(wire).await?.send(request).await
}

/// Reads an answer's body.
pub(super) async fn read_body(body: Incoming) -> io::Result<Bytes> {
    let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
    body.map(|body| body.to_bytes()).map_err(io::Error::other)
}

/// Sends a request over a connection of its own, and reads the whole answer.
pub(super) async fn ask(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> io::Result<(Parts, Bytes)> {
    let conversation = Conversation::begin(wire).await;
    conversation.map_err(io::Error::other)?.ask(request).await
}
