//! Checks the decoder of entries with any bytes.

use redis::{Value, parse_redis_value};

use super::entry::{Content, Entry, encode_recipients, id};
use super::reader::entries;

/// Decodes a reply, encodes its entries again, and compares both.
pub(crate) fn check_reply(bytes: &[u8]) {
    let Ok(reply) = parse_redis_value(bytes) else {
        return;
    };
    for entry in entries(&reply).unwrap_or_default() {
        let is_numbered = entry.position.sequence > 0;
        assert!(
            is_numbered || entry.content == Content::Unknown,
            "{entry:?}"
        );
        if let Some(again) = encode(&entry) {
            assert_eq!(Entry::decode(&again).as_ref(), Some(&entry));
        }
    }
}

/// Returns the entry as the script writes it. `None` if this version does not know its content.
pub(super) fn encode(entry: &Entry<'_>) -> Option<Value> {
    let mut fields = vec![("m", entry.time_ms.to_string())];
    match &entry.content {
        Content::Event {
            topic,
            event,
            recipients,
        } => {
            fields.push(("t", (*topic).to_owned()));
            fields.push(("e", (*event).to_owned()));
            fields.extend(recipients.iter().map(|some| ("r", encode_recipients(some))));
        }
        Content::Probe(text) => fields.push(("p", (*text).to_owned())),
        Content::Unknown => return None,
    }
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let fields = fields
        .iter()
        .flat_map(|(name, value)| [text(name), text(value)]);
    let fields = Value::Array(fields.collect());
    Some(Value::Array(vec![text(&id(entry.position)), fields]))
}
