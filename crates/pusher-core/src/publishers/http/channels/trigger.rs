//! `POST /apps/ID/events` and `POST /apps/ID/batch_events`.

use std::collections::BTreeMap;

use bytes::Bytes;
use pusher_proto::channels::{BatchRequest, Info, RequestError, TriggerRequest, compose};
use pusher_proto::check_publish_topic;
use serde::Serialize;

use super::attributes::{Attributes, add_user_counts};
use crate::context::Context;
use crate::hub::{Publish, PublishError, Recipients};
use crate::publishers::http::answer::HttpRefusal;
use crate::publishers::submit::accept;
use crate::stats::{PublishRefusal, Source};

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    channels: BTreeMap<&'a str, Attributes>,
}

#[derive(Serialize)]
struct BatchAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    batch: Vec<Attributes>,
}

/// A publish to one channel.
struct Trigger<'a> {
    channel: &'a str,
    event: &'a str,
    recipients: Option<Recipients>,
}

/// Publishes an event to one or more channels.
pub(super) async fn trigger(context: &Context, body: &str) -> Result<Bytes, HttpRefusal> {
    let request = TriggerRequest::parse(body, event_len_max(context));
    let request = request.map_err(|error| refusal(&error))?;
    let requests = std::slice::from_ref(&request);
    let subscribers = publish(context, requests).await?;
    let all = told(context, requests, &subscribers).await;
    let channels = request.channels.iter().map(String::as_str);
    Ok(json(&Answer {
        channels: channels.zip(all).collect(),
    }))
}

/// Publishes several events.
pub(super) async fn trigger_batch(context: &Context, body: &str) -> Result<Bytes, HttpRefusal> {
    let request = BatchRequest::parse(body, event_len_max(context));
    let request = request.map_err(|error| refusal(&error))?;
    let subscribers = publish(context, &request.events).await?;
    let batch = told(context, &request.events, &subscribers).await;
    Ok(json(&BatchAnswer { batch }))
}

/// Returns the attributes of each channel, or nothing if no request asks for any. `subscribers` are those of the receipts.
///
/// If Redis does not answer, there are no numbers of members: the events are published, so an error would make the site publish
/// them again.
async fn told(
    context: &Context,
    requests: &[TriggerRequest],
    subscribers: &[u64],
) -> Vec<Attributes> {
    if requests
        .iter()
        .all(|request| request.info == Info::default())
    {
        return Vec::new();
    }
    let channels: Vec<_> = requests
        .iter()
        .flat_map(|request| request.channels.iter().map(|name| (&**name, request.info)))
        .collect();
    let mut all: Vec<_> = channels
        .iter()
        .zip(subscribers)
        .map(|((_, info), &count)| Attributes {
            subscription_count: info.subscription_count.then_some(count),
            user_count: None,
        })
        .collect();
    let counted = channels.iter().zip(&mut all);
    let counted = counted.filter(|((_, info), _)| info.user_count);
    let counted = counted.map(|(&(channel, _), attributes)| (channel, attributes));
    if let Err(error) = add_user_counts(context, counted).await {
        tracing::debug!(%error, "cannot tell the number of members");
    }
    all
}

/// Publishes all events, or none if one of them is not valid. Returns the subscribers of each channel. If the server fails meanwhile,
/// the error says how many events were published.
async fn publish(context: &Context, requests: &[TriggerRequest]) -> Result<Vec<u64>, HttpRefusal> {
    let events: Vec<_> = requests
        .iter()
        .map(|request| compose(&request.name, &request.data, None))
        .collect();
    let triggers: Vec<_> = requests
        .iter()
        .zip(&events)
        .flat_map(|(request, event)| triggers(request, event))
        .collect();
    for trigger in &triggers {
        check(context, trigger).map_err(|error| HttpRefusal::publish(&error))?;
    }
    let total = triggers.len();
    let (subscribers, failed) = publish_each(context, triggers).await;
    match failed {
        None => Ok(subscribers),
        Some(error) => Err(
            HttpRefusal::publish(&error).with_reason(match subscribers.len() {
                0 => error.to_string(),
                published => format!(
                    "published {published} of {total} events, and a repeated request publishes these again: {error}"
                ),
            }),
        ),
    }
}

fn triggers<'a>(request: &'a TriggerRequest, event: &'a str) -> impl Iterator<Item = Trigger<'a>> {
    request.channels.iter().map(move |channel| Trigger {
        channel,
        event,
        recipients: request.socket_id.map(|id| Recipients {
            exclude: vec![id.into()],
            ..Recipients::default()
        }),
    })
}

/// Returns the number of subscribers for each published event, and the first error.
async fn publish_each(
    context: &Context,
    triggers: Vec<Trigger<'_>>,
) -> (Vec<u64>, Option<PublishError>) {
    let (mut accepted, mut failed) = (Vec::new(), None);
    for trigger in triggers {
        let publish = Publish {
            topic: trigger.channel,
            event: trigger.event,
            recipients: trigger.recipients,
            id: None,
            source: Source::Http,
        };
        match accept(context, publish).await {
            Ok(publish) => accepted.push(publish),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let mut subscribers = Vec::new();
    for publish in accepted {
        match publish.receipt(&context.hub).await {
            Ok(receipt) => subscribers.push(receipt.subscribers),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (subscribers, failed)
}

/// Checks what the hub would refuse, before anything is published.
fn check(context: &Context, trigger: &Trigger<'_>) -> Result<(), PublishError> {
    let limits = context.live.limits();
    check_publish_topic(trigger.channel, limits.topic_len_max)?;
    let (len, max) = (trigger.event.len(), limits.event_len_max);
    match len > max {
        true => Err(PublishError::EventTooLong { len, max }),
        false => Ok(()),
    }
}

fn event_len_max(context: &Context) -> usize {
    context.live.limits().event_len_max
}

fn refusal(error: &RequestError) -> HttpRefusal {
    let text = error.to_string();
    match is_too_long(error) {
        true => HttpRefusal::too_large(text).counting_as(PublishRefusal::EventTooLarge),
        false => HttpRefusal::bad_request(text),
    }
}

fn is_too_long(error: &RequestError) -> bool {
    match error {
        RequestError::DataTooLong { .. } => true,
        RequestError::InBatch { error, .. } => is_too_long(error),
        _ => false,
    }
}

fn json(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).unwrap_or_default().into()
}
