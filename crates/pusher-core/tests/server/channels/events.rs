//! Events of publishers and of other clients, and the last event of a cache channel.

use pusher_core::Recipe;
use serde_json::json;

use super::{Client, options, start};
use crate::support::start_server;

#[test]
fn an_event_has_the_form_of_each_protocol() {
    let server = start();
    let mut client = Client::connect(&server);
    assert_eq!(client.subscribed("news", None), json!({}));
    let mut page = server.subscriber("news");
    let event = r#"{"event":"added","data":{"id":1}}"#;
    assert_eq!(server.hub.publish("news", event).unwrap().subscribers, 2);
    let data = r#"{"id":1}"#;
    assert_eq!(
        client.message(),
        json!({"event": "added", "channel": "news", "data": data})
    );
    assert_eq!(page.message(), format!(r#"[8,"news",{event}]"#));
    // An event without a name.
    server.hub.publish("news", r#"["x", 1]"#).unwrap();
    assert_eq!(
        client.message(),
        json!({"event": "message", "channel": "news", "data": r#"["x", 1]"#})
    );
    client.send("pusher:unsubscribe", json!({"channel": "news"}));
    client.barrier();
    assert_eq!(server.hub.publish("news", "1").unwrap().subscribers, 1);
    client.barrier();
}

#[test]
fn events_in_a_row_are_one_frame_each() {
    let server = start();
    let mut clients = [Client::connect(&server), Client::connect(&server)];
    for client in &mut clients {
        client.subscribed("news", None);
    }
    for number in 0..100 {
        server.hub.publish("news", &number.to_string()).unwrap();
    }
    for client in &mut clients {
        for number in 0..100 {
            assert_eq!(client.data(), ("message".to_owned(), json!(number)));
        }
    }
}

#[test]
fn client_events_reach_the_other_subscribers() {
    let server = start();
    let mut ann = Client::connect(&server);
    let mut bob = Client::connect(&server);
    ann.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    bob.subscribed("presence-a", Some(r#"{"user_id":"9"}"#));
    assert_eq!(ann.data().0, "pusher_internal:member_added");
    for data in [json!({"x": 1}), json!(r#"{"x":1}"#)] {
        ann.send_to("presence-a", "client-typing", data);
        assert_eq!(
            bob.message(),
            json!({"event": "client-typing", "channel": "presence-a", "data": r#"{"x":1}"#, "user_id": "7"})
        );
    }
    ann.barrier();
    bob.send("pusher:unsubscribe", json!({"channel": "presence-a"}));
    ann.subscribed("news", None);
    let refused = |client: &mut Client, channel: &str, event: &str| {
        client.send_to(channel, event, json!(1));
        let (answer, data) = client.data();
        assert_eq!(
            (&*answer, &data["code"]),
            ("pusher:error", &json!(4301)),
            "{channel}"
        );
    };
    refused(&mut bob, "presence-a", "client-x");
    refused(&mut ann, "news", "client-x");
    refused(&mut ann, "presence-a", "x");
    // It would be the event that new subscribers get.
    ann.subscribed("private-cache-a", None);
    ann.message();
    refused(&mut ann, "private-cache-a", "client-x");
}

#[test]
fn client_events_are_off_until_somebody_wants_them() {
    let mut options = options();
    options.live.client_events.clear();
    let server = start_server(options, Recipe::default());
    let mut client = Client::connect(&server);
    client.subscribed("private-a", None);
    client.send_to("private-a", "client-x", json!(1));
    assert_eq!(client.data().1["code"], 4301);
}

#[test]
fn a_new_subscriber_of_a_cache_channel_gets_the_last_event() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribed("cache-a", None);
    assert_eq!(
        client.message(),
        json!({"event": "pusher:cache_miss", "channel": "cache-a"})
    );
    for number in 0..3 {
        server.hub.publish("cache-a", &number.to_string()).unwrap();
        assert_eq!(client.data().1, json!(number));
    }
    let mut late = Client::connect(&server);
    late.subscribed("cache-a", None);
    assert_eq!(late.data(), ("message".to_owned(), json!(2)));
    late.barrier();
}
