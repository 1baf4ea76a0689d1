//! HTTP requests: for a WebSocket, for the client script, and for a publish at the private door.

use std::io;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::dial::Wire;

/// More than this is not read of an answer, in bytes.
const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// Sends a request over a connection of its own, and reads the answer's head.
pub(super) async fn send(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    let mut builder = http1::Builder::new();
    // As browsers write them.
    let builder = builder.title_case_headers(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(wire)).await?;
    // It ends with the answer, or with the WebSocket. What goes wrong, the request is told.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await
}

/// Reads an answer's body.
pub(super) async fn read_body(body: Incoming) -> io::Result<Bytes> {
    let body = Limited::new(body, ANSWER_LEN_MAX).collect().await;
    body.map(|body| body.to_bytes()).map_err(io::Error::other)
}

/// Sends a request, and reads the whole answer.
pub(crate) async fn ask(
    wire: Box<dyn Wire>,
    request: Request<Full<Bytes>>,
) -> io::Result<(Parts, Bytes)> {
    let (parts, body) = send(wire, request)
        .await
        .map_err(io::Error::other)?
        .into_parts();
    Ok((parts, read_body(body).await?))
}
