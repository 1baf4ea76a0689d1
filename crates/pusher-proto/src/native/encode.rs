//! Encodes messages.

use std::io::Write;

use super::{
    AT, DRAIN, DRAINED, DecodeError, ERROR, ErrorCode, HELLO, POSITION, PUBLISH, RECEIPT, VERSION,
    WELCOME,
};
use crate::json::quote;
use crate::position::Position;
use crate::publish::Receipt;

/// Appends a HELLO and its line end. Give a token if the server requires one.
pub fn encode_hello(out: &mut Vec<u8>, token: Option<&str>) {
    match token.map(quote) {
        None => append(out, format_args!("[{HELLO},{VERSION}]\n")),
        Some(token) => append(
            out,
            format_args!("[{HELLO},{VERSION},{{\"token\":{token}}}]\n"),
        ),
    }
}

/// Appends a WELCOME and its line end.
pub fn encode_welcome(out: &mut Vec<u8>, version: u32, server: &str, publish_len_max: usize) {
    let server = quote(server);
    append(
        out,
        format_args!("[{WELCOME},{version},{server},{{\"publish_len_max\":{publish_len_max}}}]\n"),
    );
}

/// Appends a PUBLISH, with its id if it has one, and its line end. If `event` is not one complete JSON value, returns an
/// error and appends nothing.
pub fn encode_publish(
    out: &mut Vec<u8>,
    request: u64,
    topic: &str,
    event: &str,
    id: Option<&str>,
) -> Result<(), DecodeError> {
    check_json(event)?;
    let topic = quote(topic);
    match id.map(quote) {
        None => append(out, format_args!("[{PUBLISH},{request},{topic},{event}]\n")),
        Some(id) => append(
            out,
            format_args!("[{PUBLISH},{request},{topic},{event},{{\"id\":{id}}}]\n"),
        ),
    }
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
