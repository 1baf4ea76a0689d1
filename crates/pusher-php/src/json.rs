//! Encodes the data as `json_encode` does.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendCallable, ZendStr, Zval};
use ext_php_rs::zend::ExecutorGlobals;
use pusher::Error;

use crate::engine;
use crate::failure::Failure;

/// `JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE`: the same values in fewer bytes. Japanese text takes
/// half of the bytes of `\uXXXX`, and a browser's parser gives the same result.
const FLAGS: i32 = 1 << 6 | 1 << 8;

/// The default of `json_encode`. The limit of libpusher and pushd is lower, and they report it themselves.
pub(crate) const DEPTH_MAX: i64 = 512;

/// Encodes the data of an event.
pub(crate) fn encode(data: &mut Zval) -> Result<ZBox<ZendStr>, Failure> {
    encode_or(data, |reason| Failure::mistake(&Error::Json { reason }))
}

/// Runs user code (`jsonSerialize`), and an exception from there goes to the caller as it is. `mistake` makes the failure
/// if the data cannot be encoded.
pub(crate) fn encode_or(
    data: &mut Zval,
    mistake: fn(String) -> Failure,
) -> Result<ZBox<ZendStr>, Failure> {
    let encoded = engine::json_encode(data, FLAGS, DEPTH_MAX);
    if ExecutorGlobals::has_exception() {
        return Err(Failure::Thrown);
    }
    // NAN and INF are errors too, but the encoder calls it a success and writes 0.
    match encoded {
        Some(event) if ask_php("json_last_error")?.long() == Some(0) => Ok(event),
        _ => Err(not_encodable(mistake)),
    }
}

fn not_encodable(mistake: fn(String) -> Failure) -> Failure {
    let why = ask_php("json_last_error_msg").map(|message| message.string().unwrap_or_default());
    match why {
        Ok(why) => mistake(format!("the data can't be encoded as JSON: {why}")),
        Err(failure) => failure,
    }
}

/// Calls a PHP function: PHP has no other interface to the encoder's error.
fn ask_php(function: &'static str) -> Result<Zval, Failure> {
    let answer =
        ZendCallable::try_from_name(function).and_then(|callable| callable.try_call(Vec::new()));
    answer.map_err(|error| {
        Failure::mistake(&Error::Config {
            setting: "disable_functions",
            reason: format!("Pusher needs PHP's {function}(): {error}"),
        })
    })
}

/// Returns the result of `encode` as text. It is UTF-8, because the encoder refuses anything else.
pub(crate) fn text(event: &ZendStr) -> Result<&str, Failure> {
    event.as_str().map_err(|error| {
        let reason = format!("PHP's JSON is not UTF-8: {error}");
        Failure::mistake(&Error::Json { reason })
    })
}
