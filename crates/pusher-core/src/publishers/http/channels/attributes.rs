//! What answers say about channels.

use pusher_proto::channels::{Channel, Info};
use serde::Serialize;

use crate::context::Context;
use crate::publishers::present::{self, PresenceError};
use crate::publishers::subscribed;

/// The attributes of a channel that the request asks for.
#[derive(Debug, Default, Serialize)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subscription_count: Option<u64>,
    /// Only for presence channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_count: Option<usize>,
}

/// Returns the attributes of each channel.
pub(super) async fn attributes(
    context: &Context,
    channels: &[&str],
    info: Info,
) -> Result<Vec<Attributes>, PresenceError> {
    let mut all: Vec<_> = channels.iter().map(|_| Attributes::default()).collect();
    if info.subscription_count {
        let counts = subscribed::counts(context, channels).await?;
        for (attributes, count) in all.iter_mut().zip(counts) {
            attributes.subscription_count = Some(count);
        }
    }
    if info.user_count {
        add_user_counts(context, channels.iter().copied().zip(&mut all)).await?;
    }
    Ok(all)
}

/// Adds the numbers of members of the channels that have any.
pub(super) async fn add_user_counts<'a>(
    context: &Context,
    channels: impl Iterator<Item = (&'a str, &'a mut Attributes)>,
) -> Result<(), PresenceError> {
    let (presence, found): (Vec<&str>, Vec<&mut Attributes>) =
        channels.filter(|(channel, _)| is_presence(channel)).unzip();
    if presence.is_empty() {
        return Ok(());
    }
    let counts = present::counts(context, &presence).await?;
    for (attributes, count) in found.into_iter().zip(counts) {
        attributes.user_count = Some(count);
    }
    Ok(())
}

pub(super) fn is_presence(channel: &str) -> bool {
    Channel::parse(channel).is_ok_and(Channel::is_presence)
}
