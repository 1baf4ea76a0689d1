//! Hostile browsers of the Pusher Channels protocol.

use std::thread;

use serde_json::{Value, json};
use system_tests::channels::{Channels, data, write_app};
use system_tests::daemon::Daemon;
use system_tests::wire::{first, masked, text};

use crate::siege::besiege_with;

const MIB: usize = 1024 * 1024;

/// Runs an attack on a daemon whose channels `private-*` and `presence-*` have client events.
#[track_caller]
fn besiege(memory_more_mib: usize, attack: impl FnOnce(&Daemon)) {
    let folder = tempfile::tempdir().unwrap();
    let app = write_app(folder.path());
    let flags = [
        "--pusher-app",
        &app,
        "--pusher-client-events",
        "private-*",
        "--pusher-client-events",
        "presence-*",
    ];
    besiege_with(&flags, memory_more_mib, attack);
}

fn member(user: &str) -> String {
    json!({"user_id": user}).to_string()
}

/// Returns the event and the decoded data of each message.
fn decoded(messages: &[Value]) -> Vec<(&str, Value)> {
    let events = messages
        .iter()
        .map(|message| message["event"].as_str().unwrap());
    events.zip(messages.iter().map(data)).collect()
}

#[test]
fn strangers_get_into_no_channel() {
    besiege(30, |daemon| {
        let mut ann = Channels::connect(daemon.web);
        ann.subscribe("private-a", None);
        ann.subscribe("presence-a", Some(&member("7")));
        let mut mallory = Channels::connect(daemon.web);
        let replayed = ann.auth("private-a", None);
        let of_channel = mallory.auth("private-b", None);
        let of_app = mallory.auth("private-a", None).replace("blog:", "other:");
        let cut = &mallory.auth("private-a", None)[..40];
        for auth in ["", "x", "blog:", ":", cut, &replayed, &of_channel, &of_app] {
            let data = json!({"channel": "private-a", "auth": auth});
            mallory.send(&json!({"event": "pusher:subscribe", "data": data}).to_string());
        }
        // The site has signed another user, and the text in another place.
        let auth = mallory.auth("presence-a", Some(&member("8")));
        for (channel, channel_data) in [
            ("presence-a", Some(member("7"))),
            ("presence-a", None),
            ("presence-a:{\"user_id\":\"8\"}", None),
        ] {
            let data = json!({"channel": channel, "auth": auth, "channel_data": channel_data});
            mallory.send(&json!({"event": "pusher:subscribe", "data": data}).to_string());
        }
        for channel in ["private-a", "presence-a", "#server-to-user-7"] {
            let event = json!({"event": "client-x", "channel": channel, "data": 1});
            mallory.send(&event.to_string());
        }
        let answers = mallory.barrier();
        let (refused, errors) = answers.split_at(11);
        assert!(
            decoded(refused)
                .iter()
                .all(|(event, data)| *event == "pusher:subscription_error"
                    && [401, 400].contains(&data["status"].as_u64().unwrap())),
            "{refused:?}"
        );
        let codes: Vec<_> = decoded(errors)
            .into_iter()
            .map(|(_, data)| data["code"].clone())
            .collect();
        assert_eq!(codes, [4301, 4301, 4301]);
        assert_eq!(ann.barrier(), [] as [Value; 0], "a member noticed it");
    });
}

#[test]
fn messages_that_are_none() {
    let deep = "[".repeat(60_000);
    let closed = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let quoted = Value::from(closed.clone()).to_string();
    besiege(30, |daemon| {
        let mut mallory = Channels::connect(daemon.web);
        for message in [
            deep.clone(),
            closed.clone(),
            format!(r#"{{"event":"pusher:subscribe","data":{closed}}}"#),
            format!(r#"{{"event":"pusher:subscribe","data":{quoted}}}"#),
            format!(r#"{{"event":"client-x","channel":"private-a","data":{closed}}}"#),
            format!(r#"{{"event":"pusher:signin","data":{{"auth":{closed}}}}}"#),
            format!(r#"{{"event":"pusher:unsubscribe","data":{deep}"#),
        ] {
            mallory.send(&message);
            let answers = mallory.barrier();
            let event: Vec<_> = answers.iter().map(|answer| &answer["event"]).collect();
            assert_eq!(event, ["pusher:error"], "{}", &message[..60]);
        }
        // Signed by the site, and still too deep, or too long, for the other members.
        for info in [closed, format!("\"{}\"", "x".repeat(2047))] {
            let channel_data = format!(r#"{{"user_id":"7","user_info":{info}}}"#);
            mallory.send(&mallory.subscribe_message("presence-a", Some(&channel_data)));
            assert_eq!(mallory.message()["event"], "pusher:subscription_error");
        }
        assert_eq!(mallory.barrier(), [] as [Value; 0]);
    });
}

#[test]
fn frames_that_end_the_connection() {
    let long = text(&"x".repeat(10 * MIB));
    let claimed = [&[first::TEXT, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    besiege(30, |daemon| {
        for frame in [
            long,
            claimed,
            masked(first::TEXT, b"{\"event\":\"\xff\"}"),
            [masked(0x01, b"{\"event\":\"\xe7"), masked(0x80, b"\xff\"}")].concat(),
        ] {
            let mut mallory = Channels::connect(daemon.web);
            mallory.wire.send(&frame);
            assert_eq!(mallory.message()["event"], "pusher:error");
            let end = mallory.wire.frame();
            assert_eq!(end.first, first::CLOSE, "{end:?}");
            assert!((4000..4300).contains(&end.close_code()), "{end:?}");
        }
    });
}

#[test]
fn a_connection_with_10_000_channels_gets_no_more() {
    besiege(60, |daemon| {
        for _ in 0..3 {
            let mut mallory = Channels::connect(daemon.web);
            let subscribe = |n: usize| {
                let data = json!({"channel": format!("c{n}")});
                text(&json!({"event": "pusher:subscribe", "data": data}).to_string())
            };
            // Reads the answers while it writes, so that no queue is full.
            for chunk in (0..10_010).collect::<Vec<_>>().chunks(500) {
                let frames: Vec<u8> = chunk.iter().flat_map(|n| subscribe(*n)).collect();
                mallory.wire.send(&frames);
                let answers = mallory.barrier();
                assert_eq!(answers.len(), chunk.len());
                let is_over = |n: usize| n >= 10_000;
                for (n, (event, data)) in chunk.iter().zip(decoded(&answers)) {
                    match is_over(*n) {
                        false => assert_eq!(event, "pusher_internal:subscription_succeeded"),
                        true => assert_eq!(data["type"], "LimitReached"),
                    }
                }
            }
        }
    });
}

/// Writes the same frames in turn from many connections, each of which reads its answers.
fn flood(daemon: &Daemon, frames: impl Fn(&Channels, usize) -> Vec<u8> + Sync) {
    thread::scope(|scope| {
        for number in 0..20 {
            let frames = &frames;
            scope.spawn(move || {
                let mut mallory = Channels::connect(daemon.web);
                let chunk = frames(&mallory, number).repeat(50);
                for _ in 0..40 {
                    mallory.wire.send(&chunk);
                    mallory.barrier();
                }
            });
        }
    });
}

#[test]
fn storms_of_subscriptions() {
    let subscribe = |mallory: &Channels, channel: &str, data: Option<&str>| {
        text(&mallory.subscribe_message(channel, data))
    };
    let unsubscribe = |channel: &str| {
        let data = json!({"channel": channel});
        text(&json!({"event": "pusher:unsubscribe", "data": data}).to_string())
    };
    besiege(60, |daemon| {
        let mut ann = Channels::connect(daemon.web);
        ann.subscribe("presence-a", Some(&member("ann")));
        for channel in ["news", "private-a", "cache-a"] {
            flood(daemon, |mallory, _| {
                [subscribe(mallory, channel, None), unsubscribe(channel)].concat()
            });
        }
        flood(daemon, |mallory, number| {
            let channel = "presence-b";
            let data = member(&number.to_string());
            [
                subscribe(mallory, channel, Some(&data)),
                unsubscribe(channel),
            ]
            .concat()
        });
        assert_eq!(ann.barrier(), [] as [Value; 0], "a member noticed it");
    });
}

/// A member that reads nothing, and members that send it events without end.
#[test]
fn floods_of_client_events() {
    besiege(60, |daemon| {
        let mut sleepy = Channels::connect(daemon.web);
        sleepy.subscribe("private-a", None);
        let event = json!({"event": "client-x", "channel": "private-a", "data": "x".repeat(4096)});
        let event = text(&event.to_string());
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    let mut mallory = Channels::connect(daemon.web);
                    mallory.subscribe("private-a", None);
                    for _ in 0..100 {
                        mallory.wire.send(&event.repeat(10));
                    }
                });
            }
        });
        drop(sleepy);
        let mut ann = Channels::connect(daemon.web);
        ann.subscribe("private-a", None);
    });
}
