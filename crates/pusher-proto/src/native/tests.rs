//! Round trips of messages.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::position::Position;
use crate::publish::{Publish, Receipt, Stored};

fn publish<'a>(request: u64, topic: &'a str, event: &'a str) -> FromPublisher<'a> {
    publish_with(request, topic, event, None, None)
}

fn publish_with<'a>(
    request: u64,
    topic: &'a str,
    event: &'a str,
    id: Option<&'a str>,
    exclude: Option<&'a str>,
) -> FromPublisher<'a> {
    FromPublisher::Publish {
        request,
        publish: Publish {
            topic: topic.into(),
            event,
        },
        id: id.map(Cow::from),
        exclude: exclude.map(Cow::from),
    }
}

fn hello(version: u32, token: Option<&str>) -> FromPublisher<'_> {
    FromPublisher::Hello {
        version,
        token: token.map(Cow::from),
        has_spool: false,
    }
}

#[test]
fn publisher_messages_are_decoded() {
    for (text, expect) in [
        ("[1,1]", hello(1, None)),
        (r#"[1,9,{"token":"t"},[]]"#, hello(9, Some("t"))),
        (
            r#"[1,1,{"new":[{}],"tok\u0065n":"\u732b"}]"#,
            hello(1, Some("猫")),
        ),
        (r#"[1,1,{"token":null}]"#, hello(1, None)),
        (r#"[3,0,"t",{}]"#, publish(0, "t", "{}")),
        (
            r#"[3,7,12, 1.0 ,{"new":1,"id":"x"},1]"#,
            publish_with(7, "12", "1.0", Some("x"), None),
        ),
        (r#"[3,7,"t",1,{"new":1}]"#, publish(7, "t", "1")),
        (r#"[3,7,"\u732b","]"]"#, publish(7, "猫", "\"]\"")),
        (
            r#"[14,7,"t",1,"1.2"]"#,
            publish_with(7, "t", "1", None, Some("1.2")),
        ),
        (
            r#"[14,7,"t",1,9007199254740992,{"id":"x","new":1},1]"#,
            publish_with(7, "t", "1", Some("x"), Some("9007199254740992")),
        ),
        (
            r#"[14,7,"t",1,""]"#,
            publish_with(7, "t", "1", None, Some("")),
        ),
        // Only the new type has an exclusion, because older servers ignore options that they do not know.
        (r#"[3,7,"t",1,{"exclude":"1.2"}]"#, publish(7, "t", "1")),
        ("[6,8,{}]", FromPublisher::Position { request: 8 }),
        ("[8,9,{}]", FromPublisher::Drain { request: 9 }),
        ("[77,\"what\"]", FromPublisher::Unknown { kind: 77 }),
    ] {
        assert_eq!(FromPublisher::decode(text).unwrap(), expect, "{text}");
    }
}

#[test]
fn invalid_publisher_messages_are_errors() {
    for (text, part) in [
        ("[]", "no type"),
        ("[1]", "no version"),
        ("[3]", "no request"),
        ("[6]", "no request"),
        ("[8]", "no request"),
        ("[3,1]", "no topic"),
        ("[3,1,\"t\"]", "no event"),
        ("[3,-1,\"t\",{}]", "-1"),
        ("[3,1,[],{}]", "a topic"),
        ("[3,1,\"t\",{]]", "line 1"),
        ("[\"3\"]", "invalid type"),
        ("{}", "a list such as"),
        ("[1,1] x", "trailing"),
        ("[1,1,[]]", "an object of options"),
        ("[1,1,{\"token\":7}]", "a string"),
        ("[1,1,{\"spool\":1}]", "a boolean"),
        ("[3,1,\"t\",1,[]]", "an object of options"),
        ("[3,1,\"t\",1,{\"id\":[]}]", "a string"),
        ("[14,1,\"t\",1]", "no exclude"),
        ("[14,1,\"t\",1,null]", "a session"),
        ("[14,1,\"t\",1,1.5]", "a session"),
        ("[14,1,\"t\",1,{\"id\":\"x\"}]", "a session"),
        ("[14,1,\"t\",1,\"1.2\",[]]", "an object of options"),
    ] {
        let error = FromPublisher::decode(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn the_options_of_a_hello_round_trip() {
    for token in [None, Some("t\"\\"), Some("")] {
        for has_spool in [false, true] {
            let mut out = Vec::new();
            encode_hello(&mut out, token, has_spool);
            let line = std::str::from_utf8(&out).unwrap();
            let expected = FromPublisher::Hello {
                version: VERSION,
                token: token.map(Cow::from),
                has_spool,
            };
            let decoded = FromPublisher::decode(line.strip_suffix('\n').unwrap());
            assert_eq!(decoded, Ok(expected), "{line}");
        }
    }
}

#[test]
fn position_requests_round_trip() {
    let mut out = Vec::new();
    encode_position_request(&mut out, 5);
    assert_eq!(out, b"[6,5]\n");
    let decoded = FromPublisher::decode("[6,5]").unwrap();
    assert_eq!(decoded, FromPublisher::Position { request: 5 });
}

#[test]
fn drain_requests_round_trip() {
    let mut out = Vec::new();
    encode_drain(&mut out, 5);
    assert_eq!(out, b"[8,5]\n");
    let decoded = FromPublisher::decode("[8,5]").unwrap();
    assert_eq!(decoded, FromPublisher::Drain { request: 5 });
}

#[test]
fn requests_about_users_round_trip() {
    let mut out = Vec::new();
    encode_revoke(&mut out, 5, "a\"b", None);
    encode_revoke(&mut out, 6, "7", Some(1_800_000_000));
    encode_presence(&mut out, 7, "chat");
    let text = String::from_utf8(out).unwrap();
    let messages: Vec<_> = text
        .lines()
        .map(|line| FromPublisher::decode(line).unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            FromPublisher::Revoke {
                request: 5,
                sub: "a\"b".into(),
                before_s: None
            },
            FromPublisher::Revoke {
                request: 6,
                sub: "7".into(),
                before_s: Some(1_800_000_000)
            },
            FromPublisher::Presence {
                request: 7,
                topic: "chat".into()
            },
        ]
    );
    for wrong in [
        "[10,1]",
        "[10,1,7]",
        "[10,1,\"7\",-1]",
        "[12,1]",
        "[12,1,[]]",
    ] {
        assert!(FromPublisher::decode(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn server_messages_round_trip() {
    let mut out = Vec::new();
    encode_welcome(&mut out, 1, "pushd/\"0\"", 9);
    let position = Position {
        epoch: 0xab,
        sequence: 12,
    };
    let receipt = Receipt {
        sequence: 12,
        subscribers: 231,
        position: Some(position),
        stored: Stored::Memory,
        nodes: None,
    };
    let shared = Receipt {
        nodes: Some(2),
        ..receipt
    };
    encode_receipt(&mut out, 5, receipt);
    encode_receipt(&mut out, 5, shared);
    encode_receipt(&mut out, 6, Receipt::default());
    encode_position(&mut out, 7, position);
    encode_drained(&mut out, 8);
    encode_revoked(&mut out, 9, 2);
    encode_members(&mut out, 10, 300, r#"[{"sub":"7"}]"#);
    encode_error(&mut out, None, ErrorCode::TooLarge, "a\nb");
    encode_error(&mut out, Some(6), ErrorCode::BadTopic, "");
    encode_error(&mut out, Some(7), ErrorCode::LogUnavailable, "Redis");
    let text = String::from_utf8(out).unwrap();
    let messages: Vec<_> = text
        .lines()
        .map(|line| FromServer::decode(line).unwrap())
        .collect();
    let error = |request, code, text: &'static str| FromServer::Error {
        request,
        code,
        text: text.into(),
    };
    assert_eq!(
        messages,
        [
            FromServer::Welcome {
                version: 1,
                server: "pushd/\"0\"".into()
            },
            FromServer::Receipt {
                request: 5,
                receipt
            },
            FromServer::Receipt {
                request: 5,
                receipt: shared
            },
            FromServer::Receipt {
                request: 6,
                receipt: Receipt::default()
            },
            FromServer::Position {
                request: 7,
                position: "00000000000000ab-12".into()
            },
            FromServer::Drained { request: 8 },
            FromServer::Revoked {
                request: 9,
                sessions: 2
            },
            FromServer::Members {
                request: 10,
                count: 300,
                members: r#"[{"sub":"7"}]"#
            },
            error(None, ErrorCode::TooLarge, "a\nb"),
            error(Some(6), ErrorCode::BadTopic, ""),
            error(Some(7), ErrorCode::LogUnavailable, "Redis"),
        ]
    );
}

#[test]
fn only_a_shared_log_has_nodes_in_its_receipts() {
    let encoded = |nodes| {
        let mut out = Vec::new();
        let receipt = Receipt {
            nodes,
            ..Receipt::default()
        };
        encode_receipt(&mut out, 1, receipt);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(encoded(None), "[4,1,0,0,{\"stored\":\"no\"}]\n");
    assert_eq!(
        encoded(Some(2)),
        "[4,1,0,0,{\"stored\":\"no\",\"nodes\":2}]\n"
    );
    for junk in ["null", "0", "-2", "2.5", "\"2\"", "[{}]", "{\"a\":[]}"] {
        let text = format!(r#"[4,1,2,3,{{"nodes":{junk},"stored":"memory"}}]"#);
        let receipt = Receipt {
            sequence: 2,
            subscribers: 3,
            stored: Stored::Memory,
            ..Receipt::default()
        };
        let expect = FromServer::Receipt {
            request: 1,
            receipt,
        };
        assert_eq!(FromServer::decode(&text).unwrap(), expect, "{text}");
    }
}

#[test]
fn some_errors_close_the_connection() {
    for (code, closes) in [
        (ErrorCode::BadMessage, true),
        (ErrorCode::TooLarge, true),
        (ErrorCode::Version, true),
        (ErrorCode::Denied, true),
        (ErrorCode::ShuttingDown, true),
        (ErrorCode::BadTopic, false),
        (ErrorCode::Overloaded, false),
        (ErrorCode::LogUnavailable, false),
        (ErrorCode::Other, false),
    ] {
        assert_eq!(code.closes(), closes, "{code:?}");
    }
}

#[test]
fn an_old_library_meets_a_new_daemon() {
    let table = [
        (
            r#"[2,1,"pushd/9",{"publish_len_max":1,"new":[]},"more"]"#,
            FromServer::Welcome {
                version: 1,
                server: "pushd/9".into(),
            },
        ),
        (
            r#"[4,1,2,3,{"new":1}]"#,
            FromServer::Receipt {
                request: 1,
                receipt: Receipt {
                    sequence: 2,
                    subscribers: 3,
                    ..Receipt::default()
                },
            },
        ),
        (
            r#"[5,1,"quota_exceeded","later",{}]"#,
            FromServer::Error {
                request: Some(1),
                code: ErrorCode::Other,
                text: "later".into(),
            },
        ),
        ("[99]", FromServer::Unknown { kind: 99 }),
    ];
    for (text, expect) in table {
        assert_eq!(FromServer::decode(text).unwrap(), expect, "{text}");
    }
}

#[test]
fn an_event_that_is_not_json_is_not_encoded() {
    for event in ["", "{", "{}],[3,2,\"t\",{}", "1 2", "nul"] {
        let mut out = b"before".to_vec();
        assert!(
            encode_publish(&mut out, 1, "t", event, None, None).is_err(),
            "{event}"
        );
        assert_eq!(out, b"before");
    }
}

proptest! {
    #[test]
    fn publishes_survive_a_round_trip(
        request in 0..=(1u64 << 53),
        topic in ".*",
        text in ".*",
        id in prop::option::of(".*"),
        exclude in prop::option::of(".*"),
    ) {
        let event = serde_json::to_string(&text).unwrap();
        let mut out = Vec::new();
        let (id, exclude) = (id.as_deref(), exclude.as_deref());
        encode_publish(&mut out, request, &topic, &event, id, exclude).unwrap();
        let line = std::str::from_utf8(&out).unwrap();
        let sent = FromPublisher::Publish {
            request,
            publish: Publish { topic: topic.as_str().into(), event: &event },
            id: id.map(Cow::from),
            exclude: exclude.map(Cow::from),
        };
        prop_assert_eq!(FromPublisher::decode(line.trim_end()).unwrap(), sent);
    }

    #[test]
    fn garbage_is_an_error_not_a_panic(text in ".{0,80}") {
        let _ = (FromPublisher::decode(&text), FromServer::decode(&text));
    }

    #[test]
    fn a_truncated_message_is_an_error(cut in 1usize..24) {
        let text = r#"[3,7,"kittens",{"a":[]}]"#;
        prop_assert!(FromPublisher::decode(&text[..text.len() - cut]).is_err());
    }
}
