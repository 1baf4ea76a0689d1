//! Checks an event and encodes it for the wire.

use pusher_proto::limits::{EVENT_LEN_MAX, TOPIC_LEN_MAX};
use pusher_proto::native::{self, FromPublisher};
use pusher_proto::{SessionName, check_id, check_topic};

use crate::error::Error;
use crate::event::{Event, check_ttl};
use crate::random_id::RandomId;

/// Checks an event without publishing it, for a caller that already knows that pushd does not answer.
///
/// # Errors
/// The caller's mistakes that [`Publisher::publish_event`](crate::Publisher::publish_event) finds before anything is sent.
pub fn check(event: &Event<'_>) -> Result<(), Error> {
    encode(&mut Vec::new(), 0, event)
}

/// Checks an event and appends its message.
pub(crate) fn encode(buffer: &mut Vec<u8>, request: u64, event: &Event<'_>) -> Result<(), Error> {
    let Event {
        topic,
        json,
        id,
        latest: _,
        ttl_s,
        exclude,
    } = *event;
    check_topic(topic, TOPIC_LEN_MAX)?;
    id.map(check_id).transpose()?;
    exclude.map(str::parse::<SessionName>).transpose()?;
    ttl_s
        .map(|ttl_s| check_ttl("ttl", ttl_s.into()))
        .transpose()?;
    if json.len() > EVENT_LEN_MAX {
        let len = json.len();
        let reason = format!("the event is {len} bytes long, at most {EVENT_LEN_MAX} are allowed");
        return Err(Error::TooLarge { reason });
    }
    let id_len = id.map_or(0, str::len);
    buffer.reserve(json.len() + 2 * (topic.len() + id_len) + 64);
    native::encode_publish(buffer, request, topic, json, id, exclude)?;
    Ok(())
}

/// Adds an id to the message at the end of `buffer`, which has none. The options are the last element of a message.
pub(crate) fn add_id(buffer: &mut Vec<u8>, id: &RandomId) {
    let end = buffer.len() - b"]\n".len();
    buffer.truncate(end);
    buffer.extend_from_slice(format!(",{{\"id\":\"{}\"}}]\n", id.as_str()).as_bytes());
}

/// An encoded event, and the options that its message does not contain, because only the spool needs them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) wait: WaitOptions,
}

/// How an event waits in the spool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitOptions {
    latest: bool,
    ttl_s: Option<u32>,
}

impl WaitOptions {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        Self {
            latest: event.latest,
            ttl_s: event.ttl_s,
        }
    }
}

impl Message<'_> {
    /// Decodes the event and calls `call` with it.
    ///
    /// # Panics
    /// If the text is not the message of an event, as [`encode`] makes it.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&Event<'_>) -> T) -> T {
        let text = str::from_utf8(self.text).expect("`encode` writes UTF-8");
        let Ok(FromPublisher::Publish {
            publish,
            id,
            exclude,
            ..
        }) = FromPublisher::decode(text)
        else {
            panic!("`encode` writes a publish");
        };
        call(&Event {
            topic: &publish.topic,
            json: publish.event,
            id: id.as_deref(),
            latest: self.wait.latest,
            ttl_s: self.wait.ttl_s,
            exclude: exclude.as_deref(),
        })
    }
}
