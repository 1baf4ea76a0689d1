//! Messages of the server.

use super::frame::{FRAME_HEADER_LEN_MAX, server_frame_payload, text_header};
use super::{CALLERROR, CALLRESULT, DENIED, EVENT, GAP, KEEPALIVE, SUBSCRIBED, TICKET, WELCOME};
use crate::json::quote;
use crate::position::Position;
use crate::ticket::TicketFault;

/// The topic of the event that tells a client of `wamp` of a gap.
pub const GAP_TOPIC: &str = "pushd:gap";

/// The topic of the event that tells a client of `wamp` that it may not subscribe to a topic.
pub const DENIED_TOPIC: &str = "pushd:denied";

/// `[0, sessionId, 1, serverIdent]`
pub fn welcome(session_id: &str, server_ident: &str) -> String {
    format!(
        "[{WELCOME},{},1,{}]",
        quote(session_id),
        quote(server_ident)
    )
}

/// `[12, intervalMs, retryMs]`: while the client is silent, the server sends a message at least every `interval_ms`. If
/// the connection is lost, the client waits for a random part of `retry_ms` before it connects again.
pub fn keepalive(interval_ms: u64, retry_ms: u64) -> String {
    format!("[{KEEPALIVE},{interval_ms},{retry_ms}]")
}

/// `[9, topicURI, position, recovered, replayed]`: answers SUBSCRIBE. The topic's events up to `position` come next,
/// `replayed` of them, and then the new ones. `recovered` is false if events between `since` and `position` are missing.
pub fn subscribed(topic: &str, position: Position, recovered: bool, replayed: u64) -> String {
    let topic = quote(topic);
    format!("[{SUBSCRIBED},{topic},\"{position}\",{recovered},{replayed}]")
}

/// `[10, topicURI, position]`: the client has missed events before `position`.
pub fn gap(topic: &str, position: Position) -> String {
    format!("[{GAP},{},\"{position}\"]", quote(topic))
}

/// `[11, topicURI, code]`: the client may not subscribe to the topic, or no longer.
pub fn denied(topic: &str, fault: TicketFault) -> String {
    format!("[{DENIED},{},\"{}\"]", quote(topic), fault.code())
}

/// Returns the event of [`DENIED_TOPIC`] that tells a client what [`denied`] tells those of `pushd.1`.
pub fn denied_event(topic: &str, fault: TicketFault) -> String {
    let (topic, code) = (quote(topic), fault.code());
    format!("{{\"topic\":{topic},\"code\":\"{code}\"}}")
}

/// `[13, remainingMs]`: the client's ticket is valid for so many milliseconds.
pub fn ticket_accepted(remaining_ms: u64) -> String {
    format!("[{TICKET},{remaining_ms}]")
}

/// `[13, null, code]`: the client's ticket is not valid.
pub fn ticket_refused(fault: TicketFault) -> String {
    format!("[{TICKET},null,\"{}\"]", fault.code())
}

/// `[3, callId, result]`; `call_id` and `result` are JSON values.
pub fn call_result(call_id: &str, result: &str) -> String {
    format!("[{CALLRESULT},{call_id},{result}]")
}

/// `[4, callId, errorURI, errorDesc]`, with `errorDetails` if there are any. `call_id` and
/// `details` are JSON values.
pub fn call_error(
    call_id: &str,
    error_uri: &str,
    description: &str,
    details: Option<&str>,
) -> String {
    let (uri, description) = (quote(error_uri), quote(description));
    match details {
        None => format!("[{CALLERROR},{call_id},{uri},{description}]"),
        Some(details) => format!("[{CALLERROR},{call_id},{uri},{description},{details}]"),
    }
}

/// Returns the WebSocket frame of `[8, topicURI, event]`, which all subscribers share. `event` is one JSON value and is
/// forwarded byte for byte.
pub fn event_frame(topic: &str, event: &str) -> Vec<u8> {
    let start = format!("[{EVENT},{},", quote(topic));
    let payload_len = start.len() + event.len() + 1;
    let mut frame = Vec::with_capacity(FRAME_HEADER_LEN_MAX + payload_len);
    text_header(&mut frame, payload_len);
    frame.extend_from_slice(start.as_bytes());
    frame.extend_from_slice(event.as_bytes());
    frame.push(b']');
    frame
}

/// Returns the WebSocket frame of the event that tells a client of `wamp` of a gap: see `PROTOCOL.md`, "resume".
pub fn gap_event(topic: &str, position: Position) -> Vec<u8> {
    let topic = quote(topic);
    event_frame(
        GAP_TOPIC,
        &format!("{{\"topic\":{topic},\"position\":\"{position}\"}}"),
    )
}

/// Appends the WebSocket frame of `[8, topicURI, event, sequence]`, made of the `frame` of [`event_frame`].
pub fn numbered_event_frame(out: &mut Vec<u8>, frame: &[u8], sequence: u64) {
    let payload = server_frame_payload(frame);
    let open_list = payload.strip_suffix(b"]").unwrap_or(payload);
    let number = sequence.to_string();
    text_header(out, open_list.len() + number.len() + 2);
    out.extend_from_slice(open_list);
    out.push(b',');
    out.extend_from_slice(number.as_bytes());
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::SEQUENCE_MAX;

    #[test]
    fn layouts() {
        let call_id = r#""i\"d""#;
        let position = Position {
            epoch: 0xab,
            sequence: 7,
        };
        for (message, expect) in [
            (keepalive(25_000, 1_000), "[12,25000,1000]"),
            (
                subscribed("a\"", position, true, 2),
                r#"[9,"a\"","00000000000000ab-7",true,2]"#,
            ),
            (gap("猫", position), r#"[10,"猫","00000000000000ab-7"]"#),
            (
                denied("a\"", TicketFault::Expired),
                r#"[11,"a\"","ticket_expired"]"#,
            ),
            (ticket_accepted(299_000), "[13,299000]"),
            (
                ticket_refused(TicketFault::Signature),
                r#"[13,null,"ticket_signature"]"#,
            ),
            (welcome("ab", "pushd/1"), r#"[0,"ab",1,"pushd/1"]"#),
            (call_result(call_id, "null"), r#"[3,"i\"d",null]"#),
            (
                call_error(call_id, "u", "no \"way\"", None),
                r#"[4,"i\"d","u","no \"way\""]"#,
            ),
            (
                call_error(call_id, "u", "d", Some("{}")),
                r#"[4,"i\"d","u","d",{}]"#,
            ),
        ] {
            assert_eq!(message, expect);
        }
    }

    #[test]
    fn gap_is_an_event() {
        let position = Position {
            epoch: 0xab,
            sequence: 7,
        };
        let text = r#"[8,"pushd:gap",{"topic":"a\"b","position":"00000000000000ab-7"}]"#;
        assert_eq!(gap_event("a\"b", position), crate::wamp::text_frame(text));
    }

    #[test]
    fn denial_is_an_event() {
        let event = denied_event("a\"b", TicketFault::Missing);
        assert_eq!(event, r#"{"topic":"a\"b","code":"ticket_missing"}"#);
    }

    #[test]
    fn numbered_events_have_a_sequence() {
        let mut frames = Vec::new();
        for (event, sequence) in [("{ }", 1), ("[1]", SEQUENCE_MAX), (&"x".repeat(70_000), 0)] {
            frames.clear();
            numbered_event_frame(&mut frames, &event_frame("t", event), sequence);
            let text = format!(r#"[8,"t",{event},{sequence}]"#);
            assert_eq!(frames, crate::wamp::text_frame(&text));
        }
    }

    #[test]
    fn events_are_forwarded_byte_for_byte() {
        for (topic, event, text) in [
            ("t", "{ }", r#"[8,"t",{ }]"#),
            ("q\"\\\n", "1.0", r#"[8,"q\"\\\n",1.0]"#),
            ("猫", "\"\u{2028}🐈\"", "[8,\"猫\",\"\u{2028}🐈\"]"),
        ] {
            let frame = event_frame(topic, event);
            assert_eq!(frame[0], 0x81);
            assert_eq!(usize::from(frame[1]), text.len());
            assert_eq!(&frame[2..], text.as_bytes());
        }
        let long = "x".repeat(70_000);
        assert_eq!(event_frame("t", &long).len(), 10 + 8 + 70_000);
    }
}
