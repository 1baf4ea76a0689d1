//! Error codes of the C functions. A number is never reused. The comments are copied into
//! `include/pusher.h`.

use std::ffi::{CStr, c_int};

use super::receipt::PUSH_SPOOLED;

/// Invalid argument: it is NULL, not UTF-8, an id or a sub of the wrong length, no session, or a struct
/// that was not initialized with its INIT macro. Correct the call. Nothing was sent.
pub const PUSH_EINVAL: c_int = -1;

/// The topic (category) is empty or longer than 1024 bytes, or a ticket cannot have these topics. Correct
/// the call. Nothing was published.
pub const PUSH_ETOPIC: c_int = -2;

/// The event is not one complete JSON value, or the info of a ticket is not, or is longer than 2048 bytes.
/// Correct the call. Nothing was sent.
pub const PUSH_EJSON: c_int = -3;

/// The event is longer than pushd accepts (3 MiB), or a ticket would be longer than 4096 bytes. Or the
/// buffer for an answer is too small. Correct the call. Nothing was published.
pub const PUSH_ETOOBIG: c_int = -4;

/// The address, the timeout, the token or the spool is invalid, in push_options or in the environment. Or
/// the key file or the time to live of a ticket is. Correct it and call again. Nothing was sent.
pub const PUSH_ECONFIG: c_int = -5;

/// No connection. Check that pushd is running and listens at the address. Nothing was sent: the same
/// call may work later.
pub const PUSH_ECONNECT: c_int = -6;

/// Timeout. push_last_error() says whether the event was sent. If it was, it may or may not have been
/// published. Check whether pushd is stopped or overloaded.
pub const PUSH_ETIMEOUT: c_int = -7;

/// The connection ended after the event was sent and before the answer. The event may or may not have
/// been published. Publish again only with the same id, or if browsers may get it twice.
pub const PUSH_ECLOSED: c_int = -8;

/// The answer is not valid in pushd's protocol. Check which program listens at the address.
pub const PUSH_EPROTOCOL: c_int = -9;

/// pushd refused the event or the request. The same call would be refused again. push_last_error() has
/// the reason. Nothing was published.
pub const PUSH_EREFUSED: c_int = -10;

/// pushd has no room for the event now, or is shutting down. Nothing was published: the same call may
/// work later.
pub const PUSH_EBUSY: c_int = -11;

/// A bug in this library: please report it. The event may or may not have been published.
pub const PUSH_EINTERNAL: c_int = -12;

/// The queue of push_client_publish_async() is full: events are queued faster than pushd accepts them.
/// Publish less, or wait with push_client_flush(). The event was not queued: the same call may work
/// later.
pub const PUSH_EFULL: c_int = -13;

/// The client was freed before the answer. The event may or may not have been published. Call
/// push_client_flush() first.
pub const PUSH_ECANCELED: c_int = -14;

/// The thread for push_client_publish_async() could not be started. Nothing was published.
pub const PUSH_ETHREAD: c_int = -15;

/// The log that pushd shares with others, in Redis, cannot be reached. The event may or may not have
/// been published: publish again later, with the same id.
pub const PUSH_EUNAVAILABLE: c_int = -16;

/// Returns the meaning of a code, for every number.
pub(crate) fn text(code: c_int) -> &'static CStr {
    match code {
        PUSH_SPOOLED => c"in the spool: published when pushd is back",
        0.. => c"success",
        PUSH_EINVAL => c"invalid argument",
        PUSH_ETOPIC => c"the topic is empty or too long",
        PUSH_EJSON => c"not one complete JSON value",
        PUSH_ETOOBIG => c"too long",
        PUSH_ECONFIG => c"invalid configuration",
        PUSH_ECONNECT => c"can't connect to pushd",
        PUSH_ETIMEOUT => c"timeout",
        PUSH_ECLOSED => c"connection lost before the answer",
        PUSH_EPROTOCOL => c"the answer is not valid in pushd's protocol",
        PUSH_EREFUSED => c"pushd refused the request",
        PUSH_EBUSY => c"pushd is busy: try again later",
        PUSH_EINTERNAL => c"a bug in libpusher",
        PUSH_EFULL => c"the queue is full",
        PUSH_ECANCELED => c"client freed before the answer",
        PUSH_ETHREAD => c"can't start a thread",
        PUSH_EUNAVAILABLE => c"pushd can't reach its log: try again later",
        _ => c"unknown code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_text_and_every_code_its_own() {
        let texts: Vec<_> = (PUSH_EUNAVAILABLE - 1..=0).map(text).collect();
        for (index, one) in texts.iter().enumerate() {
            assert!(!one.is_empty());
            assert!(!texts[..index].contains(one), "{one:?} twice");
        }
        assert_eq!(text(PUSH_SPOOLED - 1), text(0));
        assert_ne!(text(PUSH_SPOOLED), text(0));
        assert_eq!(text(c_int::MIN), text(PUSH_EUNAVAILABLE - 1));
    }
}
