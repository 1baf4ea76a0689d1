//! `GET /apps/ID/channels...`: the channels that have subscribers, and the members of presence channels.

use std::collections::BTreeMap;

use bytes::Bytes;
use pusher_proto::channels::{Channel, Info, Parameters};
use serde::Serialize;

use super::attributes::{Attributes, add_user_counts, attributes, is_presence};
use crate::context::Context;
use crate::publishers::http::answer::HttpRefusal;
use crate::publishers::{present, subscribed};

/// Most channels of an answer.
const CHANNELS_MAX: usize = 10_000;

#[derive(Serialize)]
struct ChannelsAnswer<'a> {
    channels: BTreeMap<&'a str, Attributes>,
}

#[derive(Serialize)]
struct ChannelAnswer {
    occupied: bool,
    #[serde(flatten)]
    attributes: Attributes,
}

#[derive(Serialize)]
struct UsersAnswer<'a> {
    users: Vec<User<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    id: &'a str,
}

/// Answers `GET /apps/ID/channels`.
pub(super) async fn channels(
    context: &Context,
    parameters: &Parameters,
) -> Result<Bytes, HttpRefusal> {
    let prefix = parameters.get("filter_by_prefix").unwrap_or_default();
    let info = info(parameters);
    let mut topics = subscribed::topics(context, prefix, CHANNELS_MAX).await?;
    // Topics of other protocols may have any name.
    topics.retain(|topic, _| Channel::parse(topic).is_ok());
    if topics.len() > CHANNELS_MAX {
        return Err(HttpRefusal::bad_request(format!(
            "more than {CHANNELS_MAX} channels have subscribers: ask for a part of them with filter_by_prefix"
        )));
    }
    let names: Vec<_> = topics.keys().map(String::as_str).collect();
    let mut all: Vec<_> = topics
        .values()
        .map(|&count| Attributes {
            subscription_count: info.subscription_count.then_some(count),
            ..Attributes::default()
        })
        .collect();
    if info.user_count {
        add_user_counts(context, names.iter().copied().zip(&mut all)).await?;
    }
    Ok(json(&ChannelsAnswer {
        channels: names.into_iter().zip(all).collect(),
    }))
}

/// Answers `GET /apps/ID/channels/CHANNEL`.
pub(super) async fn channel(
    context: &Context,
    name: &str,
    parameters: &Parameters,
) -> Result<Bytes, HttpRefusal> {
    let asked = info(parameters);
    let counted = Info {
        subscription_count: true,
        ..asked
    };
    let mut attributes = attributes(context, &[name], counted).await?;
    let mut attributes = attributes.pop().unwrap_or_default();
    let occupied = attributes.subscription_count > Some(0);
    if !asked.subscription_count {
        attributes.subscription_count = None;
    }
    Ok(json(&ChannelAnswer {
        occupied,
        attributes,
    }))
}

/// Answers `GET /apps/ID/channels/CHANNEL/users`.
pub(super) async fn users(context: &Context, channel: &str) -> Result<Bytes, HttpRefusal> {
    if !is_presence(channel) {
        let reason = "only presence channels have users: their names begin with presence-";
        return Err(HttpRefusal::bad_request(reason));
    }
    let members = present::members(context, channel).await?;
    let users = members.list.iter().map(|member| User { id: &member.sub });
    Ok(json(&UsersAnswer {
        users: users.collect(),
    }))
}

fn info(parameters: &Parameters) -> Info {
    parameters.get("info").map(Info::parse).unwrap_or_default()
}

fn json(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).unwrap_or_default().into()
}
