//! Checks an event and encodes it for the wire.

use pusher_proto::limits::{EVENT_LEN_MAX, TOPIC_LEN_MAX};
use pusher_proto::{check_id, check_topic, native};

use crate::error::Error;

/// Checks an event without publishing it, for a caller that already knows that pushd does not answer.
///
/// # Errors
/// The caller's mistakes that [`Publisher::publish_with_id`](crate::Publisher::publish_with_id) finds before anything is sent.
pub fn check(topic: &str, event: &str, id: Option<&str>) -> Result<(), Error> {
    encode(&mut Vec::new(), 0, topic, event, id)
}

/// Checks an event and appends its message.
pub(crate) fn encode(
    buffer: &mut Vec<u8>,
    request: u64,
    topic: &str,
    event: &str,
    id: Option<&str>,
) -> Result<(), Error> {
    check_topic(topic, TOPIC_LEN_MAX)?;
    id.map(check_id).transpose()?;
    if event.len() > EVENT_LEN_MAX {
        let len = event.len();
        let reason = format!("the event is {len} bytes long, at most {EVENT_LEN_MAX} are allowed");
        return Err(Error::TooLarge { reason });
    }
    let id_len = id.map_or(0, str::len);
    buffer.reserve(event.len() + 2 * (topic.len() + id_len) + 64);
    native::encode_publish(buffer, request, topic, event, id)?;
    Ok(())
}
