//! The client script: what pages load, and what shows whether a path leads to pushd.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::time::timeout;

use super::dial::{PROBE_TIMEOUT, Route, with_causes};
use super::report::Fault;

/// In the first lines of pushd's pusher.js.
const MARK: &[u8] = b"a WAMP v1 client";

/// Whether the script comes from pushd.
pub(super) async fn is_served(route: &Route) -> bool {
    let fetched = timeout(PROBE_TIMEOUT, fetch(route)).await;
    fetched.is_ok_and(|fetched| fetched.is_ok())
}

/// Loads the script as a page does.
pub(super) async fn fetch(route: &Route) -> Result<((), String), Fault> {
    let target = &route.target;
    let url = target.script_url();
    let fault = |what: String| {
        let todo = format!(
            "Pages that load {url} have no client; a copy elsewhere needs the address: new Pusher('{}').\nThe web server \
             must pass the whole path on, with what is below it: a rule for *.js files may come first (nginx: \
             `location ^~` beats it).",
            target.url()
        );
        Fault::new("script", what, todo)
    };
    let request = Request::get(target.script_path())
        .header(HOST, target.authority())
        .body(Full::new(Bytes::new()))
        .map_err(|error| fault(error.to_string()))?;
    let wire = route.connect().await;
    let wire = wire.map_err(|error| fault(with_causes(&error)))?;
    let (parts, body) = super::http::ask(wire, request)
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
            "{url} comes as {}, not as JavaScript",
            kind.unwrap_or("nothing")
        )));
    }
    Ok(((), format!("{url} is pushd's client")))
}
