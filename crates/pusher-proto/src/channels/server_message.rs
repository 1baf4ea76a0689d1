//! Messages of the server, as text. `data` is JSON text inside a JSON string.

use std::fmt::Write as _;

use super::{ErrorCode, Member, SocketId};
use crate::json::quote;

/// `pusher:ping`: the client answers with `pusher:pong`.
pub const PING: &str = r#"{"event":"pusher:ping","data":"{}"}"#;

/// `pusher:pong`: answers `pusher:ping`.
pub const PONG: &str = r#"{"event":"pusher:pong","data":"{}"}"#;

/// `pusher:connection_established`, the first message. If the server is silent for `activity_timeout_s` seconds, the client
/// sends a ping. 0 is not allowed: pusher-js would refuse it.
pub fn connection_established(socket_id: SocketId, activity_timeout_s: u64) -> String {
    let data = format!(r#"{{"socket_id":"{socket_id}","activity_timeout":{activity_timeout_s}}}"#);
    without_channel("connection_established", &data)
}

/// `pusher_internal:subscription_succeeded`: answers `pusher:subscribe`. `members` is given for presence channels: each
/// user once, the new one included.
pub fn subscription_succeeded(channel: &str, members: Option<&[Member<'_>]>) -> String {
    let data = members.map_or_else(|| "{}".to_owned(), presence_data);
    internal("subscription_succeeded", channel, &data)
}

/// `pusher:subscription_error`: answers `pusher:subscribe`. `kind` and `status` are for programs, as in
/// `("AuthError", 401)`; laravel-echo gives all of it to the callback of `error()`.
pub fn subscription_error(channel: &str, kind: &str, message: &str, status: u16) -> String {
    let (kind, message) = (quote(kind), quote(message));
    let data = format!(r#"{{"type":{kind},"error":{message},"status":{status}}}"#);
    let (channel, data) = (quote(channel), quote(&data));
    format!(r#"{{"event":"pusher:subscription_error","channel":{channel},"data":{data}}}"#)
}

/// `pusher_internal:member_added`: a user's first session has subscribed to a presence channel. `user_info` is one JSON
/// value.
pub fn member_added(channel: &str, user_id: &str, user_info: Option<&str>) -> String {
    let (user_id, user_info) = (quote(user_id), user_info.unwrap_or("null"));
    let data = format!(r#"{{"user_id":{user_id},"user_info":{user_info}}}"#);
    internal("member_added", channel, &data)
}

/// `pusher_internal:member_removed`: a user's last session has left a presence channel.
pub fn member_removed(channel: &str, user_id: &str) -> String {
    let data = format!(r#"{{"user_id":{}}}"#, quote(user_id));
    internal("member_removed", channel, &data)
}

/// `pusher_internal:subscription_count`: number of sessions that are subscribed to a channel.
pub fn subscription_count(channel: &str, count: u64) -> String {
    let data = format!(r#"{{"subscription_count":{count}}}"#);
    internal("subscription_count", channel, &data)
}

/// `pusher:cache_miss`: a cache channel has no last event for its new subscriber.
pub fn cache_miss(channel: &str) -> String {
    format!(
        r#"{{"event":"pusher:cache_miss","channel":{}}}"#,
        quote(channel)
    )
}

/// `pusher:signin_success`: answers `pusher:signin`, with its `user_data`.
pub fn signin_success(user_data: &str) -> String {
    let data = format!(r#"{{"user_data":{}}}"#, quote(user_data));
    without_channel("signin_success", &data)
}

/// `pusher:error`. A close frame with the same code follows if the code closes the connection.
pub fn error(code: Option<ErrorCode>, message: &str) -> String {
    let code = code.map_or_else(|| "null".to_owned(), |code| code.number().to_string());
    let data = format!(r#"{{"code":{code},"message":{}}}"#, quote(message));
    without_channel("error", &data)
}

fn without_channel(event: &str, data: &str) -> String {
    format!(r#"{{"event":"pusher:{event}","data":{}}}"#, quote(data))
}

fn internal(event: &str, channel: &str, data: &str) -> String {
    let (channel, data) = (quote(channel), quote(data));
    format!(r#"{{"event":"pusher_internal:{event}","channel":{channel},"data":{data}}}"#)
}

fn presence_data(members: &[Member<'_>]) -> String {
    let (mut ids, mut hash) = (String::new(), String::new());
    for (index, member) in members.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let (id, info) = (quote(&member.user_id), member.user_info.unwrap_or("null"));
        // Writing to a String cannot fail.
        let _ = write!(ids, "{comma}{id}");
        let _ = write!(hash, "{comma}{id}:{info}");
    }
    let count = members.len();
    format!(r#"{{"presence":{{"count":{count},"ids":[{ids}],"hash":{{{hash}}}}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let members = [
            Member {
                user_id: "7".into(),
                user_info: Some(r#"{"name":"Ann"}"#),
            },
            Member {
                user_id: "a\"b".into(),
                user_info: None,
            },
        ];
        for (message, expect) in [
            (
                connection_established(SocketId(1 << 64 | 2), 30),
                r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":30}"}"#,
            ),
            (
                subscription_succeeded("a", None),
                r#"{"event":"pusher_internal:subscription_succeeded","channel":"a","data":"{}"}"#,
            ),
            (
                subscription_succeeded("presence-a", Some(&[])),
                r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"count\":0,\"ids\":[],\"hash\":{}}}"}"#,
            ),
            (
                subscription_succeeded("presence-a", Some(&members)),
                r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"count\":2,\"ids\":[\"7\",\"a\\\"b\"],\"hash\":{\"7\":{\"name\":\"Ann\"},\"a\\\"b\":null}}}"}"#,
            ),
            (
                subscription_error("a", "AuthError", "no \"auth\"", 401),
                r#"{"event":"pusher:subscription_error","channel":"a","data":"{\"type\":\"AuthError\",\"error\":\"no \\\"auth\\\"\",\"status\":401}"}"#,
            ),
            (
                member_added("presence-a", "7", Some("[1]")),
                r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"7\",\"user_info\":[1]}"}"#,
            ),
            (
                member_added("presence-a", "7", None),
                r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"7\",\"user_info\":null}"}"#,
            ),
            (
                member_removed("presence-a", "7"),
                r#"{"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"7\"}"}"#,
            ),
            (
                subscription_count("a", 231),
                r#"{"event":"pusher_internal:subscription_count","channel":"a","data":"{\"subscription_count\":231}"}"#,
            ),
            (
                cache_miss("cache-a"),
                r#"{"event":"pusher:cache_miss","channel":"cache-a"}"#,
            ),
            (
                signin_success(r#"{"id":"7"}"#),
                r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"7\\\"}\"}"}"#,
            ),
            (
                error(Some(ErrorCode::UnknownApp), "no"),
                r#"{"event":"pusher:error","data":"{\"code\":4001,\"message\":\"no\"}"}"#,
            ),
            (
                error(None, "no"),
                r#"{"event":"pusher:error","data":"{\"code\":null,\"message\":\"no\"}"}"#,
            ),
        ] {
            assert_eq!(message, expect);
            let message: serde_json::Value = serde_json::from_str(&message).unwrap();
            if let Some(data) = message.get("data") {
                let data: serde_json::Value = serde_json::from_str(data.as_str().unwrap()).unwrap();
                assert!(data.is_object());
            }
        }
        for message in [PING, PONG] {
            assert!(serde_json::from_str::<serde_json::Value>(message).is_ok());
        }
    }
}
