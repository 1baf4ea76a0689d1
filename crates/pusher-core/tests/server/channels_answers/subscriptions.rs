//! Subscribing, signing in and pings.

use super::row::Theirs::{Other, Same, Untold};
use super::row::{Row, row};

const WHICH_CHANNEL: &str =
    "the page must learn which channel failed. laravel-echo calls error() of that channel";

const TEXT_IDS: &str = "ids are text everywhere else in pushd, and in the keys of `hash`. pusher-js compares them as keys";

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "ping",
            &[r#"{"event":"pusher:ping","data":{}}"#],
            "pusher:pong",
            Same,
            Same,
        ),
        row(
            "ping without data",
            &[r#"{"event":"pusher:ping"}"#],
            "pusher:pong",
            Same,
            Same,
        ),
        row(
            "pong",
            &[r#"{"event":"pusher:pong","data":{}}"#],
            "",
            Same,
            Same,
        ),
        row(
            "public channel",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#],
            "pusher_internal:subscription_succeeded news",
            Same,
            Same,
        ),
        row(
            "public channel with auth",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"news","auth":"123"}}"#],
            "pusher_internal:subscription_succeeded news",
            Same,
            Same,
        ),
        row(
            "public channel, data as text",
            &[r#"{"event":"pusher:subscribe","data":"{\"channel\":\"news\",\"auth\":null}"}"#],
            "pusher_internal:subscription_succeeded news",
            Same,
            Untold,
        ),
        row(
            "the same channel again",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
                r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
            ],
            "pusher_internal:subscription_succeeded news",
            Same,
            Same,
        ),
        row(
            "cache channel without an event",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"cache-a"}}"#],
            "pusher_internal:subscription_succeeded cache-a; pusher:cache_miss cache-a",
            Same,
            Same,
        ),
        row(
            "private channel",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"SIGNED"}}"#],
            "pusher_internal:subscription_succeeded private-a",
            Same,
            Same,
        ),
        row(
            "private channel without auth",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":null}}"#],
            r#"pusher:subscription_error private-a {"status":401,"type":"AuthError"}"#,
            Other(r#"pusher:error {"code":4009}"#, WHICH_CHANNEL),
            Same,
        ),
        row(
            "private channel with a wrong signature",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"invalid-signature"}}"#,
            ],
            r#"pusher:subscription_error private-a {"status":401,"type":"AuthError"}"#,
            Other(r#"pusher:error {"code":4009}"#, WHICH_CHANNEL),
            Same,
        ),
        row(
            "private cache channel with a wrong signature",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"private-cache-a","auth":"invalid-signature"}}"#,
            ],
            r#"pusher:subscription_error private-cache-a {"status":401,"type":"AuthError"}"#,
            Other(r#"pusher:error {"code":4009}"#, WHICH_CHANNEL),
            Same,
        ),
        row(
            "presence channel",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"SIGNED","channel_data":"{\"user_id\":1,\"user_info\":{\"name\":\"Ann\"}}"}}"#,
            ],
            r#"pusher_internal:subscription_succeeded presence-a {"presence":{"count":1,"hash":{"1":{"name":"Ann"}},"ids":["1"]}}"#,
            Other(
                r#"pusher_internal:subscription_succeeded presence-a {"presence":{"count":1,"hash":{"1":{"name":"Ann"}},"ids":[1]}}"#,
                TEXT_IDS,
            ),
            Other(
                r#"pusher_internal:subscription_succeeded presence-a {"presence":{"count":1,"hash":{"1":{"name":"Ann"}},"ids":[1]}}"#,
                TEXT_IDS,
            ),
        ),
        row(
            "presence channel, one user twice",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-b","auth":"SIGNED","channel_data":"{\"user_id\":\"u\"}"}}"#,
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-b","auth":"SIGNED","channel_data":"{\"user_id\":\"u\"}"}}"#,
            ],
            r#"pusher_internal:subscription_succeeded presence-b {"presence":{"count":1,"hash":{"u":null},"ids":["u"]}}"#,
            Same,
            Same,
        ),
        row(
            "presence channel, again as another user",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-c","auth":"SIGNED","channel_data":"{\"user_id\":\"u\"}"}}"#,
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-c","auth":"SIGNED","channel_data":"{\"user_id\":\"v\"}"}}"#,
            ],
            r#"pusher:subscription_error presence-c {"status":409,"type":"AlreadySubscribed"}"#,
            Untold,
            Untold,
        ),
        row(
            "presence channel whose data was not signed",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"invalid-signature","channel_data":"{\"user_id\":1}"}}"#,
            ],
            r#"pusher:subscription_error presence-a {"status":401,"type":"AuthError"}"#,
            Other(r#"pusher:error {"code":4009}"#, WHICH_CHANNEL),
            Same,
        ),
        row(
            "presence channel, signed without a user",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"SIGNED"}}"#],
            r#"pusher:subscription_error presence-a {"status":400,"type":"InvalidChannel"}"#,
            Other(
                r#"pusher_internal:subscription_succeeded presence-a {"presence":{"count":0,"hash":[],"ids":[]}}"#,
                "nobody could see such a member",
            ),
            Untold,
        ),
        row(
            "unsubscribe",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
                r#"{"event":"pusher:unsubscribe","data":{"channel":"news"}}"#,
            ],
            "",
            Same,
            Same,
        ),
        row(
            "unsubscribe from an unknown channel",
            &[r#"{"event":"pusher:unsubscribe","data":{"channel":"never"}}"#],
            "",
            Same,
            Same,
        ),
    ]
}

pub(super) fn rows_of_users() -> Vec<Row> {
    const UNKNOWN: &str = r#"pusher:error {"code":4200}"#;
    vec![
        row(
            "sign in with a wrong signature",
            &[
                r#"{"event":"pusher:signin","data":{"auth":"blog:00","user_data":"{\"id\":\"1\"}"}}"#,
            ],
            r#"pusher:error {"code":4009}"#,
            Other(UNKNOWN, "Reverb has no users"),
            Other(
                r#"pusher:error {"code":4009}; close 4009"#,
                "the other channels of the page work, and it may sign in again",
            ),
        ),
        row(
            "channel of a user who has not signed in",
            &[r##"{"event":"pusher:subscribe","data":{"channel":"#server-to-user-1"}}"##],
            r#"pusher:subscription_error #server-to-user-1 {"status":401,"type":"AuthError"}"#,
            Other(
                "pusher_internal:subscription_succeeded #server-to-user-1",
                "everybody could read the events of others",
            ),
            Untold,
        ),
        row(
            "event of a newer client",
            &[r#"{"event":"pusher:new","data":{}}"#],
            "",
            Other(UNKNOWN, "a newer pusher-js must work with this server"),
            Same,
        ),
    ]
}
