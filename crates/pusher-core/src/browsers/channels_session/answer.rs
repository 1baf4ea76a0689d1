//! Answers to a browser of the Channels protocol.

use pusher_proto::channels::{Channel, ErrorCode, cache_miss, error, subscription_error};

use crate::browsers::session_state::SessionState;

/// Why a session does not get a channel, for the client.
pub(super) struct Refused {
    kind: &'static str,
    text: String,
    /// The status for programs, in the manner of HTTP.
    status: u16,
}

impl Refused {
    pub(super) fn auth(text: String) -> Self {
        Self {
            kind: "AuthError",
            text,
            status: 401,
        }
    }

    pub(super) fn invalid(text: String) -> Self {
        Self {
            kind: "InvalidChannel",
            text,
            status: 400,
        }
    }

    pub(super) fn conflict(text: String) -> Self {
        Self {
            kind: "AlreadySubscribed",
            text,
            status: 409,
        }
    }

    pub(super) fn unavailable(text: String) -> Self {
        Self {
            kind: "Unavailable",
            text,
            status: 503,
        }
    }

    pub(super) fn limit(text: String) -> Self {
        Self {
            kind: "LimitReached",
            text,
            status: 403,
        }
    }
}

/// Tells a new subscriber of a cache channel that there is no last event.
pub(super) fn miss_cache(state: &SessionState, channel: Channel<'_>, replayed: u64) {
    if channel.is_cache() && replayed == 0 {
        send(state, &cache_miss(channel.name()));
    }
}

pub(super) fn refuse(state: &SessionState, channel: &str, refused: &Refused) {
    let Refused { kind, text, status } = refused;
    let connection = state.session().connection();
    let peer = connection.peer().to_string();
    let line = format_args!("refused a subscription to {channel:?}: {text}");
    let _logged = state.context().browser_log.about(&peer, line);
    send(state, &subscription_error(channel, kind, text, *status));
}

pub(super) fn send_error(state: &SessionState, code: Option<ErrorCode>, text: &str) {
    send(state, &error(code, text));
}

pub(super) fn send(state: &SessionState, text: &str) {
    state.session().connection().send_text(text);
}
