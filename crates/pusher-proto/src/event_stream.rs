//! Server-Sent Events, as the WHATWG HTML Standard defines them (section 9.2, "Server-sent events").

use crate::json::quote;
use crate::position::Position;
use crate::ticket::TicketFault;

/// Returns the first block of a stream: the delay before the browser connects again, and the stream's position.
pub fn begin(retry_ms: u64, at: Position) -> String {
    format!("retry: {retry_ms}\n{}", position(at))
}

/// Returns the message that everything up to a position has been sent. It is an event, because scripts see no other
/// blocks.
pub fn position(at: Position) -> String {
    event_with_position("position", at)
}

/// Appends an event with the position behind it. `topic` is given if the stream has several topics.
pub fn append_event(out: &mut Vec<u8>, position: Position, topic: Option<&str>, event: &[u8]) {
    out.extend_from_slice(format!("id: {position}\n").as_bytes());
    append_data(out, topic, event);
}

fn append_data(out: &mut Vec<u8>, topic: Option<&str>, event: &[u8]) {
    let (start, end) = match topic {
        None => (String::new(), ""),
        Some(topic) => (format!("{{\"topic\":{},\"event\":", quote(topic)), "}"),
    };
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(start.as_bytes());
    append_lines(out, event);
    out.extend_from_slice(end.as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// Returns an event that is not in the log. `topic` is given if the stream has several topics.
pub fn event_without_position(topic: Option<&str>, event: &str) -> Vec<u8> {
    let mut out = Vec::new();
    append_data(&mut out, topic, event.as_bytes());
    out
}

/// Returns the message that events before `position` are missing.
pub fn gap(position: Position) -> String {
    event_with_position("gap", position)
}

/// Returns the message that the client may no longer read a topic.
pub fn denied(topic: &str, fault: TicketFault) -> String {
    let (topic, code) = (quote(topic), fault.code());
    format!("event: denied\ndata: {{\"topic\":{topic},\"code\":\"{code}\"}}\n\n")
}

fn event_with_position(name: &str, position: Position) -> String {
    format!("event: {name}\nid: {position}\ndata: {{\"position\":\"{position}\"}}\n\n")
}

/// Appends text, with each of its line ends as the start of another `data` line. In JSON, line ends occur only between
/// tokens, so the client's joined lines are the same value.
fn append_lines(out: &mut Vec<u8>, text: &[u8]) {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut lines = text.split(is_line_end);
    out.extend_from_slice(lines.next().unwrap_or_default());
    for line in lines {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION: Position = Position {
        epoch: 0xab,
        sequence: 7,
    };

    #[test]
    fn an_event_that_is_not_in_the_log_has_no_id() {
        let text = |topic| String::from_utf8(event_without_position(topic, "[1,\n2]")).unwrap();
        assert_eq!(text(None), "data: [1,\ndata: 2]\n\n");
        let with_topic = "data: {\"topic\":\"t\",\"event\":[1,\ndata: 2]}\n\n";
        assert_eq!(text(Some("t")), with_topic);
    }

    fn event(topic: Option<&str>, event: &str) -> String {
        let mut out = Vec::new();
        append_event(&mut out, POSITION, topic, event.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn events_are_blocks() {
        let id = "id: 00000000000000ab-7\n";
        for (topic, json, data) in [
            (None, "{ }", "data: { }\n\n"),
            (None, "\"\u{2028}\"", "data: \"\u{2028}\"\n\n"),
            (None, "[1,\r\n2]", "data: [1,\ndata: \ndata: 2]\n\n"),
            (
                Some("a\"b"),
                "1",
                "data: {\"topic\":\"a\\\"b\",\"event\":1}\n\n",
            ),
        ] {
            assert_eq!(event(topic, json), format!("{id}{data}"));
        }
        let rest = "id: 00000000000000ab-7\ndata: {\"position\":\"00000000000000ab-7\"}\n\n";
        let first = format!("retry: 3000\nevent: position\n{rest}");
        assert_eq!(begin(3000, POSITION), first);
        assert_eq!(gap(POSITION), format!("event: gap\n{rest}"));
        let text = "event: denied\ndata: {\"topic\":\"a\",\"code\":\"ticket_expired\"}\n\n";
        assert_eq!(denied("a", TicketFault::Expired), text);
    }
}
