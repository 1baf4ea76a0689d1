//! Users whose sessions the site has ended.

use pusher_proto::channels::ErrorCode;

use super::answer::send_error;
use crate::browsers::session_state::SessionState;

/// Ends the connection if the site has ended the sessions of one of its users. Returns whether it has.
pub(super) fn end_if_revoked(state: &SessionState) -> bool {
    let id = state.session().id();
    if !state.context().hub.tickets().has_revoked_user(id) {
        return false;
    }
    let code = ErrorCode::Unauthorized;
    let text = "the site has ended the sessions of this user";
    send_error(state, Some(code), text);
    state.session().close(code.number(), code.text());
    true
}
