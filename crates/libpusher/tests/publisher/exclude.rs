//! Events that one session does not get.

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::client::{Client, last_error};
use crate::fake_server::FakeServer;
use crate::spool::{absent, options, records};
use pusher::c_api::arguments::PUSH_LATEST;
use pusher::c_api::codes::*;
use pusher::c_api::publish_async::push_client_flush;
use pusher::c_api::publish_event::*;
use pusher::c_api::receipt::PUSH_SPOOLED;
use pusher::{Batch, Event, Publisher};
use tempfile::TempDir;

const SESSION: &str = "000000000000000100000000000000ab";

fn except<'a>(json: &'a str, exclude: &'a str) -> Event<'a> {
    Event {
        exclude: Some(exclude),
        ..Event::new("t", json)
    }
}

#[test]
fn the_excluded_session_is_sent() {
    let sessions = [SESSION, "1.171", "9007199254740992"];
    let server = FakeServer::unix(move |_, peer| {
        peer.welcome()?;
        for session in sessions.iter().chain(&sessions) {
            let received = peer.read_publish()?;
            assert_eq!(received.exclude.as_deref(), Some(*session));
            peer.write(format!("[4,{},1,1]\n", received.request))?;
        }
        let received = peer.read_publish()?;
        assert_eq!(received.exclude, None);
        peer.write(format!("[4,{},2,2]\n", received.request))
    });
    let mut publisher = server.publisher();
    let mut batch = Batch::new();
    for session in sessions {
        publisher.publish_event(&except("1", session)).unwrap();
        batch.push(&except("1", session)).unwrap();
    }
    publisher.publish_batch(&batch, |answer| assert!(answer.is_ok()));
    assert_eq!(publisher.publish("t", "1").unwrap().sequence, 2);
}

#[test]
fn a_name_in_no_form_is_not_sent() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    for session in ["", "undefined", "1.2.3", "0"] {
        let event = except("1", session);
        let error = server.publisher().publish_event(&event).unwrap_err();
        assert_eq!(error.code(), PUSH_EINVAL);
        assert!(error.is_callers_mistake());
        let text = "exclude: a session is 32 hexadecimal digits";
        assert!(error.to_string().contains(text), "{error}");
        let checked = pusher::check(&event).unwrap_err();
        assert_eq!(checked.to_string(), error.to_string());
    }
    assert_eq!(server.connection_count(), 0);
}

/// An older server does not know PUBLISH_EXCEPT.
#[test]
fn an_older_server_is_an_error_and_not_for_the_spool() {
    let dir = TempDir::new().unwrap();
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        for _ in 0..2 {
            peer.read_publish()?;
            peer.write("[5,null,\"unknown_type\",\"unknown message type 14\"]\n")?;
        }
        peer.serve_one()
    });
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    let error = publisher.publish_event(&except("1", SESSION)).unwrap_err();
    assert_eq!(error.code(), PUSH_EREFUSED);
    assert!(error.to_string().contains("too old"), "{error}");
    assert!(!error.may_be_published());
    let mut batch = Batch::new();
    batch.push(&except("2", SESSION)).unwrap();
    batch.push(&Event::new("t", "3")).unwrap();
    let mut codes = Vec::new();
    publisher.publish_batch(&batch, |answer| {
        codes.push(answer.map_or_else(|error| error.code(), |_| 0));
    });
    assert_eq!(codes, [PUSH_EREFUSED, 0]);
    assert!(records(dir.path(), |_| ()).is_empty());
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn an_event_in_the_spool_keeps_its_exclusion() {
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(absent(), dir.path()));
    let event = except("1", SESSION);
    assert!(publisher.publish_event(&event).unwrap().spooled);
    let mut batch = Batch::new();
    batch.push(&except("2", "1.171")).unwrap();
    batch.push(&Event::new("t", "3")).unwrap();
    publisher.publish_batch(&batch, |answer| assert!(answer.unwrap().spooled));
    let found = records(dir.path(), |record| {
        assert_eq!(record.id.len(), 32);
        record.exclude.map(|exclude| exclude.into_owned())
    });
    assert_eq!(found, [Some(SESSION.into()), Some("1.171".into()), None]);
}

/// The event `{}` for `t`, as `PUSH_EVENT_INIT` and two members make it.
fn c_event(exclude: Option<&CStr>) -> PushEvent {
    PushEvent {
        struct_size: size_of::<PushEvent>(),
        category: c"t".as_ptr(),
        category_len: 1,
        json: c"{}".as_ptr(),
        json_len: 2,
        id: ptr::null(),
        exclude: exclude.map_or(ptr::null(), CStr::as_ptr),
        ttl_s: 0,
        flags: 0,
    }
}

#[test]
fn c_programs_exclude_a_session() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        while let Ok(received) = peer.read_publish() {
            let count = received.exclude.map_or(0, |exclude| exclude.len());
            peer.write(format!("[4,{},1,{count}]\n", received.request))?;
        }
        Ok(())
    });
    let client = Client::of(&server, |_| {});
    for (exclude, expected) in [(Some(c"1.171"), 5), (None, 0)] {
        let event = c_event(exclude);
        // SAFETY: the client lives, and the event has the texts of its lengths.
        let result = unsafe { push_client_publish_event(client.0, &event, ptr::null_mut()) };
        assert_eq!(result, expected, "{}", last_error());
        // SAFETY: the same.
        let queued =
            unsafe { push_client_publish_event_async(client.0, &event, None, ptr::null_mut()) };
        assert_eq!(queued, 0, "{}", last_error());
    }
    // SAFETY: the client lives.
    assert_eq!(unsafe { push_client_flush(client.0, 60_000) }, 0);
    let mut received = server.events();
    received.dedup();
    assert_eq!(received, ["{}"]);
}

#[test]
fn events_of_c_programs_are_checked() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let client = Client::of(&server, |_| {});
    let event = || c_event(None);
    for (event, code, text) in [
        (c_event(Some(c"nobody")), PUSH_EINVAL, "a session is"),
        (c_event(Some(c"\xff")), PUSH_EINVAL, "not UTF-8"),
        (
            PushEvent {
                flags: 2,
                ..event()
            },
            PUSH_EINVAL,
            "flags is 2",
        ),
        (
            PushEvent {
                flags: 1 << 32,
                ..event()
            },
            PUSH_EINVAL,
            "flags is",
        ),
        (
            PushEvent {
                ttl_s: 86401,
                ..event()
            },
            PUSH_ECONFIG,
            "86401",
        ),
        (
            PushEvent {
                struct_size: 8,
                ..event()
            },
            PUSH_EINVAL,
            "PUSH_EVENT_INIT",
        ),
        (
            PushEvent {
                json: ptr::null(),
                ..event()
            },
            PUSH_EINVAL,
            "json is NULL",
        ),
        (
            PushEvent {
                category_len: 0,
                ..event()
            },
            PUSH_ETOPIC,
            "empty",
        ),
    ] {
        // SAFETY: the client lives, and the event has the texts of its lengths.
        let result = unsafe { push_client_publish_event(client.0, &event, ptr::null_mut()) };
        assert_eq!(result, code, "{}", last_error());
        assert!(last_error().contains(text), "{text}: {}", last_error());
    }
    // SAFETY: the client lives.
    let result = unsafe { push_client_publish_event(client.0, ptr::null(), ptr::null_mut()) };
    assert_eq!(result, PUSH_EINVAL);
    assert_eq!(server.connection_count(), 0);
}

/// A program that was compiled with a later version of the header.
#[test]
fn a_longer_event_must_not_set_unknown_members() {
    #[repr(C)]
    struct Later {
        event: PushEvent,
        new: u64,
    }
    let server = FakeServer::unix(|_, peer| peer.serve());
    let client = Client::of(&server, |_| {});
    for (new, is_accepted) in [(0, true), (1, false)] {
        let mut event = c_event(None);
        event.struct_size = size_of::<Later>();
        let later = Later { event, new };
        let event = (&raw const later).cast::<PushEvent>();
        // SAFETY: the client lives, and the event is as long as it says.
        let result = unsafe { push_client_publish_event(client.0, event, ptr::null_mut()) };
        assert_eq!(result >= 0, is_accepted, "{}", last_error());
    }
}

#[test]
fn the_options_of_an_event_are_in_its_record() {
    let dir = TempDir::new().unwrap();
    let path = format!("{}\0", dir.path().display());
    let server = FakeServer::unix(|_, _| Ok(()));
    let client = Client::of(&server, |options| {
        options.spool_dir = path.as_ptr().cast::<c_char>();
    });
    let event = PushEvent {
        id: c"order-7".as_ptr(),
        ttl_s: 60,
        flags: PUSH_LATEST.into(),
        ..c_event(Some(c"1.171"))
    };
    // SAFETY: the client lives, and the event has the texts of its lengths.
    let result = unsafe { push_client_publish_event(client.0, &event, ptr::null_mut()) };
    assert_eq!(result, PUSH_SPOOLED, "{}", last_error());
    let found = records(dir.path(), |record| {
        let exclude = record.exclude.map(|exclude| exclude.into_owned());
        (record.id.into_owned(), record.ttl_s, record.latest, exclude)
    });
    assert_eq!(found, [("order-7".into(), 60, true, Some("1.171".into()))]);
}
