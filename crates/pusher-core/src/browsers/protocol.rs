//! The protocol of a browser's session, which handles its messages. It owns no socket.

use std::task::{Context as TaskContext, Poll};

use super::channels_session::ChannelsSession;
use super::session_state::SessionState;
use super::violation::Violation;
use super::wamp_session::WampSession;
use super::wamp2_session::Wamp2Session;
use crate::connection::Dialect;
use crate::handover::{self, WampDialect};

/// The protocol of a session, with the state that only this protocol has.
pub(super) enum Protocol {
    Wamp(WampSession),
    Channels(ChannelsSession),
    Wamp2(Wamp2Session),
}

impl Protocol {
    /// Returns the state for another process.
    pub(super) fn hand_over(&self, dialect: Dialect) -> handover::Protocol {
        match self {
            Self::Wamp(wamp) => wamp.hand_over(match dialect {
                Dialect::WampResumed => WampDialect::WampResumed,
                Dialect::Pushd1 => WampDialect::Pushd1,
                _ => WampDialect::Wamp,
            }),
            Self::Channels(channels) => channels.hand_over(),
            Self::Wamp2(wamp2) => wamp2.hand_over(),
        }
    }

    /// Continues a session of another process.
    pub(super) fn take_over(state: &SessionState, handed: handover::Protocol) -> Self {
        match handed {
            handover::Protocol::Wamp {
                prefixes, resume, ..
            } => Self::Wamp(WampSession::take_over(state, &prefixes, resume)),
            handover::Protocol::Channels {
                user,
                has_signed_in,
            } => Self::Channels(ChannelsSession::take_over(state, user, has_signed_in)),
            handover::Protocol::Wamp2(topics) => {
                Self::Wamp2(Wamp2Session::take_over(state, topics))
            }
        }
    }

    /// Goes on with what waits for time or another server. Ready if the session must end: the client has not begun it in
    /// time.
    pub(super) fn poll(
        &mut self,
        state: &mut SessionState,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        match self {
            Self::Wamp2(wamp2) => wamp2.poll_late(state, task),
            Self::Channels(channels) => {
                channels.poll(state, task);
                Poll::Pending
            }
            Self::Wamp(_) => Poll::Pending,
        }
    }

    /// Whether another process can continue the session now.
    pub(super) fn may_hand_over(&self) -> bool {
        match self {
            Self::Channels(channels) => !channels.is_joining(),
            Self::Wamp(_) | Self::Wamp2(_) => true,
        }
    }

    /// Handles one message.
    pub(super) fn receive(
        &mut self,
        state: &mut SessionState,
        text: &str,
    ) -> Result<(), Violation> {
        match self {
            Self::Wamp(wamp) => wamp.receive(state, text),
            Self::Channels(channels) => channels.receive(state, text),
            Self::Wamp2(wamp2) => wamp2.receive(state, text),
        }
    }

    /// Handles a pong.
    pub(super) fn receive_pong(
        &mut self,
        state: &mut SessionState,
        payload: &[u8],
    ) -> Result<(), Violation> {
        match self {
            Self::Wamp(wamp) => wamp.receive_pong(state, payload),
            Self::Channels(_) | Self::Wamp2(_) => state.count_message(),
        }
    }

    /// Ends the subscriptions that the session may no longer have: its ticket, or the rules, have changed.
    pub(super) fn recheck(&mut self, state: &mut SessionState) {
        match self {
            Self::Wamp(wamp) => wamp.recheck(state),
            Self::Channels(channels) => channels.recheck(state),
            Self::Wamp2(wamp2) => wamp2.recheck(state),
        }
    }

    /// Records that the client has closed the session, so it does not come back.
    pub(super) fn closed_by_client(&mut self, state: &SessionState) {
        match self {
            Self::Wamp(wamp) => wamp.closed_by_client(state),
            Self::Channels(_) | Self::Wamp2(_) => {}
        }
    }

    /// Records the end of the session's connection.
    pub(super) fn ended(&mut self, state: &SessionState) {
        match self {
            Self::Wamp(wamp) => wamp.ended(state),
            Self::Channels(_) | Self::Wamp2(_) => {}
        }
    }
}
