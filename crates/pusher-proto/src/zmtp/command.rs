//! The commands of ZMTP 3.

use std::time::Duration;

use super::error::ZmtpError;
use super::frame::COMMAND;

/// Longest context of a PING, in bytes.
const CONTEXT_LEN_MAX: usize = 16;

/// The unit of a PING's time to live.
const TTL_UNIT: Duration = Duration::from_millis(100);

/// Longest reason of an ERROR, in bytes.
const REASON_LEN_MAX: usize = 200;

/// A command, borrowed from its frame's body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Ready { socket_type: &'a [u8] },
    Error { reason: &'a [u8] },
    Ping { ttl: Duration, context: &'a [u8] },
    Other,
}

impl<'a> Command<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, ZmtpError> {
        Self::read(body).ok_or(ZmtpError::Command)
    }

    fn read(body: &'a [u8]) -> Option<Self> {
        let (name, data) = split_short(body)?;
        match name {
            b"READY" => Some(Self::Ready {
                socket_type: socket_type(data)?,
            }),
            b"ERROR" => Some(Self::Error {
                reason: split_short(data)?.0,
            }),
            b"PING" => {
                let (&ttl, context) = data.split_first_chunk()?;
                let ttl = TTL_UNIT * u32::from(u16::from_be_bytes(ttl));
                let fits = context.len() <= CONTEXT_LEN_MAX;
                fits.then_some(Self::Ping { ttl, context })
            }
            _ => Some(Self::Other),
        }
    }
}

/// Returns the socket type from the properties of a READY. Property names are case-insensitive.
fn socket_type(mut properties: &[u8]) -> Option<&[u8]> {
    let mut found = &b"unnamed"[..];
    while !properties.is_empty() {
        let (name, rest) = split_short(properties)?;
        let (value, rest) = split_long(rest)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            found = value;
        }
        properties = rest;
    }
    Some(found)
}

/// Splits off a text with a length of one byte.
fn split_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(len))
}

/// Splits off a value with a length of four bytes.
fn split_long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(len)).ok()?)
}

pub(super) fn encode_ready(out: &mut Vec<u8>) {
    encode(out, &[b"\x05READY", b"\x0bSocket-Type", b"\0\0\0\x04PULL"]);
}

pub(super) fn encode_pong(out: &mut Vec<u8>, context: &[u8]) {
    encode(out, &[b"\x04PONG", context]);
}

pub(super) fn encode_error(out: &mut Vec<u8>, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(REASON_LEN_MAX)];
    encode(
        out,
        &[b"\x05ERROR", &[reason.len() as u8], reason.as_bytes()],
    );
}

/// Appends a command's frame. All our commands are shorter than 256 bytes.
fn encode(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    debug_assert!(len < 256, "a short frame");
    out.extend_from_slice(&[COMMAND, len as u8]);
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_peers_are_decoded() {
        let ping = |deciseconds, context| Command::Ping {
            ttl: TTL_UNIT * deciseconds,
            context,
        };
        for (body, expect) in [
            (
                &b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x08Identity\0\0\0\0"[..],
                Command::Ready {
                    socket_type: b"PUSH",
                },
            ),
            (
                b"\x05READY\x01X\0\0\0\x01y\x0bsocket-TYPE\0\0\0\x03SUB",
                Command::Ready {
                    socket_type: b"SUB",
                },
            ),
            (
                b"\x05READY",
                Command::Ready {
                    socket_type: b"unnamed",
                },
            ),
            (b"\x05ERROR\x02no...", Command::Error { reason: b"no" }),
            (b"\x04PING\0\0", ping(0, b"")),
            (
                b"\x04PING\x01\x02abcdefghijklmnop",
                ping(258, b"abcdefghijklmnop"),
            ),
            (b"\x04PONGxyz", Command::Other),
            (b"\x09SUBSCRIBEabc", Command::Other),
            (b"\0", Command::Other),
        ] {
            assert_eq!(Command::decode(body), Ok(expect), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn malformed_commands_are_errors() {
        for body in [
            &b""[..],
            b"\x05READ",
            b"\xffREADY",
            b"\x05READY\x0bSocket-Type\0\0\0\x05PUSH",
            b"\x05READY\x0bSocket-Type\xff\xff\xff\xffPUSH",
            b"\x05READY\x0bSocket-Type\0\0\0",
            b"\x05READY\x0bSocket-Typ",
            b"\x05READY\x0bSocket-Type\0\0\0\x04PUSHx",
            b"\x05ERROR",
            b"\x05ERROR\x03no",
            b"\x04PING\0",
            b"\x04PING\0\0abcdefghijklmnopq",
        ] {
            let decoded = Command::decode(body);
            assert_eq!(decoded, Err(ZmtpError::Command), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn our_commands_are_encoded() {
        let mut out = Vec::new();
        encode_ready(&mut out);
        assert_eq!(out, b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL");
        out.clear();
        encode_pong(&mut out, b"context");
        assert_eq!(out, b"\x04\x0c\x04PONGcontext");
        out.clear();
        encode_error(&mut out, "no");
        assert_eq!(out, b"\x04\x09\x05ERROR\x02no");
        out.clear();
        encode_error(&mut out, &"x".repeat(1000));
        assert_eq!(out.len(), 2 + 6 + 1 + REASON_LEN_MAX);
    }
}
