//! `pusher:signin`: the site says who the user of a connection is.

use pusher_proto::channels::{ErrorCode, signin_success, user_id};

use super::ChannelsSession;
use super::answer::{send, send_error};
use super::revoked::end_if_revoked;
use super::verify::verify_with_app;
use crate::browsers::session_state::SessionState;

impl ChannelsSession {
    pub(super) fn sign_in(&mut self, state: &mut SessionState, auth: &str, user_data: &str) {
        let socket_id = state.session().id().socket_id();
        let verified = verify_with_app(state, |app| {
            app.verify_user_auth(auth, socket_id, user_data)
        });
        let user = match verified {
            Ok(()) => user_id(user_data).map_err(|error| error.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        match user {
            Ok(user)
                if self
                    .signed_in
                    .as_deref()
                    .is_some_and(|other| *other != *user) =>
            {
                let text = "this connection has signed in as another user: open a new one";
                send_error(state, Some(ErrorCode::Unauthorized), text);
            }
            Ok(user) => match state.add_user(&user) {
                Ok(()) => {
                    self.signed_in = Some(user.as_ref().into());
                    send(state, &signin_success(user_data));
                    // The site may have ended the user's sessions in this second.
                    end_if_revoked(state);
                }
                Err(full) => send_error(state, None, &full.to_string()),
            },
            Err(text) => send_error(state, Some(ErrorCode::Unauthorized), &text),
        }
    }
}
