//! Refused requests: signatures and mistakes.

use pusher_core::{ChannelsApp, Limits, Recipe};
use serde_json::{Value, json};

use super::{Request, assert_refused, send, start, success};
use crate::channels::options;
use crate::support::{connect, start_server};

#[test]
fn only_the_site_can_sign() {
    let server = start();
    let mut page = server.subscriber("news");
    let request = Request::trigger(&["news"], "1");
    let signed = request.signed();
    let other = |name: &str, secret: &str| Request {
        app: ChannelsApp::parse(name, secret).unwrap(),
        ..request.clone()
    };
    let at = |clock_s| Request {
        clock_s,
        ..request.clone()
    };
    let of_app_2 = Request {
        path: "/apps/2/events".to_owned(),
        ..request.clone()
    };
    let (head, query) = signed.split_once('?').unwrap();
    let (_, unsigned) = query.split_once(' ').unwrap();
    for (request, status, reason) in [
        (format!("{head} {unsigned}"), 401, "auth_key is missing"),
        (at(-610).signed(), 401, "differs from the clock"),
        (at(610).signed(), 401, "differs from the clock"),
        (
            signed.replace(r#"\"1\""#, "").replace("added", "fades"),
            401,
            "body was changed",
        ),
        (
            other("1:other", "0123456789abcdef").signed(),
            401,
            "auth_key is not the key",
        ),
        (
            other("1:blog", "0123456789abcdeg").signed(),
            401,
            "auth_signature is wrong",
        ),
        (of_app_2.signed(), 404, "no application has this id"),
        (
            signed.replacen("/events", "/batch_events", 1),
            401,
            "auth_signature is wrong",
        ),
        (
            signed.replacen('?', "?info=user_count&", 1),
            401,
            "auth_signature is wrong",
        ),
        (
            signed.replacen('?', "?auth_version=1.0&", 1),
            400,
            "there twice",
        ),
        (
            signed.replacen('?', &format!("?z={}&", "z".repeat(4096)), 1),
            414,
            "longer than 4096",
        ),
    ] {
        assert_refused(&server, &request, status, reason);
    }
    // A request may be sent again, until its time is over.
    for _ in 0..2 {
        assert_eq!(send(connect(server.publish), &signed), (200, json!({})));
        let event = r#"[8,"news",{"event":"added","data":1}]"#;
        assert_eq!(page.message(), event, "no refused event is published");
    }
}

#[test]
fn a_body_without_a_signature_is_not_read() {
    let server = start();
    let request = Request::trigger(&["news"], "1").signed();
    let (head, _) = request.split_once("Content-Length").unwrap();
    let head = head.replace("auth_key=blog", "auth_key=other");
    // The body never comes.
    let request = format!("{head}Content-Length: 1000000\r\n\r\n");
    assert_refused(&server, &request, 401, "auth_key");
}

#[test]
fn mistakes_are_answered_and_nothing_is_published() {
    let mut options = options();
    let mut limits = Limits::default();
    limits.event_len_max = 1000;
    limits.publish_len_max = 5000;
    options.live.limits = limits;
    let server = start_server(options, Recipe::default());
    let mut page = server.subscriber("news");
    let event = |channel: &str| json!({"name": "e", "channel": channel, "data": "1"});
    let batch = |events: Vec<Value>| Request::post("/batch_events", &json!({"batch": events}));
    let trigger = |change: &dyn Fn(&mut Value)| {
        let mut body = event("news");
        change(&mut body);
        Request::post("/events", &body)
    };
    for (request, status, reason) in [
        (Request::trigger(&["news"; 101], ""), 400, "1 to 100"),
        (Request::trigger(&[], ""), 400, "1 to 100"),
        (Request::trigger(&["news", "a b"], ""), 400, "' '"),
        (
            batch(vec![event("news"); 11]),
            400,
            "at most 10 events, not 11",
        ),
        (
            batch(vec![event("news"), event("pushd:revoked")]),
            400,
            "event 1 of the batch",
        ),
        (
            trigger(&|body| body["socket_id"] = json!("undefined")),
            400,
            "two decimal numbers",
        ),
        (
            trigger(&|body| body["name"] = json!("pusher:error")),
            400,
            "name of an event",
        ),
        (
            trigger(&|body| body["data"] = json!({})),
            400,
            "expected a string",
        ),
        (
            Request::trigger(&["news"], &"x".repeat(1001)),
            413,
            "1001 bytes long",
        ),
        // Quotes make it longer than the data.
        (
            Request::trigger(&["news"], &"\"".repeat(600)),
            413,
            "event-len-max",
        ),
        (
            Request::trigger(&["news"], &"x".repeat(5000)),
            413,
            "publish-len-max",
        ),
        (
            Request::new("POST", "/events", "", "{"),
            400,
            "not a valid request",
        ),
        (Request::new("GET", "/events", "", ""), 405, "only POST"),
        (Request::new("POST", "/channels", "", ""), 405, "only GET"),
        (Request::get("/channels/a%20b", ""), 400, "' '"),
        (
            Request::get("/channels/news/users", ""),
            400,
            "only presence channels",
        ),
        (Request::get("/webhooks", ""), 404, "the paths are"),
    ] {
        assert_refused(&server, &request.signed(), status, reason);
    }
    success(&server, &trigger(&|_| {}));
    assert_eq!(page.message(), r#"[8,"news",{"event":"e","data":1}]"#);
}
