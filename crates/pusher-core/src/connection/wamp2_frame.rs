//! Events in WAMP v2.

use pusher_proto::wamp::append_text_frame;
use pusher_proto::wamp2::{ID_MAX, append_event};
use siphasher::sip::SipHasher13;

/// Returns the number that stands for a topic, 1 to [`ID_MAX`]. It is the same for all sessions, so that an event has one
/// frame for all of them. All versions of this program have the same number, because sessions keep it over a hand-over.
///
/// The hash has no secret key, so a client can look for topics with the same number. That harms only sessions that
/// subscribe to two such topics: the second subscription is refused.
pub(crate) fn wamp2_subscription(topic: &str) -> u64 {
    SipHasher13::new().hash(topic.as_bytes()) % ID_MAX + 1
}

/// Appends the frame of an event of a topic. `publication` is the number of the event.
pub(crate) fn append_wamp2_frame(out: &mut Vec<u8>, topic: &str, publication: u64, event: &[u8]) {
    let mut text = Vec::with_capacity(HEAD_LEN_MAX + event.len());
    append_event(&mut text, wamp2_subscription(topic), publication, event);
    append_text_frame(out, &text);
}

/// Most bytes that an EVENT has beside the event.
const HEAD_LEN_MAX: usize = r#"[36,9007199254740992,9007199254740992,{},[]]"#.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_number() {
        let numbers: Vec<_> = ["", "a", "b"].map(wamp2_subscription).into();
        assert_eq!(numbers, ["", "a", "b"].map(wamp2_subscription));
        assert!(numbers.iter().all(|number| (1..=ID_MAX).contains(number)));
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
    }

    #[test]
    fn numbers_are_the_same_in_all_processes_and_versions() {
        assert_eq!(wamp2_subscription("news"), 3_572_752_008_237_768);
    }

    #[test]
    fn an_event_has_the_number_of_its_topic() {
        let mut frame = Vec::new();
        append_wamp2_frame(&mut frame, "t", 7, b"1");
        let number = wamp2_subscription("t");
        let text = format!("[36,{number},7,{{}},[1]]");
        assert_eq!(frame, [&[0x81, text.len() as u8], text.as_bytes()].concat());
    }
}
