//! The events of a run. The text of an event says what it must be, so a subscriber can check every byte.

use serde_json::Value;

/// The id of an event. It is unique in a run.
pub type EventId = u64;

/// Returns the event with this id and about `len` bytes of filling. One in four has a line end, which Server-Sent Events
/// write as two lines.
pub(super) fn event_text(id: EventId, len: usize) -> String {
    let filling = "x".repeat(len);
    let space = if id.is_multiple_of(4) { "\n" } else { "" };
    format!("{{\"id\":{id},\"len\":{len},{space}\"filling\":\"{filling}\"}}")
}

/// Returns the id of an event. An error if a byte of the text differs from what was published.
pub(super) fn event_id(text: &str) -> Result<EventId, String> {
    let shown = || text.chars().take(200).collect::<String>();
    let event: Value =
        serde_json::from_str(text).map_err(|error| format!("{error}: {}", shown()))?;
    let (Some(id), Some(len)) = (event["id"].as_u64(), event["len"].as_u64()) else {
        return Err(format!("not an event of this run: {}", shown()));
    };
    let len = usize::try_from(len).map_err(|error| error.to_string())?;
    if event_text(id, len) != text {
        return Err(format!("event {id} has other bytes: {}", shown()));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_checked() {
        for id in [3, 4] {
            let text = event_text(id, 10);
            assert_eq!(event_id(&text), Ok(id));
            for at in 0..text.len() {
                let mut other = text.clone();
                other.remove(at);
                assert!(event_id(&other).is_err(), "{other}");
            }
        }
    }
}
