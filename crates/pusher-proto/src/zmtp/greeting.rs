//! The greetings, which open a connection.

use super::error::{ZmtpError, shown};

pub(super) const SIGNATURE_LEN: usize = 10;

/// The start of our greeting, up to the major version. It is the same for all versions.
pub(super) const START: [u8; 11] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3];

/// The rest of our greeting for a peer with 3.x: minor version 1, mechanism NULL, not a server, filler.
pub(super) const REST_3: [u8; 53] = {
    let mut rest = [0; 53];
    rest[0] = 1;
    rest[1] = b'N';
    rest[2] = b'U';
    rest[3] = b'L';
    rest[4] = b'L';
    rest
};

/// The rest of our greeting for a peer with 2.0: PULL, and an empty identity.
pub(super) const REST_2: [u8; 3] = [7, 0, 0];

/// Longest identity of a 2.0 peer, in bytes.
pub(super) const IDENTITY_LEN_MAX: usize = 255;

/// Position of the mechanism's name in the rest of a greeting.
const MECHANISM: std::ops::Range<usize> = 1..21;

/// The names of 2.0's socket types, by number.
const SOCKET_TYPES_2: [&str; 9] = [
    "PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH",
];

/// Checks the signature. Bytes 1 to 8 may have any value: old libraries write a length there.
pub(super) fn check_signature(bytes: &[u8]) -> Result<(), ZmtpError> {
    match bytes {
        [0xff, .., last] if last & 1 == 1 => Ok(()),
        _ => Err(ZmtpError::Greeting),
    }
}

pub(super) fn check_mechanism(rest: &[u8]) -> Result<(), ZmtpError> {
    let name = &rest[MECHANISM];
    let end = name.iter().rposition(|&byte| byte != 0);
    match &name[..end.map_or(0, |last| last + 1)] {
        b"NULL" => Ok(()),
        other => Err(ZmtpError::Mechanism(shown(other))),
    }
}

pub(super) fn check_socket_type_2(number: u8) -> Result<(), ZmtpError> {
    match SOCKET_TYPES_2.get(usize::from(number)) {
        Some(&"PUSH") => Ok(()),
        Some(&name) => Err(ZmtpError::SocketType(name.to_owned())),
        None => Err(ZmtpError::SocketType(format!("of type {number}"))),
    }
}
