//! Publishes, reads and the end of connections: the effect of a request, and its answer.

use serde_json::json;

use super::{Request, answer, assert_refused, start, success};
use crate::channels::{Client, app};

#[test]
fn an_event_reaches_the_subscribers_of_each_channel() {
    let server = start();
    let mut clients = [Client::connect(&server), Client::connect(&server)];
    clients[0].subscribed("news", None);
    clients[1].subscribed("private-a", None);
    let mut page = server.subscriber("news");
    let request = Request::trigger(&["news", "private-a", "nobody"], r#"{"id":1}"#);
    assert_eq!(success(&server, &request), json!({}));
    for (client, channel) in clients.iter_mut().zip(["news", "private-a"]) {
        assert_eq!(
            client.message(),
            json!({"event": "added", "channel": channel, "data": r#"{"id":1}"#})
        );
    }
    assert_eq!(
        page.message(),
        r#"[8,"news",{"event":"added","data":{"id":1}}]"#
    );
    // An event for the sessions of one user.
    let user_data = r#"{"id":"7"}"#;
    let auth = app().user_auth(clients[0].socket_id, user_data);
    let sign_in = json!({"auth": auth, "user_data": user_data});
    clients[0].send("pusher:signin", sign_in);
    assert_eq!(clients[0].data().0, "pusher:signin_success");
    clients[0].subscribed_to_user("7");
    success(&server, &Request::trigger(&["#server-to-user-7"], "text"));
    assert_eq!(clients[0].data(), ("added".to_owned(), json!("text")));
}

#[test]
fn the_sender_does_not_receive_its_event() {
    let server = start();
    let mut sender = Client::connect(&server);
    let mut other = Client::connect(&server);
    sender.subscribed("news", None);
    other.subscribed("news", None);
    let body = json!({
        "name": "added", "channel": "news", "data": "1", "socket_id": sender.socket_id.to_string(),
    });
    success(&server, &Request::post("/events", &body));
    assert_eq!(other.data(), ("added".to_owned(), json!(1)));
    let batch = json!({"batch": [body, {"name": "second", "channel": "news", "data": "2"}]});
    success(&server, &Request::post("/batch_events", &batch));
    assert_eq!(other.data(), ("added".to_owned(), json!(1)));
    for client in [&mut other, &mut sender] {
        assert_eq!(client.data(), ("second".to_owned(), json!(2)));
        client.barrier();
    }
}

#[test]
fn answers_have_the_attributes_that_are_asked_for() {
    let server = start();
    let mut ann = Client::connect(&server);
    let mut bob = Client::connect(&server);
    ann.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    bob.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    bob.subscribed("news", None);
    // A topic that is no channel.
    let _page = server.subscriber("a/b c");
    let all = "info=subscription_count,user_count";
    let presence = json!({"subscription_count": 2, "user_count": 1});
    let news = json!({"subscription_count": 1});
    for (path, query, expect) in [
        (
            "/channels",
            "",
            json!({"channels": {"news": {}, "presence-a": {}}}),
        ),
        (
            "/channels",
            all,
            json!({"channels": {"news": news, "presence-a": presence}}),
        ),
        (
            "/channels",
            "filter_by_prefix=presence-&info=user_count",
            json!({"channels": {"presence-a": {"user_count": 1}}}),
        ),
        (
            "/channels",
            "filter_by_prefix=private-",
            json!({"channels": {}}),
        ),
        (
            "/channels/presence-a",
            all,
            json!({"occupied": true, "subscription_count": 2, "user_count": 1}),
        ),
        ("/channels/news", "", json!({"occupied": true})),
        (
            "/channels/nobody",
            "info=subscription_count",
            json!({"occupied": false, "subscription_count": 0}),
        ),
        (
            "/channels/presence-a/users",
            "",
            json!({"users": [{"id": "7"}]}),
        ),
        ("/channels/presence-b/users", "", json!({"users": []})),
    ] {
        let request = Request::get(path, query);
        assert_eq!(success(&server, &request), expect, "{path} {query}");
    }
    let event = |channel| json!({"name": "e", "channel": channel, "data": "1", "info": "subscription_count,user_count"});
    let channels = json!({"channels": {"news": news}});
    let request = Request::post("/events", &event("news"));
    assert_eq!(success(&server, &request), channels);
    let batch = json!({"batch": [event("presence-a"), {"name": "e", "channel": "b", "data": ""}]});
    let request = Request::post("/batch_events", &batch);
    assert_eq!(success(&server, &request), json!({"batch": [presence, {}]}));
}

#[test]
fn the_connections_of_a_user_end() {
    let server = start();
    let mut member = Client::connect(&server);
    let mut other = Client::connect(&server);
    member.subscribed("presence-a", Some(r#"{"user_id":"7@b"}"#));
    other.subscribed("presence-b", Some(r#"{"user_id":"8"}"#));
    let path = "/users/7%40b/terminate_connections";
    assert_eq!(
        success(&server, &Request::post(path, &json!({}))),
        json!({})
    );
    assert_eq!(member.data().1["code"], 4009);
    assert_eq!(member.close_code(), 4009);
    other.barrier();
    // The Python library sends this path.
    let mut request = Request::post(path, &json!({}));
    request.path = "/users/8/terminate_connections".to_owned();
    assert_eq!(success(&server, &request), json!({}));
    assert_eq!(other.data().1["code"], 4009);
    // Without a body.
    let request = Request::new("POST", "/users/9/terminate_connections", "", "");
    assert_eq!(success(&server, &request), json!({}));
    for (len, expect) in [(255, 200), (256, 400)] {
        let long = format!("/users/{}/terminate_connections", "7".repeat(len));
        let (status, body) = answer(&server, &Request::post(&long, &json!({})));
        assert_eq!(status, expect, "{len}: {body}");
    }
}

#[test]
fn the_list_of_channels_has_a_limit() {
    let server = start();
    let mut pages = [server.browser(), server.browser()];
    for number in 0..10_000 {
        pages[0].send(&format!(r#"[5,"a{number}"]"#));
    }
    pages[0].barrier();
    let request = Request::get("/channels", "");
    let listed = success(&server, &request);
    assert_eq!(listed["channels"].as_object().unwrap().len(), 10_000);
    pages[1].subscribe("b");
    let reason = "filter_by_prefix";
    assert_refused(&server, &request.signed(), 400, reason);
    let request = Request::get("/channels", "filter_by_prefix=a99");
    let listed = success(&server, &request);
    assert_eq!(listed["channels"].as_object().unwrap().len(), 111);
}
