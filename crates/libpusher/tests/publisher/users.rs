//! Revocation and presence.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use pusher::Error;
use pusher::c_api::codes::*;
use pusher::c_api::users::*;
use pusher_proto::native::FromPublisher;

use crate::client::{Client, last_error};
use crate::fake_server::{FakeServer, Peer};

/// Answers each request with `answer`, in which `N` is its number.
fn serve(peer: &mut Peer, answer: &str) -> io::Result<()> {
    peer.welcome()?;
    loop {
        let line = peer.read_line()?;
        let request = match FromPublisher::decode(&line).unwrap() {
            FromPublisher::Revoke { request, .. } | FromPublisher::Presence { request, .. } => {
                request
            }
            other => panic!("neither REVOKE nor PRESENCE: {other:?}"),
        };
        peer.write(answer.replace('N', &request.to_string()))?;
    }
}

fn answering(answer: &'static str) -> FakeServer {
    FakeServer::tcp(move |_, peer| serve(peer, answer))
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

#[test]
fn a_revocation_has_the_time_of_this_machine() {
    let before = now_s();
    let server = FakeServer::tcp(move |_, peer| {
        peer.welcome()?;
        let line = peer.read_line()?;
        let FromPublisher::Revoke {
            request,
            sub,
            before_s,
        } = FromPublisher::decode(&line).unwrap()
        else {
            panic!("not a REVOKE: {line}");
        };
        assert_eq!(sub, "猫 \"7\"");
        assert!((before..=now_s()).contains(&before_s.unwrap()), "{line}");
        peer.write(format!("[11,{request},3]\n"))
    });
    assert_eq!(server.publisher().revoke("猫 \"7\"").unwrap(), 3);
}

#[test]
fn members_are_passed_on() {
    let server =
        answering("[13,N,2,[{\"sub\":\"7\",\"info\":{\"name\":\"Ann\"}},{\"sub\":\"9\"}]]\n");
    let presence = server.publisher().presence("chat").unwrap();
    assert_eq!(presence.count, 2);
    let text =
        "{\"count\":2,\"members\":[{\"sub\":\"7\",\"info\":{\"name\":\"Ann\"}},{\"sub\":\"9\"}]}";
    assert_eq!(presence.to_string(), text);
}

/// 100 members with the longest `sub`, of which each byte takes six as JSON, and the longest `info`.
fn largest_presence() -> String {
    let member = format!(
        "{{\"sub\":\"{}\",\"info\":\"{}\"}}",
        "\\u0001".repeat(255),
        "i".repeat(2046)
    );
    format!("[{}]", vec![member; 100].join(","))
}

#[test]
fn the_largest_presence_fits() {
    let members = largest_presence();
    let server = FakeServer::unix({
        let answer = format!("[13,N,{},{members}]\n", u64::MAX);
        move |_, peer| serve(peer, &answer)
    });
    let presence = server.publisher().presence("chat").unwrap();
    assert_eq!((presence.count, &presence.members), (u64::MAX, &members));
    assert!(presence.to_string().len() < PUSH_PRESENCE_SIZE);
}

/// The connection ends after the request was read.
#[test]
fn a_lost_answer_is_asked_for_again() {
    for (answer, ask) in [
        (
            "[11,N,1]\n",
            (|publisher| publisher.revoke("7").map(|_| ())) as fn(&mut pusher::Publisher) -> _,
        ),
        ("[13,N,0,[]]\n", |publisher| {
            publisher.presence("t").map(|_| ())
        }),
    ] {
        let server = FakeServer::tcp(move |index, peer| {
            if index > 0 {
                return serve(peer, answer);
            }
            peer.welcome()?;
            peer.serve_one()?;
            peer.read_line().map(|_| ())
        });
        let mut publisher = server.publisher();
        publisher.publish("t", "1").unwrap();
        let answered: Result<(), Error> = ask(&mut publisher);
        answered.unwrap();
        assert_eq!(server.connection_count(), 2);
    }
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let server = answering("");
    let mut publisher = server.publisher();
    for sub in ["", &"s".repeat(256)] {
        let error = publisher.revoke(sub).unwrap_err();
        assert_eq!(error.code(), PUSH_EINVAL, "{error}");
        assert!(error.is_callers_mistake() && !error.may_be_published());
    }
    for topic in ["", &"t".repeat(1025)] {
        let error = publisher.presence(topic).unwrap_err();
        assert_eq!(error.code(), PUSH_ETOPIC, "{error}");
        assert!(error.is_callers_mistake() && !error.may_be_published());
    }
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn refusals_have_their_codes() {
    for (name, code) in [
        ("unknown_type", PUSH_EREFUSED),
        ("presence_off", PUSH_EREFUSED),
        ("overloaded", PUSH_EBUSY),
        ("log_unavailable", PUSH_EUNAVAILABLE),
        ("denied", PUSH_EREFUSED),
    ] {
        let answer = format!("[5,N,\"{name}\",\"because\"]\n");
        let server = answering(answer.leak());
        for error in [
            server.publisher().revoke("7").unwrap_err(),
            server.publisher().presence("t").unwrap_err(),
        ] {
            assert_eq!(error.code(), code, "{error}");
            let text = error.to_string();
            assert!(text.contains("because"), "{text}");
            assert!(!text.contains("the event"), "{text}");
            assert_eq!(text.contains("too old"), name == "unknown_type", "{text}");
            assert!(!error.may_be_published() && !error.is_callers_mistake());
        }
    }
}

#[test]
fn mistakes_that_only_pushd_finds_are_the_callers() {
    let server = answering("[5,N,\"bad_sub\",\"because\"]\n");
    let error = server.publisher().revoke("7").unwrap_err();
    assert_eq!(error.code(), PUSH_EINVAL, "{error}");
    assert!(error.is_callers_mistake());
    let server = answering("[5,N,\"bad_topic\",\"because\"]\n");
    let error = server.publisher().presence("t").unwrap_err();
    assert_eq!(error.code(), PUSH_ETOPIC, "{error}");
    assert!(error.is_callers_mistake());
}

#[test]
fn invalid_answers_are_recognized() {
    for (answer, part) in [
        ("[11,N]\n", "no sessions"),
        ("[11,4711,1]\n", "4711"),
        ("[11,N,-1]\n", "invalid value"),
        ("[13,N,1,[]]\n", "members, expected was an answer to REVOKE"),
    ] {
        let error = answering(answer).publisher().revoke("7").unwrap_err();
        assert_eq!(error.code(), PUSH_EPROTOCOL, "{error}");
        assert!(error.to_string().contains(part), "{answer}: {error}");
    }
    for (answer, part) in [
        ("[13,N,1]\n", "no members"),
        ("[13,N,1,{}]\n", "the members are not a list"),
        ("[13,4711,1,[]]\n", "4711"),
        ("[11,N,1]\n", "an answer to REVOKE, expected was members"),
    ] {
        let error = answering(answer).publisher().presence("t").unwrap_err();
        assert_eq!(error.code(), PUSH_EPROTOCOL, "{error}");
        assert!(error.to_string().contains(part), "{answer}: {error}");
    }
}

fn revoke(client: &Client, sub: &str) -> c_int {
    let sub = CString::new(sub).unwrap();
    // SAFETY: the client lives, and the text ends with a NUL.
    unsafe { push_client_revoke(client.0, sub.as_ptr()) }
}

/// Calls `push_client_presence` with a buffer of which `size` bytes may be written.
fn presence(client: &Client, size: usize) -> (c_int, Vec<u8>) {
    let mut out = vec![b'x'; size + 1];
    // SAFETY: the client lives, the text ends with a NUL, and the buffer is at least this large.
    let result = unsafe {
        push_client_presence(
            client.0,
            c"chat".as_ptr(),
            out.as_mut_ptr().cast::<c_char>(),
            size,
        )
    };
    (result, out)
}

#[test]
fn a_revocation_in_c_returns_the_sessions() {
    for (answer, sessions) in [
        ("[11,N,0]\n", 0),
        ("[11,N,3]\n", 3),
        ("[11,N,2147483647]\n", c_int::MAX - 1),
        ("[11,N,18446744073709551615]\n", c_int::MAX - 1),
    ] {
        let server = answering(answer);
        let client = Client::of(&server, |_| {});
        assert_eq!(revoke(&client, "7"), sessions, "{}", last_error());
        assert_eq!(revoke(&client, ""), PUSH_EINVAL);
        assert!(last_error().contains("sub is 0 bytes long"));
    }
}

#[test]
fn presence_in_c_is_a_text_that_fits() {
    let server = answering("[13,N,1,[{\"sub\":\"猫\"}]]\n");
    let client = Client::of(&server, |_| {});
    let text = "{\"count\":1,\"members\":[{\"sub\":\"猫\"}]}";
    let (result, out) = presence(&client, text.len() + 1);
    assert_eq!(result, text.len() as c_int, "{}", last_error());
    let written = CStr::from_bytes_until_nul(&out).unwrap();
    assert_eq!(written.to_str().unwrap(), text);
    assert_eq!(out[text.len() + 1], b'x', "not behind the size");
    for size in [text.len(), 1, 0] {
        let (result, out) = presence(&client, size);
        assert_eq!(result, PUSH_ETOOBIG);
        let needed = format!("{} bytes", text.len() + 1);
        assert!(last_error().contains(&needed), "{}", last_error());
        assert!(out.iter().all(|byte| *byte == b'x'));
    }
}

#[test]
fn null_is_an_error() {
    let server = answering("[13,N,0,[]]\n");
    let client = Client::of(&server, |_| {});
    let mut out = [0; 64];
    let size = out.len();
    // SAFETY: NULL is allowed.
    unsafe {
        assert_eq!(push_client_revoke(client.0, ptr::null()), PUSH_EINVAL);
        assert!(last_error().contains("sub is NULL"));
        assert_eq!(
            push_client_revoke(ptr::null_mut(), c"7".as_ptr()),
            PUSH_EINVAL
        );
        let ask = |client, topic, out| push_client_presence(client, topic, out, size);
        let topic = c"t".as_ptr();
        let out = out.as_mut_ptr();
        assert_eq!(ask(ptr::null_mut(), topic, out), PUSH_EINVAL);
        assert_eq!(ask(client.0, ptr::null(), out), PUSH_EINVAL);
        assert_eq!(ask(client.0, topic, ptr::null_mut()), PUSH_EINVAL);
        assert!(last_error().contains("out is NULL"));
        assert!(ask(client.0, topic, out) > 0);
    }
}
