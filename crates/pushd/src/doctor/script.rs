//! Downloads the client script, as pages do. It also shows whether a path leads to pushd.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::time::timeout;

use super::fault::Fault;
use super::probe::PROBE_TIMEOUT;
use crate::client::{self, Connector, with_causes};

/// A part of the first lines of pushd's pusher.js.
const MARK: &[u8] = b"a WAMP v1 client";

/// Returns whether the path serves pushd's script.
pub(super) async fn is_served(connector: &Connector) -> bool {
    let fetched = timeout(PROBE_TIMEOUT, fetch(connector)).await;
    fetched.is_ok_and(|fetched| fetched.is_ok())
}

/// Downloads the script and checks it.
pub(super) async fn fetch(connector: &Connector) -> Result<((), String), Fault> {
    let target = &connector.target;
    let url = target.script_url();
    let fault = |what: String| {
        let todo = format!(
            "Pages that load {url} get no client. A copy elsewhere needs the URL: new Pusher('{}').\nThe web server must \
             pass the path and everything below it on to pushd. A rule for *.js files may take precedence (nginx: \
             `location ^~` overrides it).",
            target.url()
        );
        Fault::new("script", what, todo)
    };
    let request = Request::get(target.script_path())
        .header(HOST, target.authority())
        .body(Full::new(Bytes::new()))
        .map_err(|error| fault(error.to_string()))?;
    let wire = connector.connect().await;
    let wire = wire.map_err(|error| fault(with_causes(&error)))?;
    let (parts, body) = client::ask(wire, request)
        .await
        .map_err(|error| fault(with_causes(&error)))?;
    if parts.status != StatusCode::OK {
        return Err(fault(format!("{url}: {}", parts.status)));
    }
    if !body.windows(MARK.len()).any(|part| part == MARK) {
        return Err(fault(format!("{url} is not pushd's script")));
    }
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.contains("javascript")) {
        return Err(fault(format!(
            "{url} has the Content-Type {}, not JavaScript",
            kind.unwrap_or("(none)")
        )));
    }
    Ok(((), format!("{url} is pushd's client")))
}
