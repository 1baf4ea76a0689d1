//! Encodes a record.

use std::io::Write;

use super::{Record, VERSION};
use crate::json::quote;

/// Length of the checksum and the space behind it, in bytes.
const CHECKSUM_LEN: usize = 9;

/// Returns the record as it is written to the spool, with the line feeds in front and behind.
///
/// Line feeds and carriage returns in the event become spaces. In a JSON value, they are between tokens only.
pub fn encode(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.event.len() + 2 * record.topic.len() + 512);
    out.push(b'\n');
    out.extend_from_slice(&[b' '; CHECKSUM_LEN]);
    let start = out.len();
    encode_object(&mut out, record);
    let checksum = format!("{:08x}", crc32fast::hash(&out[start..]));
    out[1..=checksum.len()].copy_from_slice(checksum.as_bytes());
    out.push(b'\n');
    out
}

fn encode_object(out: &mut Vec<u8>, record: &Record<'_>) {
    let Record {
        time_ms,
        ttl_s,
        topic,
        id,
        latest,
        exclude,
        token,
        event,
    } = record;
    let (topic, id) = (quote(topic), quote(id));
    let head = format_args!(
        "{{\"v\":{VERSION},\"time\":{time_ms},\"ttl\":{ttl_s},\"topic\":{topic},\"id\":{id}"
    );
    let written = out.write_fmt(head);
    debug_assert!(written.is_ok(), "writing to memory");
    if *latest {
        out.extend_from_slice(b",\"latest\":true");
    }
    for (name, value) in [("exclude", exclude), ("token", token)] {
        if let Some(value) = value {
            let written = write!(out, ",\"{name}\":{}", quote(value));
            debug_assert!(written.is_ok(), "writing to memory");
        }
    }
    out.extend_from_slice(b",\"event\":");
    out.extend(event.bytes().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        byte => byte,
    }));
    out.push(b'}');
}
