//! Messages of clients, and their arguments on the way to subscribers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::check_value;
use crate::limits::WAMP2_DEPTH_MAX;

/// A message in Rust's debug form, without the noise.
fn check(text: &str) -> Result<String, String> {
    let message = ClientMessage::decode(text).map_err(|error| error.to_string())?;
    Ok(match message {
        ClientMessage::Hello { realm } => format!("hello {realm}"),
        ClientMessage::Abort => "abort".to_owned(),
        ClientMessage::Authenticate => "authenticate".to_owned(),
        ClientMessage::Goodbye => "goodbye".to_owned(),
        ClientMessage::Publish(publish) => {
            let Publish {
                request,
                topic,
                event,
                exclude_me,
                is_selective,
                ..
            } = publish;
            let acknowledge = if publish.acknowledge { "!" } else { "" };
            format!("publish{acknowledge} {request} {topic} {event} {exclude_me} {is_selective}")
        }
        ClientMessage::Subscribe {
            request,
            topic,
            is_pattern,
        } => format!("subscribe {request} {topic} {is_pattern}"),
        ClientMessage::Unsubscribe {
            request,
            subscription,
        } => format!("unsubscribe {request} {subscription}"),
        ClientMessage::Procedure {
            request_type,
            request,
        } => format!("{request_type:?} {request}"),
    })
}

#[test]
fn client_messages_are_decoded() {
    for (text, expect) in [
        (r#"[1,"realm1",{"roles":{"publisher":{}}}]"#, "hello realm1"),
        (r#"[1,"",{},1]"#, "hello "),
        (r#"[3,{"message":"x"},"wamp.error.x"]"#, "abort"),
        (r#"[5,"signature",{}]"#, "authenticate"),
        (r#"[6,{},"wamp.close.normal"]"#, "goodbye"),
        (r#"[32,1,{},"a.b"]"#, "subscribe 1 a.b false"),
        (" [ 32 , 1 , { } , \"t\" ] \n", "subscribe 1 t false"),
        (r#"[32,1,{},"\u732b",[]]"#, "subscribe 1 猫 false"),
        (r#"[32,1,{"match":"exact"},"t"]"#, "subscribe 1 t false"),
        (r#"[32,1,{"match":null},"t"]"#, "subscribe 1 t false"),
        (r#"[32,1,{"match":"prefix"},"t"]"#, "subscribe 1 t true"),
        (r#"[32,1,{"get_retained":true},"t"]"#, "subscribe 1 t false"),
        ("[34,2,9007199254740992]", "unsubscribe 2 9007199254740992"),
        (r#"[34,2,7,{"x":1}]"#, "unsubscribe 2 7"),
        (r#"[48,3,{},"p",[1]]"#, "Call 3"),
        (r#"[64,4,{},"p"]"#, "Register 4"),
        ("[66,5,6]", "Unregister 5"),
    ] {
        assert_eq!(check(text).as_deref(), Ok(expect), "{text}");
    }
}

#[test]
fn publishes_are_decoded() {
    for (text, expect) in [
        (r#"[16,1,{},"t",[1.0]]"#, "publish 1 t 1.0 true false"),
        (
            r#"[16,1,{"acknowledge":true},"t",[1],{},0]"#,
            "publish! 1 t 1 true false",
        ),
        (
            r#"[16,1,{"acknowledge":false,"exclude_me":false},"t"]"#,
            r#"publish 1 t {"args":[],"kwargs":{}} false false"#,
        ),
        (
            r#"[16,1,{"exclude":null,"eligible":null,"exclude_me":null,"acknowledge":null,"eligible_authid":null},"t",[1]]"#,
            "publish 1 t 1 true false",
        ),
        (
            r#"[16,1,{"retain":true,"disclose_me":true,"_x":[]},"t",[],{"a":"猫"}]"#,
            r#"publish 1 t {"args":[],"kwargs":{"a":"猫"}} true false"#,
        ),
    ] {
        assert_eq!(check(text).as_deref(), Ok(expect), "{text}");
    }
}

#[test]
fn every_selection_of_subscribers_is_noticed() {
    for option in [
        "exclude",
        "eligible",
        "exclude_authid",
        "exclude_authrole",
        "eligible_authid",
        "eligible_authrole",
    ] {
        for value in ["[7]", "[]", "\"x\""] {
            let text = format!(r#"[16,1,{{"{option}":{value}}},"t",[1]]"#);
            assert!(check(&text).unwrap().ends_with(" true"), "{text}");
        }
    }
}

#[test]
fn invalid_client_messages_are_errors() {
    for (text, part) in [
        ("", "EOF"),
        ("]", "expected value"),
        ("{}", "a WAMP v2 message"),
        ("32", "a WAMP v2 message"),
        ("[]", "no type"),
        ("[\"32\"]", "invalid type"),
        ("[-1]", "-1"),
        ("[1]", "no realm"),
        ("[1,null,{}]", "a string"),
        ("[1,\"r\"]", "no details"),
        ("[1,\"r\",[]]", "details must be an object"),
        ("[2,1,{}]", "type 2"),
        ("[3,{}]", "no reason"),
        ("[4,\"ticket\",{}]", "type 4"),
        ("[6,\"bye\"]", "details must be an object"),
        ("[6,{},1]", "a string"),
        ("[8,68,1,{},\"u\"]", "type 8"),
        ("[16]", "no request"),
        ("[16,1,[],\"t\"]", "options must be an object"),
        ("[16,1,null,\"t\"]", "options must be an object"),
        ("[16,1,{}]", "no topic"),
        ("[16,1,{},7]", "a string"),
        ("[16,1,{},\"t\",1]", "arguments must be a list"),
        ("[16,1,{},\"t\",null]", "arguments must be a list"),
        ("[16,1,{},\"t\",{}]", "arguments must be a list"),
        ("[16,1,{},\"t\",[],[]]", "argumentsKw must be an object"),
        ("[16,1,{\"acknowledge\":1},\"t\"]", "a boolean"),
        ("[16,1,{\"exclude_me\":\"no\"},\"t\"]", "a boolean"),
        (
            "[16,1,{\"exclude_me\":true,\"exclude_me\":false},\"t\"]",
            "duplicate field",
        ),
        ("[17,1,2]", "type 17"),
        ("[32,0,{},\"t\"]", "0 is not an id"),
        ("[32,9007199254740993,{},\"t\"]", "not an id"),
        ("[32,1.0,{},\"t\"]", "u64"),
        ("[32,\"1\",{},\"t\"]", "u64"),
        ("[32,1,{\"match\":1},\"t\"]", "a string"),
        ("[32,1,{},\"t\"", "EOF"),
        ("[32,1,{},\"t\"]]", "trailing"),
        ("[34,1]", "no subscription"),
        ("[34,1,0]", "0 is not an id"),
        ("[48]", "no request"),
        ("[49,1,{}]", "type 49"),
        ("[70,1,{}]", "type 70"),
    ] {
        let error = check(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn depth_has_a_limit() {
    let publish = |start: &str, depth, end: &str| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        ClientMessage::decode(&format!("[16,1,{{}},\"t\",{start}{nested}{end}]")).map(|message| {
            let ClientMessage::Publish(publish) = message else {
                panic!("not a publish");
            };
            publish.event.into_owned()
        })
    };
    // The deepest message with all kinds of arguments is still an event.
    let event = publish("[1],{\"a\":", WAMP2_DEPTH_MAX - 2, "}").unwrap();
    assert!(check_value(&event).is_ok());
    let beyond = publish("[1],{\"a\":", WAMP2_DEPTH_MAX - 1, "}");
    assert!(beyond.unwrap_err().to_string().contains("deeper"));
    assert!(publish("", WAMP2_DEPTH_MAX - 1, "").is_ok());
    assert!(publish("", 100_000, "").is_err());
}

/// Any JSON value of a few elements, often one that looks like arguments.
fn values() -> impl Strategy<Value = Value> + Clone {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop_oneof![Just("args".to_owned()), Just("kwargs".to_owned()), ".{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner.clone(), 0..3)
                .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
            arguments(inner).prop_map(|(args, kwargs)| json!({"args": args, "kwargs": kwargs})),
        ]
    })
}

fn arguments(
    value: impl Strategy<Value = Value> + Clone,
) -> impl Strategy<Value = (Vec<Value>, serde_json::Map<String, Value>)> {
    let kwargs = prop::collection::btree_map("[a-c]", value.clone(), 0..3);
    let args = prop::collection::vec(value, 0..3);
    (args, kwargs.prop_map(serde_json::Map::from_iter))
}

/// The elements behind the details of an EVENT: arguments and keyword arguments.
fn received(event: &str) -> (Value, Value) {
    let mut message = Vec::new();
    append_event(&mut message, ID_MAX, 1, event.as_bytes());
    let Value::Array(elements) = serde_json::from_slice(&message).unwrap() else {
        panic!("not a list");
    };
    assert_eq!(
        elements[..4],
        [json!(36), json!(ID_MAX), json!(1), json!({})]
    );
    let element = |index: usize, default| elements.get(index).cloned().unwrap_or(default);
    (element(4, json!([])), element(5, json!({})))
}

proptest! {
    #[test]
    fn arguments_survive_a_round_trip((args, kwargs) in arguments(values()), spaces in any::<bool>()) {
        let message = json!([16, 1, {}, "t", args, kwargs]);
        let text = if spaces {
            serde_json::to_string_pretty(&message)
        } else {
            serde_json::to_string(&message)
        }.unwrap();
        let ClientMessage::Publish(publish) = ClientMessage::decode(&text).unwrap() else {
            panic!("not a publish");
        };
        prop_assert!(check_value(&publish.event).is_ok());
        prop_assert_eq!(received(&publish.event), (json!(args), json!(kwargs)));
    }

    /// Of a publisher that knows nothing about WAMP v2.
    #[test]
    fn events_arrive_whole(event in values()) {
        let (args, kwargs) = received(&event.to_string());
        if args != json!([event]) {
            prop_assert_eq!(event, json!({"args": args, "kwargs": kwargs}));
        }
    }

    #[test]
    fn ids_survive_a_round_trip(request in 1..=ID_MAX, subscription in 1..=ID_MAX) {
        let expect = format!("unsubscribe {request} {subscription}");
        prop_assert_eq!(check(&json!([34, request, subscription]).to_string()), Ok(expect));
        prop_assert!(check(&json!([34, request, subscription + ID_MAX]).to_string()).is_err());
    }

    #[test]
    fn garbage_is_an_error_not_a_panic(text in "[\\[\\]{}0-9\",a:tu\\\\ ]{0,60}") {
        let _ = check(&text);
    }

    #[test]
    fn a_truncated_message_is_an_error(cut in 1usize..40) {
        let text = r#"[16,1,{"exclude":[7]},"t",[{"a":1}],{}]"#;
        prop_assert!(check(&text[..text.len().saturating_sub(cut)]).is_err());
    }
}
