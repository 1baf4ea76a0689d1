//! Events that one session does not get.

use std::path::Path;

use pusher_core::{Options, PublishRefusal, Recipe};
use pusher_proto::spool::{Record, encode};
use serde_json::json;

use crate::channels::{self, Client as ChannelsClient};
use crate::ids::post;
use crate::spool::{leave, record};
use crate::support::{Browser, Publisher, TestServer, start_server};
use crate::wamp2::Client as Wamp2Client;

fn options(spool_dir: Option<&Path>) -> Options {
    let mut options = channels::options();
    options.spool_dir = spool_dir.map(Path::to_owned);
    options
}

fn start(spool_dir: Option<&Path>) -> TestServer {
    start_server(options(spool_dir), Recipe::default())
}

/// A subscriber of `t` for each form of a session's name.
struct Pages {
    wamp: Browser,
    channels: ChannelsClient,
    wamp2: Wamp2Client,
}

impl Pages {
    fn open(server: &TestServer) -> Self {
        let mut channels = ChannelsClient::connect(server);
        channels.subscribed("t", None);
        Self {
            wamp: server.subscriber("t"),
            channels,
            wamp2: Wamp2Client::subscriber(server, "t").0,
        }
    }

    /// The names of the sessions.
    fn names(&self) -> [String; 3] {
        [
            self.wamp.session_id.clone(),
            self.channels.socket_id.to_string(),
            self.wamp2.session.to_string(),
        ]
    }

    /// Reads the next event of each page, except for the page with this index, which must not get one.
    fn expect_but(&mut self, excluded: usize, event: u64) {
        match excluded {
            0 => self.wamp.barrier(),
            _ => assert_eq!(self.wamp.message(), format!("[8,\"t\",{event}]")),
        }
        match excluded {
            1 => self.channels.barrier(),
            _ => assert_eq!(self.channels.data().1, json!(event)),
        }
        match excluded {
            2 => self.wamp2.barrier(),
            _ => assert_eq!(self.wamp2.message()[4], json!([event])),
        }
    }
}

/// Publishes, and returns the answer.
fn publish_except(publisher: &mut Publisher, event: u64, exclude: &str) -> String {
    publisher.send(&format!("[14,1,\"t\",{event},{exclude}]"));
    publisher.line()
}

#[test]
fn a_page_of_each_protocol_can_be_excluded() {
    let server = start(None);
    let mut pages = Pages::open(&server);
    let mut publisher = server.publisher();
    for (index, name) in pages.names().iter().enumerate() {
        let event = index as u64 + 1;
        let answer = publish_except(&mut publisher, event, &format!("\"{name}\""));
        assert_eq!(answer, format!("[4,1,{event},3]"));
        pages.expect_but(index, event);
    }
    // The number of a WAMP v2 session, as a number.
    let number = pages.wamp2.session.to_string();
    assert_eq!(publish_except(&mut publisher, 4, &number), "[4,1,4,3]");
    pages.expect_but(2, 4);
    // A page that is gone.
    publish_except(&mut publisher, 5, "\"1.2\"");
    pages.expect_but(usize::MAX, 5);
}

#[test]
fn http_publishes_exclude_a_session() {
    let server = start(None);
    let mut pages = Pages::open(&server);
    for (index, name) in pages.names().iter().enumerate() {
        let header = format!("Pushd-Exclude: {name}\r\n");
        let receipt = post(&server, &header, &index.to_string());
        assert!(receipt.contains("\"subscribers\":3,"), "{receipt}");
        pages.expect_but(index, index as u64);
    }
}

#[test]
fn a_name_in_no_form_is_refused() {
    let server = start(None);
    let mut publisher = server.publisher();
    for exclude in [
        "\"\"",
        "\"undefined\"",
        "0",
        "9007199254740993",
        "\"1.2.3\"",
    ] {
        let answer = publish_except(&mut publisher, 1, exclude);
        let refused = r#"[5,1,"bad_exclude","a session is 32 hexadecimal digits"#;
        assert!(answer.starts_with(refused), "{exclude}: {answer}");
    }
    for headers in [
        "Pushd-Exclude: null\r\n",
        "Pushd-Exclude:\r\n",
        "Pushd-Exclude: 1.2\r\nPushd-Exclude: 1.2\r\n",
    ] {
        let answer = post(&server, headers, "1");
        assert!(answer.contains("Pushd-Exclude"), "{headers}: {answer}");
    }
    let stats = server.hub.stats();
    assert_eq!(stats.publishes_refused.get(PublishRefusal::BadExclude), 7);
    assert_eq!(stats.events.total(), 0);
}

/// The receipt of the first event is the answer, so the second one is not published for others either.
#[test]
fn ids_are_those_of_other_publishes() {
    let server = start(None);
    let mut page = server.subscriber("t");
    let mut publisher = server.publisher();
    let name = page.session_id.clone();
    publisher.send(&format!(
        "[14,1,\"t\",1,\"{name}\",{{\"id\":\"x\"}}][3,2,\"t\",2,{{\"id\":\"x\"}}]"
    ));
    assert_eq!(publisher.line(), "[4,1,1,1]");
    assert_eq!(publisher.line(), "[4,2,1,1]");
    page.barrier();
}

#[test]
fn an_event_of_the_spool_excludes_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(Some(folder.path()));
    let mut pages = Pages::open(&server);
    let names = pages.names();
    for (index, name) in names.iter().enumerate() {
        let (id, event) = (index.to_string(), index.to_string());
        let record = Record {
            exclude: Some(name.into()),
            ..record(&id, &event)
        };
        leave(folder.path(), &encode(&record));
        let mut publisher = server.publisher();
        publisher.send("[8,1]");
        assert_eq!(publisher.line(), "[9,1]");
        pages.expect_but(index, index as u64);
    }
    let record = Record {
        exclude: Some("nobody".into()),
        ..record("bad", "1")
    };
    leave(folder.path(), &encode(&record));
    let mut publisher = server.publisher();
    publisher.send("[8,1]");
    assert_eq!(publisher.line(), "[9,1]");
    assert_eq!(server.hub.stats().spool_refused, 1);
}

/// The session subscribes after the hand-over, and reads the events from the log.
#[test]
fn the_exclusion_outlives_a_hand_over() {
    let options = || {
        let mut options = options(None);
        options.live.replay_on_subscribe = vec![("t".parse().unwrap(), 2)];
        options
    };
    let server = start_server(options(), Recipe::default());
    let (mut one, mut other) = (Wamp2Client::connect(&server), server.browser());
    let mut publisher = server.publisher();
    publish_except(&mut publisher, 1, &one.session.to_string());
    publish_except(&mut publisher, 2, &format!("\"{}\"", other.session_id));
    let _server = server.hand_over(options(), Recipe::default());
    one.subscribe("t");
    assert_eq!(one.message()[4], json!([2]));
    one.barrier();
    other.send(r#"[5,"t"]"#);
    assert_eq!(other.message(), r#"[8,"t",1]"#);
    other.barrier();
}
