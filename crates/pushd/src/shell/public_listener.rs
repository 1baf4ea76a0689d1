//! Sessions at the public listener (port 8080).

use clap::ArgMatches;
use pusher_proto::wamp::Subprotocol;

use super::error::{ANSWER_TIMEOUT, ShellError};
use crate::client::{self, ConnectError, Connector, Session};
use crate::doctor;
use crate::settings::Settings;
use crate::setup;

/// Returns the given URL, or that of the first public listener in the settings.
pub(super) fn public_url(matches: &ArgMatches, settings: &Settings) -> Result<String, ShellError> {
    if let Some(url) = matches.get_one::<String>("url") {
        return Ok(url.clone());
    }
    let first = settings.config.options.listen.first();
    let address = setup::local_address(*first.ok_or(ShellError::NoPublicListener)?);
    Ok(format!("ws://{address}/"))
}

/// Opens a session. If that fails, finds the reason and advice.
pub(super) async fn connect(
    url: &str,
    offer: &'static [Subprotocol],
) -> Result<(Session, Connector), ShellError> {
    match client::connect(url, offer, ANSWER_TIMEOUT).await {
        Ok(connected) => Ok(connected),
        Err(error) => Err(explain(error).await),
    }
}

/// Returns the reason why no session could be opened, with advice.
pub(super) async fn explain(error: ConnectError) -> ShellError {
    let fault = doctor::explain(error).await;
    ShellError::NoSession {
        what: fault.what,
        todo: fault.todo,
    }
}
