//! The user of a presence channel.

use pusher_proto::channels::{Channel, Member};

use super::ChannelsSession;
use super::answer::Refused;
use super::revoked::end_if_revoked;
use crate::browsers::session_state::SessionState;
use crate::presence::Member as PresentMember;

impl ChannelsSession {
    /// Subscribes to a presence channel, whose `auth` was verified.
    pub(super) fn join(
        &mut self,
        state: &mut SessionState,
        channel: Channel<'_>,
        channel_data: &str,
    ) -> Result<(), Refused> {
        let member = Member::parse(channel_data);
        let member = member.map_err(|error| Refused::invalid(error.to_string()))?;
        let member = PresentMember {
            sub: member.user_id.into(),
            info: member.user_info.map(Into::into),
            // The site signs no time, so the first `user_info` of a user counts.
            issued_s: 0,
        };
        let added = state.add_user(&member.sub);
        added.map_err(|full| Refused::limit(full.to_string()))?;
        // The site may have ended the user's sessions in this second.
        if end_if_revoked(state) {
            return Ok(());
        }
        self.joins.join(state, channel, member)
    }
}
