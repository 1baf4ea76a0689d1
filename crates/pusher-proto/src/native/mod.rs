#![doc = include_str!("../native.md")]

mod decode;
mod encode;
mod error_code;
mod message;
#[cfg(test)]
mod tests;

pub use encode::{
    check_json, encode_drain, encode_drained, encode_error, encode_hello, encode_members,
    encode_position, encode_position_request, encode_presence, encode_publish, encode_receipt,
    encode_revoke, encode_revoked, encode_welcome,
};
pub use error_code::ErrorCode;
pub use message::{DecodeError, FromPublisher, FromServer};

/// The highest version of the protocol that this code speaks.
pub const VERSION: u32 = 1;

const HELLO: u64 = 1;
const WELCOME: u64 = 2;
const PUBLISH: u64 = 3;
const RECEIPT: u64 = 4;
const ERROR: u64 = 5;
const POSITION: u64 = 6;
const AT: u64 = 7;
const DRAIN: u64 = 8;
const DRAINED: u64 = 9;
const REVOKE: u64 = 10;
const REVOKED: u64 = 11;
const PRESENCE: u64 = 12;
const MEMBERS: u64 = 13;
const PUBLISH_EXCEPT: u64 = 14;
