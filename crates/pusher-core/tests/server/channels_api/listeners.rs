//! The listeners that serve signed requests.

use std::io::Write;
use std::net::TcpStream;

use pusher_core::{Limits, LiveOptions, PublishAddress, Recipe};
use serde_json::json;

use super::{Request, assert_refused, send, start, success};
use crate::channels::{app, options};
use crate::support::{WAIT, connect, on_any_ports, read_to_end, start_server};

#[test]
fn without_an_application_the_paths_are_unknown() {
    let mut options = on_any_ports();
    options.signed_listen = vec![([127, 0, 0, 1], 0).into()];
    let server = start_server(options, Recipe::default());
    let request = Request::trigger(&["news"], "1");
    let local = request.signed().replace("push.example.org", "localhost");
    assert_refused(&server, &local, 404, "POST /publish/{topic}");
    let signed = connect(server.signed.unwrap());
    assert_eq!(send(signed, &request.signed()).0, 404);
    let mut live = LiveOptions::default();
    live.channels_app = Some(app());
    server.control.reload(live).unwrap();
    success(&server, &request);
}

#[test]
fn a_unix_socket_serves_signed_requests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock");
    let mut options = options();
    options
        .publish_listen
        .push(PublishAddress::Unix(path.clone()));
    let server = start_server(options, Recipe::default());
    let mut page = server.subscriber("news");
    let stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let request = Request::trigger(&["news"], "1").signed();
    assert_eq!(send(stream, &request), (200, json!({})));
    assert_eq!(page.message(), r#"[8,"news",{"event":"added","data":1}]"#);
}

#[test]
fn a_listener_of_its_own_serves_only_signed_requests() {
    let mut options = options();
    // Other machines can reach it.
    options.signed_listen = vec![([0, 0, 0, 0], 0).into()];
    options.live.publish_token = Some("s3cret".parse().unwrap());
    let server = start_server(options, Recipe::default());
    let address = ([127, 0, 0, 1], server.signed.unwrap().port()).into();
    let mut page = server.subscriber("news");
    // One connection for several requests.
    let stream = connect(address);
    for number in 0..3 {
        let request = Request::trigger(&["news"], &number.to_string()).signed();
        assert_eq!(send(&stream, &request), (200, json!({})));
        let event = format!(r#"[8,"news",{{"event":"added","data":{number}}}]"#);
        assert_eq!(page.message(), event);
    }
    for path in [
        "/",
        "/metrics",
        "/healthz",
        "/publish/news",
        "/apps/",
        "/apps",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let (status, body) = send(connect(address), &request);
        assert_eq!(status, 404, "{path}: {body}");
    }
    for start in [&b"{\"category\":\"news\"}"[..], b"[1,1]", b"\xff", b"\x16"] {
        let mut stream = connect(address);
        stream.write_all(start).unwrap();
        assert_eq!(read_to_end(&mut stream), "", "{start:?}");
    }
    // The publish listener serves both.
    success(&server, &Request::trigger(&["news"], "3"));
    assert_eq!(page.message(), r#"[8,"news",{"event":"added","data":3}]"#);
}

#[test]
fn strangers_take_no_permits_of_publishers() {
    let mut options = options();
    options.signed_listen = vec![([127, 0, 0, 1], 0).into()];
    let mut limits = Limits::default();
    limits.publishers_max = 1;
    options.live.limits = limits;
    let server = start_server(options, Recipe::default());
    let address = server.signed.unwrap();
    let _strangers: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"POST /apps/").unwrap();
            stream
        })
        .collect();
    let mut publisher = server.publisher();
    assert_eq!(publisher.publish("news", "1").0, 1);
    success(&server, &Request::trigger(&["news"], "1"));
}

#[test]
fn the_port_of_browsers_names_the_other_one() {
    let server = start();
    for request in [
        "POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        "POST /apps/1/users/7/terminate_connections HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /apps/1/channels HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut stream = server.raw(server.public);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(answer.contains("publish-listen"), "{answer}");
    }
}
