//! What the site is told about its channels, and what the subscribers of a channel are told about their number.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use pusher_core::{Limits, Options, Recipe, Stats};
use serde_json::{Value, json};

use crate::channels::{Client, app, options};
use crate::support::{NEVER, TestServer, WAIT, start_server};

const ACCEPTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The site. The test answers each request itself.
struct Site {
    listener: TcpListener,
    address: SocketAddr,
}

/// A request that waits for its answer.
struct Request {
    stream: TcpStream,
    head: String,
    body: String,
}

impl Site {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?site=1", self.address)
    }

    /// Returns a connection, if there is one.
    fn accept(&self) -> Option<TcpStream> {
        match self.listener.accept() {
            Ok((stream, _)) => Some(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits for the next request.
    fn request(&self) -> Request {
        let mut accepted = None;
        crate::support::until("a request comes", || {
            accepted = self.accept();
            accepted.is_some()
        });
        let mut stream = accepted.expect("see above");
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let len = stream.read(&mut buffer).unwrap();
            assert!(len > 0, "the request ends in {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let (head, body) = (head.to_owned(), body.to_owned());
            let mut request = Request { stream, head, body };
            let len: usize = request.header("Content-Length").parse().unwrap();
            while request.body.len() < len {
                let len = request.stream.read(&mut buffer).unwrap();
                request.body += std::str::from_utf8(&buffer[..len]).unwrap();
            }
            return request;
        }
    }

    /// Accepts requests until there are so many events. Returns them.
    fn events(&self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            let request = self.request();
            events.extend(request.events());
            request.answer(ACCEPTED);
        }
        events
    }
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| *found == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
            .1
    }

    fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["events"].as_array().unwrap().clone()
    }

    fn time_ms(&self) -> u64 {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["time_ms"].as_u64().unwrap()
    }

    fn answer(mut self, answer: &str) {
        self.stream.write_all(answer.as_bytes()).unwrap();
    }
}

fn options_for(sites: &[&Site], change: impl FnOnce(&mut Limits)) -> Options {
    let mut options = options();
    options.live.webhooks = sites
        .iter()
        .map(|site| site.url().parse().unwrap())
        .collect();
    change(&mut options.live.limits);
    options
}

fn start_for(site: &Site, change: impl FnOnce(&mut Limits)) -> TestServer {
    start_server(options_for(&[site], change), Recipe::default())
}

fn until(server: &TestServer, what: &str, is_so: impl Fn(&Stats) -> bool) {
    server.until(what, |hub| is_so(&hub.stats()));
}

fn occupied(channel: &str) -> Value {
    json!({"name": "channel_occupied", "channel": channel})
}

fn vacated(channel: &str) -> Value {
    json!({"name": "channel_vacated", "channel": channel})
}

/// Subscribes a new client.
fn subscriber(server: &TestServer, channel: &str) -> Client {
    let mut client = Client::connect(server);
    client.subscribed(channel, None);
    client
}

#[test]
fn the_site_is_told_of_channels_and_members_in_order() {
    let site = Site::new();
    let server = start_for(&site, |_| {});
    let mut client = Client::connect(&server);
    client.subscribed("presence-a", Some(r#"{"user_id":7}"#));
    // A topic of WAMP that is no channel.
    let _browser = server.subscriber("http://example.com/topic");
    let request = site.request();
    assert!(request.head.starts_with("POST /hook?site=1 HTTP/1.1\r\n"));
    assert_eq!(request.header("Host"), site.address.to_string());
    assert_eq!(request.header("Content-Type"), "application/json");
    assert_eq!(request.header("X-Pusher-Key"), "blog");
    let signature = app().sign(request.body.as_bytes());
    assert_eq!(request.header("X-Pusher-Signature"), signature);
    let member = |name| json!({"name": name, "channel": "presence-a", "user_id": "7"});
    assert_eq!(
        request.events(),
        [occupied("presence-a"), member("member_added")]
    );
    request.answer(ACCEPTED);
    drop(client);
    assert_eq!(
        site.events(2),
        [member("member_removed"), vacated("presence-a")]
    );
    until(&server, "all is sent", |stats| stats.webhooks_sent == 4);
    let stats = server.hub.stats();
    assert_eq!((stats.webhooks_failed, stats.webhooks_dropped), (0, 0));
    assert_eq!(stats.webhooks_queued, 0);
}

#[test]
fn webhooks_begin_and_end_with_the_option() {
    let site = Site::new();
    let server = start_server(options(), Recipe::default());
    let first = subscriber(&server, "first");
    let _second = server.subscriber("second");
    drop(first);
    server.until("the client has gone", |hub| {
        hub.subscriber_count("first") == 0
    });
    assert!(site.accept().is_none());
    let on = options_for(&[&site], |_| {});
    server.control.reload(on.live.clone()).unwrap();
    // What has been before is not told.
    assert_eq!(site.events(1), [occupied("second")]);
    until(&server, "it is sent", |stats| stats.webhooks_sent == 1);

    // A look without webhooks: it tells the number of subscribers.
    let mut off = options();
    off.live.subscription_counts = vec!["third".parse().unwrap()];
    server.control.reload(off.live).unwrap();
    let mut third = subscriber(&server, "third");
    assert_eq!(count(&mut third), 1);
    assert_eq!(server.hub.stats().webhooks_sent, 1);
    assert!(site.accept().is_none());

    let other = Site::new();
    let both = options_for(&[&other, &site], |_| {});
    server.control.reload(both.live).unwrap();
    for site in [&site, &other] {
        let mut channels: Vec<_> = site.events(2).iter().map(Value::to_string).collect();
        channels.sort();
        assert_eq!(
            channels,
            ["second", "third"].map(|name| occupied(name).to_string())
        );
    }
}

#[test]
fn a_request_that_fails_is_sent_again() {
    let site = Site::new();
    let server = start_for(&site, |_| {});
    let _client = subscriber(&server, "a");
    let first = site.request();
    let events = first.events();
    assert_eq!(events, [occupied("a")]);
    first.answer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    // Closed without an answer.
    let second = site.request();
    assert_eq!(second.events(), events);
    let second_ms = second.time_ms();
    drop(second);
    let third = site.request();
    assert_eq!(third.events(), events);
    assert!(
        third.time_ms() > second_ms,
        "a request that was sent again is as new"
    );
    third.answer(ACCEPTED);
    until(&server, "it is sent", |stats| stats.webhooks_sent == 1);
    let stats = server.hub.stats();
    assert_eq!((stats.webhooks_failed, stats.webhooks_dropped), (2, 0));
}

#[test]
fn a_redirect_is_a_failure() {
    let (site, other) = (Site::new(), Site::new());
    let server = start_for(&site, |limits| limits.webhook_retry_max = Duration::ZERO);
    let _client = subscriber(&server, "a");
    let location = other.url();
    site.request().answer(&format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ));
    until(&server, "it is dropped", |stats| {
        stats.webhooks_dropped == 1 && stats.webhooks_failed == 1
    });
    assert!(other.accept().is_none());
    // The next events are sent.
    let _next = subscriber(&server, "b");
    assert_eq!(site.events(1), [occupied("b")]);
}

#[test]
fn a_site_that_hangs_is_asked_again() {
    let site = Site::new();
    let server = start_for(&site, |limits| {
        limits.webhook_timeout = Duration::from_millis(100);
    });
    let _client = subscriber(&server, "a");
    let hanging = site.request();
    let again = site.request();
    assert_eq!(again.events(), hanging.events());
    // This one begins its answer, and never ends it.
    let mut stream = again.stream;
    stream
        .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nO")
        .unwrap();
    until(&server, "it is sent", |stats| stats.webhooks_sent == 1);
    assert_eq!(server.hub.stats().webhooks_failed, 1);
    let _next = subscriber(&server, "b");
    assert_eq!(site.events(1), [occupied("b")]);
}

#[test]
fn events_wait_in_order_and_the_oldest_are_dropped_at_the_limit() {
    let (site, quick) = (Site::new(), Site::new());
    let both = options_for(&[&site, &quick], |limits| limits.webhook_events_max = 3);
    let server = start_server(both, Recipe::default());
    let mut clients = vec![subscriber(&server, "0")];
    let slow = site.request();
    for number in 1..=5 {
        clients.push(subscriber(&server, &number.to_string()));
        // The other URL does not wait for this one.
        while quick.events(1) != [occupied(&number.to_string())] {}
    }
    until(&server, "two are dropped", |stats| {
        stats.webhooks_dropped == 2
    });
    assert!(site.accept().is_none(), "one request at a time");
    assert_eq!(slow.events(), [occupied("0")]);
    slow.answer(ACCEPTED);
    let request = site.request();
    let last = ["3", "4", "5"].map(occupied);
    assert_eq!(request.events(), last);
    request.answer(ACCEPTED);
    until(&server, "all is sent", |stats| {
        (stats.webhooks_sent, stats.webhooks_queued) == (4 + 6, 0)
    });
}

#[test]
fn the_site_gets_the_last_events_at_shutdown() {
    let site = Site::new();
    let mut server = start_for(&site, |_| {});
    let _client = subscriber(&server, "a");
    server.begin_end();
    // That the browser leaves is not told: it comes back to the next server.
    assert_eq!(site.events(1), [occupied("a")]);
    server.end();
    assert!(site.accept().is_none());
}

#[test]
fn a_site_that_hangs_does_not_stop_the_shutdown() {
    let site = Site::new();
    let mut server = start_for(&site, |limits| {
        limits.flush_timeout = Duration::from_millis(100);
        limits.webhook_timeout = NEVER;
    });
    let _client = subscriber(&server, "a");
    let _hanging = site.request();
    server.end();
}

#[test]
fn webhooks_need_an_application_and_are_few() {
    let site = Site::new();
    let mut options = options_for(&[&site; 4], |_| {});
    assert!(options.check().is_ok());
    options.live.webhooks.push(site.url().parse().unwrap());
    let text = options.check().unwrap_err().to_string();
    assert!(text.contains("5 URLs, at most 4"), "{text}");
    options.live.webhooks.truncate(1);
    options.live.channels_app = None;
    let text = options.check().unwrap_err().to_string();
    assert!(text.contains("needs pusher-app"), "{text}");
}

/// Returns the next number of subscribers.
fn count(client: &mut Client) -> u64 {
    let (event, data) = client.data();
    assert_eq!(event, "pusher_internal:subscription_count");
    data["subscription_count"].as_u64().unwrap()
}

#[test]
fn subscribers_are_told_how_many_they_are() {
    let mut options = options();
    options.live.subscription_counts = vec!["o*".parse().unwrap(), "presence-*".parse().unwrap()];
    let server = start_server(options, Recipe::default());
    let mut first = subscriber(&server, "orders");
    assert_eq!(count(&mut first), 1);
    let mut second = subscriber(&server, "orders");
    assert_eq!(count(&mut second), 2);
    assert_eq!(count(&mut first), 2);
    // Counts, and gets events only.
    let mut browser = server.subscriber("orders");
    assert_eq!(count(&mut first), 3);
    assert_eq!(count(&mut second), 3);
    drop(second);
    assert_eq!(count(&mut first), 2);
    // Other channels, and those with members, are not told.
    let mut other = Client::connect(&server);
    other.subscribed("news", None);
    other.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    let _fourth = subscriber(&server, "orders");
    assert_eq!(count(&mut first), 3);
    other.barrier();
    server.hub.publish("orders", "1").unwrap();
    assert_eq!(first.message()["event"], "message");
    assert_eq!(browser.message(), json!([8, "orders", 1]).to_string());
    assert_eq!(
        server.hub.stats().events.total(),
        1 + 1,
        "an event, and a new member"
    );
}

#[cfg(unix)]
#[test]
fn the_site_is_told_nothing_twice_because_of_a_hand_over() {
    let site = Site::new();
    let server = start_for(&site, |_| {});
    let client = subscriber(&server, "first");
    assert_eq!(site.events(1), [occupied("first")]);
    until(&server, "it is sent", |stats| stats.webhooks_sent == 1);
    let options = || options_for(&[&site], |_| {});
    let server = server.hand_over(options(), Recipe::default());
    let _second = subscriber(&server, "second");
    // This one is not answered: the next server sends it again.
    let unanswered = site.request();
    assert_eq!(unanswered.events(), [occupied("second")]);
    let server = server.hand_over(options(), Recipe::default());
    assert_eq!(site.events(1), [occupied("second")]);
    drop(client);
    assert_eq!(site.events(1), [vacated("first")]);
    drop(server);
}
