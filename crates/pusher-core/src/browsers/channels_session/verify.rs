//! Signatures of the site.

use pusher_proto::channels::{AuthFault, ChannelsApp};

use crate::browsers::session_state::SessionState;

/// Verifies a signature of the site with the present application.
pub(super) fn verify_with_app(
    state: &SessionState,
    verify: impl FnOnce(&ChannelsApp) -> Result<(), AuthFault>,
) -> Result<(), AuthFault> {
    match &state.context().live.options().channels_app {
        Some(app) => verify(app),
        // It was there when the client connected.
        None => Err(AuthFault::OtherKey),
    }
}
