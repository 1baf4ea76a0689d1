use crate::channels::{BatchRequest, Info, RequestError, SocketId, TriggerRequest};
use crate::limits::{CHANNELS_BATCH_MAX, CHANNELS_NAME_LEN_MAX, CHANNELS_TRIGGER_MAX};

fn parse(body: &str) -> Result<TriggerRequest, RequestError> {
    TriggerRequest::parse(body, 10)
}

#[test]
fn an_event_is_for_one_channel_or_several() {
    let expect = TriggerRequest {
        name: "new".to_owned(),
        channels: vec!["a".to_owned()],
        data: "{}".to_owned(),
        socket_id: None,
        info: Info::default(),
    };
    for body in [
        r#"{"name":"new","channel":"a","data":"{}"}"#,
        r#" {"data":"{}","channels":["a"],"name":"n\u0065w","x":[],"socket_id":null,"info":null} "#,
    ] {
        assert_eq!(parse(body).as_ref(), Ok(&expect), "{body}");
    }
    let body = r##"{"name":"new","channels":["a","#server-to-user-7"],"data":"","socket_id":"1.2","info":"user_count"}"##;
    let request = parse(body).unwrap();
    assert_eq!(request.channels, ["a", "#server-to-user-7"]);
    assert_eq!(request.socket_id, Some(SocketId(1 << 64 | 2)));
    assert!(request.info.user_count && !request.info.subscription_count);
}

#[test]
fn errors_name_the_mistake() {
    for (body, part) in [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        (r#"{"channel":"a","data":""}"#, "missing field `name`"),
        (r#"{"name":"e","channel":"a"}"#, "missing field `data`"),
        (
            r#"{"name":"e","channel":"a","data":{}}"#,
            "expected a string",
        ),
        (
            r#"{"name":"e","name":"f","channel":"a","data":""}"#,
            "duplicate field `name`",
        ),
        (r#"{"name":"e","channel":"a","data":""}x"#, "trailing"),
        (r#"{"name":"","channel":"a","data":""}"#, "1 to 200 bytes"),
        (
            r#"{"name":"pusher:error","channel":"a","data":""}"#,
            "does not begin with pusher:",
        ),
        (r#"{"name":"e","data":""}"#, "1 to 100 channels"),
        (
            r#"{"name":"e","channels":[],"data":""}"#,
            "1 to 100 channels",
        ),
        (
            r#"{"name":"e","channel":"a","channels":["b"],"data":""}"#,
            "1 to 100 channels",
        ),
        (r#"{"name":"e","channels":["a","b c"],"data":""}"#, "' '"),
        (
            r#"{"name":"e","channel":"a","data":"12345678901"}"#,
            "11 bytes long, at most 10",
        ),
        (
            r#"{"name":"e","channel":"a","data":"","socket_id":"undefined"}"#,
            "two decimal numbers",
        ),
    ] {
        let error = parse(body).unwrap_err().to_string();
        assert!(error.contains(part), "{body}: {error}");
    }
}

#[test]
fn names_channels_and_data_have_limits() {
    let body = |name: usize, channels: usize, data: usize| {
        let (name, data) = ("n".repeat(name), "d".repeat(data));
        let channels = vec!["\"c\""; channels].join(",");
        format!(r#"{{"name":"{name}","channels":[{channels}],"data":"{data}"}}"#)
    };
    assert!(parse(&body(CHANNELS_NAME_LEN_MAX, CHANNELS_TRIGGER_MAX, 10)).is_ok());
    for (body, error) in [
        (body(CHANNELS_NAME_LEN_MAX + 1, 1, 1), RequestError::Name),
        (
            body(1, CHANNELS_TRIGGER_MAX + 1, 1),
            RequestError::ChannelCount,
        ),
        (
            body(1, 1, 11),
            RequestError::DataTooLong { len: 11, max: 10 },
        ),
    ] {
        assert_eq!(parse(&body), Err(error));
    }
}

#[test]
fn a_batch_has_events_for_one_channel_each() {
    let event = r#"{"name":"e","channel":"a","data":"1"}"#;
    let batch = |events: &[&str]| {
        BatchRequest::parse(&format!(r#"{{"batch":[{}]}}"#, events.join(",")), 10)
    };
    assert_eq!(batch(&[]).unwrap().events, []);
    let events = batch(&[event; CHANNELS_BATCH_MAX]).unwrap().events;
    assert_eq!(events, vec![parse(event).unwrap(); CHANNELS_BATCH_MAX]);
    let error = batch(&[event; CHANNELS_BATCH_MAX + 1]);
    assert_eq!(error, Err(RequestError::BatchCount(CHANNELS_BATCH_MAX + 1)));
    for (bad, part) in [
        (
            r#"{"name":"e","channels":["a","b"],"data":"1"}"#,
            "event 1 of the batch: an event",
        ),
        (
            r#"{"name":"e","channel":" ","data":"1"}"#,
            "event 1 of the batch: the name of a channel",
        ),
        (r#"["e","1","a"]"#, "event 1 of the batch: the body"),
    ] {
        let error = batch(&[event, bad]).unwrap_err().to_string();
        assert!(error.contains(part), "{bad}: {error}");
    }
    for body in [
        "",
        "[]",
        "{}",
        r#"{"batch":{}}"#,
        r#"{"batch":[],"batch":[]}"#,
    ] {
        assert!(
            matches!(BatchRequest::parse(body, 10), Err(RequestError::Json(_))),
            "{body}"
        );
    }
}

#[test]
fn info_is_a_list() {
    for (text, user_count, subscription_count) in [
        ("", false, false),
        ("user_count", true, false),
        ("subscription_count, user_count,x", true, true),
        ("user_counts", false, false),
    ] {
        let expect = Info {
            subscription_count,
            user_count,
        };
        assert_eq!(Info::parse(text), expect, "{text}");
    }
}
