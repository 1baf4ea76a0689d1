//! Requests about the users of tickets: revocation and presence.

use pusher_proto::limits::{SUB_LEN_MAX, TOPIC_LEN_MAX};
use pusher_proto::{check_topic, native};

use super::Publisher;
use crate::answer::Revoked;
use crate::attempt::Operation;
use crate::c_api::codes;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::presence::Presence;
use crate::unix_time::unix_time_s;

impl Publisher {
    /// Ends all tickets of a user that were signed up to now, by this machine's clock, and the private subscriptions of
    /// the user's browsers. Returns the number of sessions at the answering pushd that lost their ticket.
    ///
    /// Call it when the user logs out, or may no longer read a topic. Never takes longer than the timeout. If the
    /// connection was closed meanwhile, or ends before the answer, connects again, once: a second revocation of the same
    /// tickets does no harm.
    ///
    /// # Errors
    /// See [`Error`]. An older pushd, which has no tickets, is [`Error::Refused`].
    pub fn revoke(&mut self, sub: &str) -> Result<u64, Error> {
        self.abandon_inherited();
        self.revoke_until(sub, &Deadline::after(self.timeout))
    }

    /// Asks for the members of a topic. Never takes longer than the timeout, and connects again as
    /// [`revoke`](Self::revoke) does.
    ///
    /// # Errors
    /// See [`Error`]. If the topic has no presence (pushd's setting `presence`): [`Error::Refused`].
    pub fn presence(&mut self, topic: &str) -> Result<Presence, Error> {
        self.abandon_inherited();
        self.presence_until(topic, &Deadline::after(self.timeout))
    }

    /// As [`revoke`](Self::revoke), for a caller that has checked for a fork already.
    pub(crate) fn revoke_until(&mut self, sub: &str, deadline: &Deadline) -> Result<u64, Error> {
        if !(1..=SUB_LEN_MAX).contains(&sub.len()) {
            let len = sub.len();
            return Err(Error::Argument {
                code: codes::PUSH_EINVAL,
                reason: format!(
                    "no ticket was revoked: sub is {len} bytes long: 1 to {SUB_LEN_MAX} are allowed"
                ),
            });
        }
        let before_s = unix_time_s();
        let Revoked(sessions) = self.request(Operation::Revoke, deadline, |buffer, request| {
            native::encode_revoke(buffer, request, sub, Some(before_s));
            Ok(())
        })?;
        Ok(sessions)
    }

    /// As [`presence`](Self::presence), for a caller that has checked for a fork already.
    pub(crate) fn presence_until(
        &mut self,
        topic: &str,
        deadline: &Deadline,
    ) -> Result<Presence, Error> {
        check_topic(topic, TOPIC_LEN_MAX).map_err(|error| Error::Argument {
            code: codes::PUSH_ETOPIC,
            reason: format!("presence was not requested: {error}"),
        })?;
        self.request(Operation::Presence, deadline, |buffer, request| {
            native::encode_presence(buffer, request, topic);
            Ok(())
        })
    }
}
