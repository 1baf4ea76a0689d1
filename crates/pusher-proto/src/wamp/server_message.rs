//! Messages of the server.

use super::frame::{FRAME_HEADER_LEN_MAX, text_header};
use super::{CALLERROR, CALLRESULT, EVENT, KEEPALIVE, WELCOME};
use crate::json::quote;

/// `[0, sessionId, 1, serverIdent]`
pub fn welcome(session_id: &str, server_ident: &str) -> String {
    format!(
        "[{WELCOME},{},1,{}]",
        quote(session_id),
        quote(server_ident)
    )
}

/// `[12, intervalMs]`: while the client is silent, the server sends a message at least this often.
pub fn keepalive(interval_ms: u64) -> String {
    format!("[{KEEPALIVE},{interval_ms}]")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let call_id = r#""i\"d""#;
        for (message, expect) in [
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
