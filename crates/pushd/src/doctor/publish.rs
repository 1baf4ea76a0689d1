//! Requests to port 5555 by HTTP, as any program may send them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Request, StatusCode};
use http_body_util::Full;
use pusher_core::PublishAddress;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::fault::Fault;
use crate::client::{self, with_causes};

/// The publish listener, and its token.
pub(super) struct Publisher {
    pub(super) address: PublishAddress,
    pub(super) token: Option<String>,
}

/// The fields of a receipt that are needed here.
#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    pub(super) subscribers: u64,
    /// Number of daemons that share the log.
    pub(super) nodes: Option<u64>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Publishes an event, a JSON value, within a time limit. The topic must be free of characters that a URL escapes.
pub(super) async fn publish(
    publisher: &Publisher,
    topic: &str,
    event: String,
    patience: Duration,
) -> Result<Receipt, Fault> {
    let request = Request::post(format!("/publish/{topic}"));
    ask(publisher, request, event, patience).await
}

/// Returns `/status.json` of the daemon, within a time limit.
pub(super) async fn status<T: DeserializeOwned>(
    publisher: &Publisher,
    patience: Duration,
) -> Result<T, Fault> {
    let request = Request::get("/status.json");
    ask(publisher, request, String::new(), patience).await
}

async fn ask<T: DeserializeOwned>(
    publisher: &Publisher,
    request: Builder,
    json: String,
    patience: Duration,
) -> Result<T, Fault> {
    let answered = timeout(patience, send(publisher, request, json));
    answered
        .await
        .unwrap_or_else(|_| Err(silent(&publisher.address, patience)))
}

async fn send<T: DeserializeOwned>(
    publisher: &Publisher,
    request: Builder,
    json: String,
) -> Result<T, Fault> {
    let address = &publisher.address;
    let wire = client::connect_to_publish_listener(address).await;
    let wire = wire.map_err(|error| unreachable(address, &error))?;
    let mut request = request
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json");
    if let Some(token) = &publisher.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::from(json)));
    let request = request.map_err(|error| not_pushd(address, &error.to_string()))?;
    let answer = client::ask(wire, request).await;
    let (parts, body) = answer.map_err(|error| not_pushd(address, &with_causes(&error)))?;
    match parts.status {
        StatusCode::OK => {
            serde_json::from_slice(&body).map_err(|error| not_pushd(address, &error.to_string()))
        }
        StatusCode::UNAUTHORIZED => Err(Fault::new(
            "publish-token",
            format!("{address} requires the publish token"),
            "Set it in the environment: PUSHD_PUBLISH_TOKEN.",
        )),
        status => {
            let refused: Option<Refused> = serde_json::from_slice(&body).ok();
            let why = refused.map_or_else(|| status.to_string(), |refused| refused.error);
            Err(not_pushd(address, &why))
        }
    }
}

fn unreachable(address: &PublishAddress, error: &io::Error) -> Fault {
    Fault::new(
        "publish-unreachable",
        format!("cannot connect to {address}, the publish listener: {error}"),
        "Run this on pushd's machine, with --publish-address if --publish-listen is not the default. From elsewhere use \
         --no-publish, which checks only the browsers' path.",
    )
}

/// Describes a publish listener that does not answer.
fn silent(address: &PublishAddress, patience: Duration) -> Fault {
    Fault::new(
        "publish-silent",
        format!("{address}, the publish listener, has not answered within {patience:?}"),
        "Does pushd listen there, and does it answer `pusherd status`? A firewall may drop the packets, or pushd may be \
         overloaded: then it makes publishers wait.",
    )
}

fn not_pushd(address: &PublishAddress, why: &str) -> Fault {
    Fault::new(
        "publish-refused",
        format!("{address} does not accept the publish: {why}"),
        "Is this the address for publishers (--publish-listen), and not the public one for browsers (--listen)?",
    )
}
