//! Events in the Pusher Channels protocol.

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::channels::{append_event, member_added, member_removed};
use pusher_proto::wamp::append_text_frame;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event of presence. Other members of the event are not for browsers of this protocol.
#[derive(Deserialize)]
struct PresenceEvent<'a> {
    #[serde(borrow)]
    joined: Option<User<'a>>,
    #[serde(borrow)]
    left: Option<User<'a>>,
}

#[derive(Deserialize)]
struct User<'a> {
    sub: String,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

/// Appends the frame of an event of a topic. The events of `pushd:presence:CHANNEL` become events of the channel, or
/// nothing: browsers of this protocol learn each change of the members, and not their list.
pub(crate) fn append_channels_frame(out: &mut Vec<u8>, topic: &str, event: &[u8]) {
    match topic.strip_prefix(PRESENCE_PREFIX) {
        None => {
            let mut text = Vec::new();
            append_event(&mut text, topic, event);
            append_text_frame(out, &text);
        }
        Some(channel) => {
            if let Some(text) = change_of_members(channel, event) {
                append_text_frame(out, text.as_bytes());
            }
        }
    }
}

fn change_of_members(channel: &str, event: &[u8]) -> Option<String> {
    let event: PresenceEvent<'_> = serde_json::from_slice(event).ok()?;
    if let Some(User { sub, info }) = event.joined {
        let info = info.map(RawValue::get);
        return Some(member_added(channel, &sub, info));
    }
    let left = event.left?;
    Some(member_removed(channel, &left.sub))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(topic: &str, event: &str) -> String {
        let mut frame = Vec::new();
        append_channels_frame(&mut frame, topic, event.as_bytes());
        let text = frame.get(2..).unwrap_or_default();
        String::from_utf8(text.to_vec()).unwrap()
    }

    #[test]
    fn events_of_presence_are_changes_of_members() {
        let topic = "pushd:presence:presence-a";
        assert_eq!(
            text_of(topic, r#"{"joined":{"sub":"7","info":[1]},"count":2}"#),
            member_added("presence-a", "7", Some("[1]"))
        );
        assert_eq!(
            text_of(topic, r#"{"left":{"sub":"7"},"count":1}"#),
            member_removed("presence-a", "7")
        );
        for event in [r#"{"here":[],"count":0}"#, r#"{"count":101}"#, "1"] {
            assert_eq!(text_of(topic, event), "", "{event}");
        }
        let event = r#"{"event":"e","data":1}"#;
        assert!(text_of("presence-a", event).contains(r#""event":"e""#));
    }
}
