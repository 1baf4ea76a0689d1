//! The data as `json_encode` writes it.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendCallable, ZendStr, Zval};
use ext_php_rs::zend::ExecutorGlobals;
use pusher::Error;

use crate::engine;
use crate::failure::Failure;

/// `JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE`: the same values in fewer bytes. Japanese takes
/// half of what `\uXXXX` takes, and a browser's parser sees no difference.
const FLAGS: i32 = 1 << 6 | 1 << 8;

/// `json_encode`'s own default. What libpusher and pushd take is less deep; they say so themselves.
const DEPTH_MAX: i64 = 512;

/// Runs user code (`jsonSerialize`), and an exception from there goes to the caller as it is.
pub(crate) fn encode(data: &mut Zval) -> Result<ZBox<ZendStr>, Failure> {
    let encoded = engine::json_encode(data, FLAGS, DEPTH_MAX);
    if ExecutorGlobals::has_exception() {
        return Err(Failure::Thrown);
    }
    // NAN and INF are errors too, but the encoder calls it a success and writes 0.
    match encoded {
        Some(event) if ask_php("json_last_error")?.long() == Some(0) => Ok(event),
        _ => Err(not_encodable()),
    }
}

fn not_encodable() -> Failure {
    let why = ask_php("json_last_error_msg").map(|message| message.string().unwrap_or_default());
    match why {
        Ok(why) => Failure::mistake(&Error::Json {
            reason: format!("the data can't be encoded as JSON: {why}"),
        }),
        Err(failure) => failure,
    }
}

/// PHP gives out the encoder's error through these functions only.
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

/// What `encode` gave; always UTF-8, since the encoder refuses everything else.
pub(crate) fn text(event: &ZendStr) -> Result<&str, Failure> {
    event.as_str().map_err(|error| {
        let reason = format!("PHP's JSON is not UTF-8: {error}");
        Failure::mistake(&Error::Json { reason })
    })
}
