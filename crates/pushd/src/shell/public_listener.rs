//! Sessions at the public listener (port 8080).

use clap::ArgMatches;
use pusher_proto::wamp::Subprotocol;

use super::error::{ANSWER_TIMEOUT, ShellError};
use crate::client::{self, CaCertificates, ConnectError, Connector, Session};
use crate::doctor;
use crate::settings::Settings;
use crate::setup;

/// Where browsers connect.
pub(super) struct PublicListener {
    pub(super) url: String,
    trusted: CaCertificates,
}

impl PublicListener {
    /// Returns the given URL, or that of the first public listener in the settings.
    pub(super) fn new(matches: &ArgMatches, settings: &Settings) -> Result<Self, ShellError> {
        let url = match matches.get_one::<String>("url") {
            Some(url) => url.clone(),
            None => {
                let first = settings.config.options.listen.first();
                let address = setup::local_address(*first.ok_or(ShellError::NoPublicListener)?);
                format!("ws://{address}/")
            }
        };
        let trusted = CaCertificates::given(matches);
        Ok(Self { url, trusted })
    }

    /// Opens a session. If that fails, finds the reason and advice.
    pub(super) async fn connect(
        &self,
        offer: &'static [Subprotocol],
    ) -> Result<(Session, Connector), ShellError> {
        match client::connect(&self.url, &self.trusted, offer, ANSWER_TIMEOUT).await {
            Ok(connected) => Ok(connected),
            Err(error) => Err(explain(error).await),
        }
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
