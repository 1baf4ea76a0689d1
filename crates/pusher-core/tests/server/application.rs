//! The `Application` trait: decisions and actions of an embedding program.

use std::sync::{Arc, Mutex};

use pusher_core::{
    Application, Call, Limits, Recipe, Recipients, Refusal, Request, Session, SessionId,
};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

use crate::support::{Browser, TestServer, connect, start_with};

/// Records all callbacks, and decides by simple rules.
#[derive(Default)]
struct Diary {
    lines: Mutex<Vec<String>>,
    waiting: Mutex<Vec<Call>>,
}

impl Diary {
    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }
}

impl Application for Diary {
    fn accept(&self, request: &Request) -> Result<(), Refusal> {
        if request.path() == "/members" && request.header("Cookie").is_none() {
            return Err(Refusal {
                status: 403,
                reason: "log in first".to_owned(),
            });
        }
        Ok(())
    }

    fn opened(&self, session: &Session, request: &Request) {
        let query = request.query().unwrap_or("-");
        self.write(format!("opened {} {query}", request.path()));
        session.send_event("hello", "\"you\"").unwrap();
    }

    fn closed(&self, _: &Session) {
        self.write("closed".to_owned());
    }

    fn may_subscribe(&self, _: &Session, topic: &str) -> bool {
        topic != "secret"
    }

    fn unsubscribed(&self, _: &Session, topic: &str) {
        self.write(format!("unsubscribed {topic}"));
    }

    fn call(&self, call: Call) {
        match call.proc_uri() {
            "http://calc#add" => {
                let sum: i64 = (0..call.arguments().len())
                    .map(|index| call.argument::<i64>(index).unwrap_or(0))
                    .sum();
                call.result(&sum);
            }
            "fail" => call.error_with_details("http://e#1", "no", &["a", "b"]),
            "fail without details" => call.error_with_details("http://e#1", "no", &()),
            "forget" => drop(call),
            "later" => self.waiting.lock().unwrap().push(call),
            other => {
                let uri = other.to_owned();
                call.error(&uri, "unknown");
            }
        }
    }

    fn may_publish(&self, _: &Session, topic: &str, _: &str) -> bool {
        topic.starts_with("open")
    }
}

fn start() -> (TestServer, Arc<Diary>) {
    let diary = Arc::new(Diary::default());
    (start_with(Limits::default(), diary.clone()), diary)
}

fn greeted(server: &TestServer) -> Browser {
    let mut browser = server.browser();
    assert_eq!(browser.message(), r#"[8,"hello","you"]"#);
    browser
}

#[test]
fn sessions_are_reported() {
    let (server, diary) = start();
    let browser = Browser::connect_with(server.public, "/members?a=b", &[("Cookie", "x=y")]);
    server.until("the session is known", |hub| hub.session_count() == 1);
    drop(browser);
    server.until("the session has ended", |_| {
        diary.lines.lock().unwrap().len() == 2
    });
    assert_eq!(
        *diary.lines.lock().unwrap(),
        ["opened /members a=b", "closed"]
    );
}

#[test]
fn application_can_refuse_handshake() {
    let (server, diary) = start();
    let url = format!("ws://{}/members", server.public);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", "wamp".parse().unwrap());
    let refused = tungstenite::client(request, connect(server.public)).unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
    assert!(diary.lines.lock().unwrap().is_empty());
}

#[test]
fn refused_subscription_gets_no_answer() {
    let (server, diary) = start();
    let mut browser = greeted(&server);
    browser.subscribe("secret");
    browser.subscribe("free");
    assert_eq!(server.hub.topics(), [("free".into(), 1)]);
    browser.send(r#"[6,"secret"]"#);
    browser.send(r#"[6,"free"]"#);
    browser.barrier();
    assert_eq!(diary.lines.lock().unwrap()[1..], ["unsubscribed free"]);
}

#[test]
fn calls_are_answered() {
    let (server, diary) = start();
    let mut browser = greeted(&server);
    browser.send(r#"[1,"calc","http://calc#"]"#);
    for (call, answer) in [
        (r#"[2,"a","calc:add",1,2,39]"#, r#"[3,"a",42]"#),
        (r#"[2,7,"calc:add"]"#, "[3,7,0]"),
        (
            r#"[2,"b","fail"]"#,
            r#"[4,"b","http://e#1","no",["a","b"]]"#,
        ),
        (
            r#"[2,"b","fail without details"]"#,
            r#"[4,"b","http://e#1","no"]"#,
        ),
        (r#"[2,"b","what"]"#, r#"[4,"b","what","unknown"]"#),
        (
            r#"[2,"b","forget"]"#,
            r#"[4,"b","http://api.wamp.ws/error#generic","the procedure gave no answer"]"#,
        ),
    ] {
        browser.send(call);
        assert_eq!(browser.message(), answer, "{call}");
    }
    browser.send(r#"[2,"slow","later"]"#);
    browser.send(r#"[2,"fast","calc:add",1]"#);
    assert_eq!(browser.message(), r#"[3,"fast",1]"#);
    let call = diary.waiting.lock().unwrap().remove(0);
    call.result(&"at last");
    assert_eq!(browser.message(), r#"[3,"slow","at last"]"#);
}

#[test]
fn browsers_publish_only_where_allowed() {
    let (server, _diary) = start();
    let mut browsers: Vec<_> = (0..3).map(|_| greeted(&server)).collect();
    for browser in &mut browsers {
        browser.subscribe("open");
    }
    let ids: Vec<_> = browsers.iter().map(|b| b.session_id.clone()).collect();
    let (a, b) = (&ids[0], &ids[1]);
    for (recipients, meant) in [
        (String::new(), [true, true, true]),
        (",false".to_owned(), [true, true, true]),
        (",true".to_owned(), [false, true, true]),
        (format!(",[\"{b}\"]"), [true, false, true]),
        (format!(",[],[\"{a}\",\"{b}\"]"), [true, true, false]),
        (
            format!(",[\"{a}\"],[\"{a}\",\"{b}\"]"),
            [false, true, false],
        ),
        (",[],[]".to_owned(), [true, true, true]),
        (
            ",[\"nobody\"],[\"nobody\"]".to_owned(),
            [false, false, false],
        ),
    ] {
        browsers[0].send(&format!("[7,\"open\",\"hi\"{recipients}]"));
        browsers[0].send("[7,\"open\",\"end\"]");
        for (index, browser) in browsers.iter_mut().enumerate() {
            if meant[index] {
                assert_eq!(browser.message(), r#"[8,"open","hi"]"#, "{recipients}");
            }
            assert_eq!(
                browser.message(),
                r#"[8,"open","end"]"#,
                "{recipients} {index}"
            );
        }
    }
    browsers[0].send(r#"[7,"closed","hi"]"#);
    assert_eq!(browsers[0].close_code(), 1008);
}

#[test]
fn program_publishes_and_closes_sessions() {
    let (server, _diary) = start();
    let hub = &server.hub;
    let mut one = greeted(&server);
    let mut two = greeted(&server);
    one.subscribe("t");
    two.subscribe("t");
    let id = SessionId::parse(&one.session_id).unwrap();
    let recipients = Recipients {
        eligible: Some(vec![id]),
        ..Recipients::default()
    };
    hub.publish_to("t", "1", recipients).unwrap();
    assert_eq!(hub.publish("t", "2").unwrap().subscribers, 2);
    assert_eq!(one.message(), r#"[8,"t",1]"#);
    assert_eq!(one.message(), r#"[8,"t",2]"#);
    assert_eq!(two.message(), r#"[8,"t",2]"#);
    for (topic, event) in [("", "1"), ("t", "{"), ("t", "1 2")] {
        assert!(hub.publish(topic, event).is_err(), "{topic:?} {event}");
    }
    assert_eq!((hub.session_count(), hub.sessions().len()), (2, 2));
    assert_eq!((hub.topic_count(), hub.subscriber_count("t")), (1, 2));
    assert!(hub.subscribers("t").contains(&hub.session(id).unwrap()));
    assert_eq!(
        (hub.subscribers("t").len(), hub.subscribers("u").len()),
        (2, 0)
    );
    let session = hub.session(id).unwrap();
    assert!(session.peer_addr().ip().is_loopback());
    session.close(3001, "enough");
    assert_eq!(one.close_code(), 3001);
    server.until("the session has ended", |hub| hub.session(id).is_none());
    session.send_event("t", "3").unwrap();
}

#[test]
fn recipe_lets_browsers_publish_to_open_topics() {
    let patterns = vec!["open/*".parse().unwrap()];
    let server = start_with(Limits::default(), Recipe::with_client_publish(patterns));
    let mut listener = server.subscriber("open/1");
    let mut browser = server.browser();
    browser.send(r#"[7,"open/1","hi"]"#);
    assert_eq!(listener.message(), r#"[8,"open/1","hi"]"#);
    browser.send(r#"[7,"closed","hi"]"#);
    assert_eq!(browser.close_code(), 1008);
}
