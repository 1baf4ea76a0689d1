//! What the functions return instead of 0 or more. The numbers are never reused; the comments end
//! up in `include/pusher.h`.

use std::ffi::{CStr, c_int};

/// An argument is NULL, not UTF-8, or a struct that was not begun with its INIT macro. Correct the
/// call. Nothing was sent.
pub const PUSH_EINVAL: c_int = -1;

/// The category is empty or longer than 1024 bytes. Correct the call. Nothing was published.
pub const PUSH_ETOPIC: c_int = -2;

/// The event is not one complete JSON value. Correct the call. Nothing was sent.
pub const PUSH_EJSON: c_int = -3;

/// The event is longer than pushd takes (3 MiB). Publish less. Nothing was published.
pub const PUSH_ETOOBIG: c_int = -4;

/// The address or the timeout can't be understood, be it from push_options or from the environment.
/// Correct it and call again. Nothing was sent.
pub const PUSH_ECONFIG: c_int = -5;

/// No connection. Check that pushd runs and that the address is the one where it listens. Nothing
/// was sent: the same call may work later.
pub const PUSH_ECONNECT: c_int = -6;

/// The time is up. push_last_error() says whether the event was still to be sent; if it was not,
/// nobody knows whether it was published. Check whether pushd is stopped or overloaded.
pub const PUSH_ETIMEOUT: c_int = -7;

/// The connection ended after the event was sent and before the answer: it may or may not have been
/// published. Publish again only if browsers may get it twice.
pub const PUSH_ECLOSED: c_int = -8;

/// What answered does not speak pushd's protocol. Check what listens at the address.
pub const PUSH_EPROTOCOL: c_int = -9;

/// pushd refuses. The same call would be refused again; push_last_error() says why. Nothing was
/// published.
pub const PUSH_EREFUSED: c_int = -10;

/// pushd has no room for the event now, or is about to end. Nothing was published: the same call
/// may work later.
pub const PUSH_EBUSY: c_int = -11;

/// An error in this library, please report it. Nobody knows whether the event was published.
pub const PUSH_EINTERNAL: c_int = -12;

/// The queue of push_client_publish_async() is full: pushd takes less than is published. Publish
/// less, or wait with push_client_flush(). Nothing was published: the same call may work later.
pub const PUSH_EFULL: c_int = -13;

/// The client was freed before the event was answered: it may or may not have been published. Call
/// push_client_flush() first.
pub const PUSH_ECANCELED: c_int = -14;

/// The system has no thread for push_client_publish_async(). Nothing was published.
pub const PUSH_ETHREAD: c_int = -15;

/// What a code means, for every number there is.
pub(crate) fn text(code: c_int) -> &'static CStr {
    match code {
        0.. => c"success",
        PUSH_EINVAL => c"an argument is not one that can be",
        PUSH_ETOPIC => c"the category is empty or too long",
        PUSH_EJSON => c"the event is not one complete JSON value",
        PUSH_ETOOBIG => c"the event is too long",
        PUSH_ECONFIG => c"the address or the timeout can't be understood",
        PUSH_ECONNECT => c"can't connect to pushd",
        PUSH_ETIMEOUT => c"the time is up",
        PUSH_ECLOSED => c"the connection was lost before the answer",
        PUSH_EPROTOCOL => c"the answer is not one of pushd's",
        PUSH_EREFUSED => c"pushd refuses to publish this",
        PUSH_EBUSY => c"pushd can't take the event now",
        PUSH_EINTERNAL => c"an error in libpusher",
        PUSH_EFULL => c"the queue is full",
        PUSH_ECANCELED => c"the client was freed before the answer",
        PUSH_ETHREAD => c"the system has no thread for it",
        _ => c"not a code of this libpusher",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_text_and_every_code_its_own() {
        let texts: Vec<_> = (PUSH_ETHREAD - 1..=0).map(text).collect();
        for (index, one) in texts.iter().enumerate() {
            assert!(!one.is_empty());
            assert!(!texts[..index].contains(one), "{one:?} twice");
        }
        assert_eq!(text(c_int::MAX), text(0));
        assert_eq!(text(c_int::MIN), text(PUSH_ETHREAD - 1));
    }
}
