//! Refused connections, mistakes, and the rate limit of messages.

use pusher_core::{Limits, Recipe};
use pusher_proto::channels::SocketId;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{Client, options, start};
use crate::support::{connect, on_any_ports, start_server};

#[test]
fn a_request_for_another_application_version_or_site_is_refused() {
    let server = start();
    let here = format!("http://{}", server.public);
    for (origin, target, code) in [
        (&*here, "/app/other?protocol=7", 4001),
        (&here, "/app/blog", 4008),
        (&here, "/app/blog?protocol=x", 4006),
        (&here, "/app/blog?protocol=5", 4007),
        (&here, "/app/blog?protocol=8", 4007),
        ("http://other.example", "/app/blog?protocol=7", 4009),
    ] {
        let socket = Client::open(&server, target, ("Origin", origin));
        let mut client = Client {
            socket,
            socket_id: SocketId(0),
        };
        let (event, data) = client.data();
        assert_eq!(
            (&*event, &data["code"]),
            ("pusher:error", &json!(code)),
            "{target}"
        );
        assert_eq!(client.close_code(), code, "{target}");
    }
    // A web server in front may add a folder.
    let mut client = Client {
        socket: Client::open(&server, "/push/app/blog?protocol=7", ("Origin", &here)),
        socket_id: SocketId(0),
    };
    assert_eq!(client.data().0, "pusher:connection_established");
    assert_eq!(server.hub.stats().browsers_refused.total(), 6);
}

#[test]
fn without_an_application_the_protocol_is_not_spoken() {
    let server = start_server(on_any_ports(), Recipe::default());
    let url = format!("ws://{}/app/blog?protocol=7", server.public);
    let error = tungstenite::client(url, connect(server.public)).unwrap_err();
    assert!(error.to_string().contains("426"), "{error}");
    // Topics with these names are like others.
    let mut page = server.subscriber("private-a");
    server.hub.publish("private-a", "1").unwrap();
    assert_eq!(page.message(), r#"[8,"private-a",1]"#);
}

#[test]
fn mistakes_are_answered() {
    let server = start();
    let mut client = Client::connect(&server);
    for text in [
        "",
        "1",
        "{}",
        r#"{"event":1}"#,
        r#"{"event":"pusher:subscribe"}"#,
    ] {
        client.socket.send(Message::text(text)).unwrap();
        let (event, data) = client.data();
        assert_eq!(
            (&*event, &data["code"]),
            ("pusher:error", &Value::Null),
            "{text}"
        );
    }
    client.send("pusher:new", json!({}));
    client.barrier();
    client.send(
        "pusher:signin",
        json!({"auth": "blog:00", "user_data": "{}"}),
    );
    assert_eq!(client.data().1["code"], 4009);
    client.barrier();
}

#[test]
fn too_many_messages_end_the_connection() {
    let mut options = options();
    let mut limits = Limits::default();
    limits.client_messages_burst = 10;
    limits.client_messages_per_second = 0;
    options.live.limits = limits;
    let server = start_server(options, Recipe::default());
    let mut client = Client::connect(&server);
    for _ in 0..20 {
        client.send("pusher:ping", json!({}));
    }
    for _ in 0..10 {
        assert_eq!(client.data().0, "pusher:pong");
    }
    assert_eq!(client.data().1["code"], 4100);
    assert_eq!(client.close_code(), 4100);
}
