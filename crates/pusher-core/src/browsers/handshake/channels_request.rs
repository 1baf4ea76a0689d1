//! Requests for the Pusher Channels protocol: `GET /app/KEY?protocol=7`, without a subprotocol.

use pusher_proto::channels::{ErrorCode, check_version};

use crate::application::Request;
use crate::config::LiveOptions;

/// Reads a request for a WebSocket. Returns `None` if it is not for this protocol, or the server does not speak it. The
/// error is the reason why its client cannot have a session.
pub(super) fn parse(request: &Request, options: &LiveOptions) -> Option<Result<(), ErrorCode>> {
    let app = options.channels_app.as_ref()?;
    let (folder, key) = request.path().rsplit_once('/')?;
    // A web server in front may add folders.
    let is_app = folder.rsplit('/').next() == Some("app");
    let has_subprotocol = request.header("Sec-WebSocket-Protocol").is_some();
    if !is_app || has_subprotocol {
        return None;
    }
    Some(match key == app.key() {
        true => check_version(request.query().unwrap_or_default()),
        false => Err(ErrorCode::UnknownApp),
    })
}
