//! The way in: an event at the private door, by HTTP as any program may send it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use pusher_core::PublishAddress;
use serde::Deserialize;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::dial::{Wire, with_causes};
use super::report::Fault;

/// pushd's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    pub(super) subscribers: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Publishes an event, a JSON value. The topic must need no escapes in a URL.
pub(super) async fn publish(
    address: &PublishAddress,
    token: Option<&str>,
    topic: &str,
    event: String,
) -> Result<Receipt, Fault> {
    let wire = connect(address).await;
    let wire = wire.map_err(|error| unreachable(address, &error))?;
    let mut request = Request::post(format!("/publish/{topic}"))
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(event)));
    let request = request.map_err(|error| not_pushd(address, &error.to_string()))?;
    let answer = super::http::ask(wire, request).await;
    let (parts, body) = answer.map_err(|error| not_pushd(address, &with_causes(&error)))?;
    match parts.status {
        StatusCode::OK => {
            serde_json::from_slice(&body).map_err(|error| not_pushd(address, &error.to_string()))
        }
        StatusCode::UNAUTHORIZED => Err(Fault::new(
            "publish-token",
            format!("the private door {address} wants the publish token"),
            "Give it in the environment: PUSHD_PUBLISH_TOKEN.",
        )),
        status => {
            let refused: Option<Refused> = serde_json::from_slice(&body).ok();
            let why = refused.map_or_else(|| status.to_string(), |refused| refused.error);
            Err(not_pushd(address, &why))
        }
    }
}

pub(crate) async fn connect(address: &PublishAddress) -> io::Result<Box<dyn Wire>> {
    Ok(match address {
        PublishAddress::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        #[cfg(unix)]
        PublishAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        #[cfg(not(unix))]
        PublishAddress::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
    })
}

fn unreachable(address: &PublishAddress, error: &io::Error) -> Fault {
    Fault::new(
        "publish-unreachable",
        format!("the private door {address} can't be reached: {error}"),
        "Run this on pushd's machine, with --publish-address if pushd has another --publish-listen than by default; or with \
         --no-publish from elsewhere, which looks at the public way only.",
    )
}

/// Nothing came from there for so long.
pub(super) fn silent(address: &PublishAddress, patience: Duration) -> Fault {
    Fault::new(
        "publish-silent",
        format!("the private door {address} has not answered for {patience:?}"),
        "Is it pushd that listens there, and does it do anything (`pusherd status`)? A firewall may swallow the connection; and \
         a pushd that is overloaded makes publishers wait.",
    )
}

fn not_pushd(address: &PublishAddress, why: &str) -> Fault {
    Fault::new(
        "publish-refused",
        format!("the private door {address} does not publish: {why}"),
        "Is it pushd's private door that listens there (--publish-listen), and not the public one?",
    )
}
