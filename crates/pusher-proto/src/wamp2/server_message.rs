//! Messages of the server, apart from EVENT.

use super::{
    ABORT, ERROR, ErrorUri, GOODBYE, PUBLISHED, RequestType, SUBSCRIBED, UNSUBSCRIBED, WELCOME,
};
use crate::json::quote;

/// Answers HELLO. `agent` is the server's name, for people.
pub fn welcome(session: u64, agent: &str) -> String {
    let roles = r#"{"broker":{"features":{"publisher_exclusion":true}}}"#;
    let agent = quote(agent);
    format!(r#"[{WELCOME},{session},{{"agent":{agent},"roles":{roles}}}]"#)
}

/// Ends the session. The client does not answer. `message` is for people.
pub fn abort(reason: ErrorUri, message: &str) -> String {
    let (reason, message) = (reason.uri(), quote(message));
    format!(r#"[{ABORT},{{"message":{message}}},"{reason}"]"#)
}

/// Answers GOODBYE. The server does not send it otherwise: clients do not reconnect after it.
pub fn goodbye() -> String {
    format!(r#"[{GOODBYE},{{}},"wamp.close.goodbye_and_out"]"#)
}

/// Answers SUBSCRIBE. The events of the topic have the number `subscription`.
pub fn subscribed(request: u64, subscription: u64) -> String {
    format!("[{SUBSCRIBED},{request},{subscription}]")
}

/// Answers UNSUBSCRIBE.
pub fn unsubscribed(request: u64) -> String {
    format!("[{UNSUBSCRIBED},{request}]")
}

/// Answers PUBLISH with the option `acknowledge`.
pub fn published(request: u64, publication: u64) -> String {
    format!("[{PUBLISHED},{request},{publication}]")
}

/// Answers a request that fails. `message` is for people.
pub fn error(
    request_type: RequestType,
    request: u64,
    error_uri: ErrorUri,
    message: &str,
) -> String {
    let (kind, uri, message) = (request_type.id(), error_uri.uri(), quote(message));
    format!(r#"[{ERROR},{kind},{request},{{}},"{uri}",[{message}]]"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wamp2::ID_MAX;

    #[test]
    fn layouts() {
        for (message, expect) in [
            (
                welcome(7, "pushd/1"),
                r#"[2,7,{"agent":"pushd/1","roles":{"broker":{"features":{"publisher_exclusion":true}}}}]"#,
            ),
            (
                abort(ErrorUri::ProtocolViolation, "no \"list\""),
                r#"[3,{"message":"no \"list\""},"wamp.error.protocol_violation"]"#,
            ),
            (goodbye(), r#"[6,{},"wamp.close.goodbye_and_out"]"#),
            (subscribed(1, ID_MAX), "[33,1,9007199254740992]"),
            (unsubscribed(2), "[35,2]"),
            (published(3, 12), "[17,3,12]"),
            (
                error(RequestType::Call, 4, ErrorUri::NoSuchProcedure, "no 猫"),
                r#"[8,48,4,{},"wamp.error.no_such_procedure",["no 猫"]]"#,
            ),
        ] {
            assert_eq!(message, expect);
        }
    }

    #[test]
    fn errors_name_the_request() {
        for (request_type, expect) in [
            (RequestType::Publish, 16),
            (RequestType::Subscribe, 32),
            (RequestType::Unsubscribe, 34),
            (RequestType::Call, 48),
            (RequestType::Register, 64),
            (RequestType::Unregister, 66),
        ] {
            let message = error(request_type, 1, ErrorUri::NotAuthorized, "no");
            assert!(message.starts_with(&format!("[8,{expect},1,")), "{message}");
        }
    }
}
