//! The requests that an ERROR can answer.

use super::{CALL, PUBLISH, REGISTER, SUBSCRIBE, UNREGISTER, UNSUBSCRIBE};

/// The type of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// PUBLISH. Only with the option `acknowledge` does the server answer it.
    Publish,
    /// SUBSCRIBE
    Subscribe,
    /// UNSUBSCRIBE
    Unsubscribe,
    /// CALL
    Call,
    /// REGISTER
    Register,
    /// UNREGISTER
    Unregister,
}

impl RequestType {
    /// Returns the first element of the request.
    pub(super) fn id(self) -> u64 {
        match self {
            Self::Publish => PUBLISH,
            Self::Subscribe => SUBSCRIBE,
            Self::Unsubscribe => UNSUBSCRIBE,
            Self::Call => CALL,
            Self::Register => REGISTER,
            Self::Unregister => UNREGISTER,
        }
    }
}
