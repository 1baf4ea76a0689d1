//! The class `PusherException`, and the code and message of one.

use ext_php_rs::builders::ClassBuilder;
use ext_php_rs::error::Result;
use ext_php_rs::exception::PhpException;
use ext_php_rs::flags::ConstantFlags;
use pusher::c_api::codes;
use pusher::{Error, SpoolFailure};

use crate::class::Class;
use crate::engine;

static CLASS: Class = Class::new();

/// libpusher's codes, one for each kind of [`pusher::Error`].
const CODES: [(&str, i32); 12] = [
    ("ID", codes::PUSH_EINVAL),
    ("TOPIC", codes::PUSH_ETOPIC),
    ("JSON", codes::PUSH_EJSON),
    ("TOO_BIG", codes::PUSH_ETOOBIG),
    ("CONFIG", codes::PUSH_ECONFIG),
    ("CONNECT", codes::PUSH_ECONNECT),
    ("TIMEOUT", codes::PUSH_ETIMEOUT),
    ("CLOSED", codes::PUSH_ECLOSED),
    ("PROTOCOL", codes::PUSH_EPROTOCOL),
    ("REFUSED", codes::PUSH_EREFUSED),
    ("BUSY", codes::PUSH_EBUSY),
    ("UNAVAILABLE", codes::PUSH_EUNAVAILABLE),
];

pub(crate) fn register() -> Result<()> {
    let class = ClassBuilder::new("PusherException")
        .extends((engine::runtime_exception, "\\RuntimeException"))
        .registration(|class, methods| CLASS.set(class, methods));
    let with_codes = CODES.into_iter().try_fold(class, |class, (name, code)| {
        class.constant(name, code, &[], ConstantFlags::Public)
    })?;
    with_codes.register()
}

/// Throws a `PusherException`.
pub(crate) fn throw(error: PusherError) {
    PhpException::new(error.message, error.code, CLASS.entry()).throw();
}

/// The code and the message of an error, for PHP.
#[derive(Clone)]
pub(crate) struct PusherError {
    /// One of the constants of `PusherException`.
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl PusherError {
    /// Prefixes the message with the number of events that have no receipt.
    pub(crate) fn among(self, missing_count: usize, count: usize, events: &str) -> Self {
        let why = self.message;
        Self {
            message: format!("{missing_count} of {count} {events} have no receipt: {why}"),
            ..self
        }
    }
}

impl PusherError {
    /// Appends why the event could not be written to the spool.
    pub(crate) fn and(self, failure: &SpoolFailure) -> Self {
        Self {
            message: format!("{}; and {failure}", self.message),
            ..self
        }
    }
}

impl From<&Error> for PusherError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            // The text may come from the server, and PHP cuts a message at a NUL.
            message: error.to_string().replace('\0', "\\0"),
        }
    }
}
