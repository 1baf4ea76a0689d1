//! Encodes messages.

use std::io::Write;

use super::{
    AT, DRAIN, DRAINED, DecodeError, ERROR, ErrorCode, HELLO, MEMBERS, POSITION, PRESENCE, PUBLISH,
    PUBLISH_EXCEPT, RECEIPT, REVOKE, REVOKED, VERSION, WELCOME,
};
use crate::json::quote;
use crate::position::Position;
use crate::publish::Receipt;

/// Appends a HELLO and its line end. Give a token if the server requires one. `has_spool` says that the publisher writes
/// refused events to a spool.
pub fn encode_hello(out: &mut Vec<u8>, token: Option<&str>, has_spool: bool) {
    append(out, format_args!("[{HELLO},{VERSION}"));
    match (token.map(quote), has_spool) {
        (None, false) => {}
        (None, true) => append(out, format_args!(",{{\"spool\":true}}")),
        (Some(token), false) => append(out, format_args!(",{{\"token\":{token}}}")),
        (Some(token), true) => append(out, format_args!(",{{\"token\":{token},\"spool\":true}}")),
    }
    out.extend_from_slice(b"]\n");
}

/// Appends a WELCOME and its line end.
pub fn encode_welcome(out: &mut Vec<u8>, version: u32, server: &str, publish_len_max: usize) {
    let server = quote(server);
    append(
        out,
        format_args!("[{WELCOME},{version},{server},{{\"publish_len_max\":{publish_len_max}}}]\n"),
    );
}

/// Appends a PUBLISH, with its id if it has one, and its line end. With `exclude`, the name of a session that does not get
/// the event, it is a PUBLISH_EXCEPT. If `event` is not one complete JSON value, returns an error and appends nothing.
pub fn encode_publish(
    out: &mut Vec<u8>,
    request: u64,
    topic: &str,
    event: &str,
    id: Option<&str>,
    exclude: Option<&str>,
) -> Result<(), DecodeError> {
    check_json(event)?;
    let topic = quote(topic);
    match exclude.map(quote) {
        None => append(out, format_args!("[{PUBLISH},{request},{topic},{event}")),
        Some(exclude) => append(
            out,
            format_args!("[{PUBLISH_EXCEPT},{request},{topic},{event},{exclude}"),
        ),
    }
    if let Some(id) = id.map(quote) {
        append(out, format_args!(",{{\"id\":{id}}}"));
    }
    out.extend_from_slice(b"]\n");
    Ok(())
}

/// Appends a RECEIPT and its line end.
pub fn encode_receipt(out: &mut Vec<u8>, request: u64, receipt: Receipt) {
    let Receipt {
        sequence,
        subscribers,
        position,
        stored,
        nodes,
    } = receipt;
    append(
        out,
        format_args!("[{RECEIPT},{request},{sequence},{subscribers},{{"),
    );
    if let Some(position) = position {
        append(out, format_args!("\"position\":\"{position}\","));
    }
    append(out, format_args!("\"stored\":\"{}\"", stored.name()));
    if let Some(nodes) = nodes {
        append(out, format_args!(",\"nodes\":{nodes}"));
    }
    out.extend_from_slice(b"}]\n");
}

/// Appends a POSITION request and its line end.
pub fn encode_position_request(out: &mut Vec<u8>, request: u64) {
    append(out, format_args!("[{POSITION},{request}]\n"));
}

/// Appends the answer to a POSITION request and its line end.
pub fn encode_position(out: &mut Vec<u8>, request: u64, position: Position) {
    append(out, format_args!("[{AT},{request},\"{position}\"]\n"));
}

/// Appends a DRAIN request and its line end.
pub fn encode_drain(out: &mut Vec<u8>, request: u64) {
    append(out, format_args!("[{DRAIN},{request}]\n"));
}

/// Appends the answer to a DRAIN request and its line end.
pub fn encode_drained(out: &mut Vec<u8>, request: u64) {
    append(out, format_args!("[{DRAINED},{request}]\n"));
}

/// Appends a REVOKE and its line end. `before_s` is a Unix time in seconds: `None` means now, on the server's clock.
pub fn encode_revoke(out: &mut Vec<u8>, request: u64, sub: &str, before_s: Option<u64>) {
    let sub = quote(sub);
    match before_s {
        None => append(out, format_args!("[{REVOKE},{request},{sub}]\n")),
        Some(before_s) => append(out, format_args!("[{REVOKE},{request},{sub},{before_s}]\n")),
    }
}

/// Appends the answer to a REVOKE and its line end.
pub fn encode_revoked(out: &mut Vec<u8>, request: u64, sessions: u64) {
    append(out, format_args!("[{REVOKED},{request},{sessions}]\n"));
}

/// Appends a PRESENCE and its line end.
pub fn encode_presence(out: &mut Vec<u8>, request: u64, topic: &str) {
    append(
        out,
        format_args!("[{PRESENCE},{request},{}]\n", quote(topic)),
    );
}

/// Appends the answer to a PRESENCE and its line end. `members` is a JSON array without line ends.
pub fn encode_members(out: &mut Vec<u8>, request: u64, count: u64, members: &str) {
    append(
        out,
        format_args!("[{MEMBERS},{request},{count},{members}]\n"),
    );
}

/// Appends an ERROR and its line end.
pub fn encode_error(out: &mut Vec<u8>, request: Option<u64>, code: ErrorCode, text: &str) {
    let name = code.name();
    let text = quote(text);
    match request {
        Some(request) => append(out, format_args!("[{ERROR},{request},\"{name}\",{text}]\n")),
        None => append(out, format_args!("[{ERROR},null,\"{name}\",{text}]\n")),
    }
}

/// Checks that `text` is one complete JSON value that is not nested too deeply for the server.
pub fn check_json(text: &str) -> Result<(), DecodeError> {
    crate::json::check_value(text).map_err(|error| DecodeError(error.to_string()))
}

fn append(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "writing to memory");
}
