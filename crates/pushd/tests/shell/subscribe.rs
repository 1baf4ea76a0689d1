//! `pushd subscribe` with the subprotocol `pushd.1`.

use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

use crate::support::{Ended, pushd, server};

/// The server's end of a session.
struct Session(WebSocket<TcpStream>);

impl Session {
    /// Accepts a WebSocket with this subprotocol, and sends WELCOME.
    #[expect(
        clippy::result_large_err,
        reason = "tungstenite defines the callback's error"
    )]
    fn accept(stream: TcpStream, subprotocol: &'static str) -> Self {
        let choose = |request: &Request, mut response: Response| {
            let offer = request.headers()["sec-websocket-protocol"]
                .to_str()
                .unwrap();
            assert_eq!(offer, "pushd.1, wamp");
            let chosen = HeaderValue::from_static(subprotocol);
            response
                .headers_mut()
                .insert("sec-websocket-protocol", chosen);
            Ok(response)
        };
        let mut session = Self(accept_hdr(stream, choose).unwrap());
        session.send(&[r#"[0,"id",1,"fake"]"#, "[12,25000,10]"]);
        session
    }

    /// Reads a SUBSCRIBE, writes the answer, and then answers the ping behind it.
    fn answer(&mut self, subscribe: &str, messages: &[&str]) {
        let read = self.0.read().unwrap();
        assert_eq!(read.to_text().unwrap(), subscribe);
        self.send(messages);
        assert!(matches!(self.0.read().unwrap(), Message::Ping(_)));
        self.0.flush().unwrap();
    }

    fn send(&mut self, messages: &[&str]) {
        for message in messages {
            self.0.send(Message::text(*message)).unwrap();
        }
    }

    /// Reads until the client closes.
    fn until_closed(mut self) {
        while self.0.read().is_ok() {}
    }
}

fn subscribe(address: SocketAddr, words: &[&str]) -> Ended {
    let url = format!("--url=ws://{address}/");
    pushd(&[&["subscribe", "t", &url], words].concat())
}

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A panic of the script closes the connection: the command then connects again, and its output is wrong.
fn with_recovery(script: impl Fn(usize, &mut Session) + Send + Sync + 'static) -> SocketAddr {
    server(move |index, stream| {
        let mut session = Session::accept(stream, "pushd.1");
        script(index, &mut session);
        session.until_closed();
    })
}

#[test]
fn a_subscription_begins_behind_the_given_position() {
    let address = with_recovery(|_, session| {
        session.answer(
            r#"[5,"t",{"since":"6d1f3c5a9be02478-12"}]"#,
            &[
                r#"[9,"t","6d1f3c5a9be02478-17",true,2]"#,
                r#"[8,"t",{"n":1},14]"#,
                r#"[8,"t",{"n":2},17]"#,
            ],
        );
        session.send(&[r#"[99,"of a later version"]"#, r#"[8,"t",3,21]"#]);
    });
    let words = ["--since=6d1f3c5a9be02478-12", "--count=3", "--json"];
    let ended = subscribe(address, &words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        lines(&ended),
        [
            json!({"topic": "t", "event": {"n": 1}, "position": "6d1f3c5a9be02478-14"}),
            json!({"topic": "t", "event": {"n": 2}, "position": "6d1f3c5a9be02478-17"}),
            json!({"topic": "t", "event": 3, "position": "6d1f3c5a9be02478-21"}),
        ]
    );
    assert_eq!(
        ended.stderr,
        format!("pushd: subscribed at ws://{address}/\n")
    );
}

#[test]
fn a_lost_connection_loses_no_event() {
    let address = with_recovery(|index, session| match index {
        0 => {
            session.answer(r#"[5,"t"]"#, &[r#"[9,"t","6d1f3c5a9be02478-17",true,0]"#]);
            session.send(&[r#"[8,"t",1,21]"#]);
            session
                .0
                .get_ref()
                .shutdown(std::net::Shutdown::Both)
                .unwrap();
        }
        1 => {
            // The connection is lost in the middle of the replay.
            session.answer(
                r#"[5,"t",{"since":"6d1f3c5a9be02478-21"}]"#,
                &[r#"[9,"t","6d1f3c5a9be02478-40",true,2]"#, r#"[8,"t",2,30]"#],
            );
            session
                .0
                .get_ref()
                .shutdown(std::net::Shutdown::Both)
                .unwrap();
        }
        _ => session.answer(
            r#"[5,"t",{"since":"6d1f3c5a9be02478-30"}]"#,
            &[
                r#"[9,"t","6d1f3c5a9be02478-40",true,1]"#,
                r#"[8,"t",2,30]"#,
                r#"[8,"t",3,40]"#,
            ],
        ),
    });
    let ended = subscribe(address, &["--count=3"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "t\t1\nt\t2\nt\t3\n");
    let again = format!("pushd: subscribed again at ws://{address}/\n");
    assert_eq!(ended.stderr.matches(&again).count(), 2, "{}", ended.stderr);
    assert!(!ended.stderr.contains("gap"), "{}", ended.stderr);
}

#[test]
fn a_gap_is_reported() {
    let address = with_recovery(|index, session| match index {
        0 => {
            session.answer(
                r#"[5,"t",{"since":"0000000000000000-3"}]"#,
                &[r#"[9,"t","6d1f3c5a9be02478-17",false,0]"#],
            );
            session.send(&[r#"[8,"t",1,21]"#, r#"[10,"t","6d1f3c5a9be02478-5012"]"#]);
            session
                .0
                .get_ref()
                .shutdown(std::net::Shutdown::Both)
                .unwrap();
        }
        _ => session.answer(
            r#"[5,"t",{"since":"6d1f3c5a9be02478-5012"}]"#,
            &[
                r#"[9,"t","6d1f3c5a9be02478-5013",true,1]"#,
                r#"[8,"t",2,5013]"#,
            ],
        ),
    });
    let ended = subscribe(address, &["--since=0000000000000000-3", "--count=2"]);
    assert_eq!((ended.code, &*ended.stdout), (0, "t\t1\nt\t2\n"));
    for position in ["6d1f3c5a9be02478-17", "6d1f3c5a9be02478-5012"] {
        let line = format!("pushd: gap: events of t before {position} are missing\n");
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    }
}

#[test]
fn a_server_without_recovery_has_no_positions() {
    let address = server(|index, stream| {
        let mut session = Session::accept(stream, "wamp");
        session.answer(r#"[5,"t"]"#, &[r#"[8,"t",1]"#]);
        match index {
            0 => session
                .0
                .get_ref()
                .shutdown(std::net::Shutdown::Both)
                .unwrap(),
            _ => session.until_closed(),
        }
    });
    let ended = subscribe(address, &["--count=2", "--json"]);
    assert_eq!(ended.code, 0);
    assert_eq!(
        lines(&ended),
        [(); 2].map(|()| json!({"topic": "t", "event": 1}))
    );
    let part = "events that were published meanwhile are missing";
    assert!(ended.stderr.contains(part), "{}", ended.stderr);
}

#[test]
fn a_position_needs_a_server_with_recovery() {
    let address = server(|_, stream| {
        let mut session = Session::accept(stream, "wamp");
        session.answer(r#"[5,"t"]"#, &[]);
        session.until_closed();
    });
    let ended = subscribe(address, &["--since=6d1f3c5a9be02478-12"]);
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    assert!(ended.stderr.contains("has no recovery"), "{}", ended.stderr);
}
