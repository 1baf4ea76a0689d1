//! `push_client_publish_async`, called as C does.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::client::{Client, last_error};
use crate::fake_server::{FakeServer, PATIENCE};
use pusher::c_api::background::PushCallback;
use pusher::c_api::client::*;
use pusher::c_api::codes::*;
use pusher::c_api::publish_async::*;
use pusher::c_api::receipt::PushReceipt;

const PATIENCE_MS: u64 = PATIENCE.as_millis() as u64;

/// One call of a callback: the event and the answer.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    event: usize,
    result: c_int,
    sequence: Option<u64>,
}

/// The context of an event's callback.
struct Context {
    event: usize,
    told: Sender<Told>,
    /// Freed by the callback, if it is the last owner.
    client: Option<Arc<Client>>,
}

unsafe extern "C" fn tell(context: *mut c_void, result: c_int, receipt: *const PushReceipt) {
    // SAFETY: it is the pointer that `publish` gave away, and it comes back exactly once.
    let context = unsafe { Box::from_raw(context.cast::<Context>()) };
    // SAFETY: NULL or valid until we return.
    let sequence = unsafe { receipt.as_ref() }.map(|receipt| receipt.sequence);
    assert_eq!(sequence.is_none(), result < 0);
    let told = Told {
        event: context.event,
        result,
        sequence,
    };
    // A test that has seen enough does not listen.
    let _ = context.told.send(told);
    drop(context.client);
}

/// A client, and the calls of its callbacks.
struct Queue {
    client: Arc<Client>,
    tell: Sender<Told>,
    told: Receiver<Told>,
}

impl Queue {
    fn of(server: &FakeServer, change: impl FnOnce(&mut PushOptions)) -> Self {
        let (tell, told) = mpsc::channel();
        Self {
            client: Arc::new(Client::of(server, change)),
            tell,
            told,
        }
    }

    fn push(&self, json: &str, callback: PushCallback, context: *mut c_void) -> c_int {
        let (text, len) = (json.as_ptr().cast(), json.len());
        // SAFETY: the client lives, the texts have these lengths, the callback fits its context.
        unsafe {
            push_client_publish_async(
                self.client.0,
                c"t".as_ptr(),
                1,
                text,
                len,
                ptr::null(),
                0,
                callback,
                context,
            )
        }
    }

    /// Queues `"event"`, with a callback.
    fn publish(&self, event: usize) -> c_int {
        self.publish_owning(event, None)
    }

    fn publish_owning(&self, event: usize, client: Option<Arc<Client>>) -> c_int {
        let context = Box::into_raw(Box::new(Context {
            event,
            told: self.tell.clone(),
            client,
        }));
        let result = self.push(&event.to_string(), Some(tell), context.cast());
        if result != 0 {
            // SAFETY: it was not taken.
            drop(unsafe { Box::from_raw(context) });
        }
        result
    }

    fn flush(&self, timeout_ms: u64) -> c_int {
        // SAFETY: the client lives.
        unsafe { push_client_flush(self.client.0, timeout_ms) }
    }

    /// The results so far, which must be those of the events from 0, in order.
    fn results(&self) -> Vec<c_int> {
        let told: Vec<_> = self.told.try_iter().collect();
        let events = told.iter().map(|told| told.event);
        assert!(events.eq(0..told.len()), "{told:?}");
        told.iter().map(|told| told.result).collect()
    }
}

#[test]
fn events_are_published_in_order() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let queue = Queue::of(&server, |_| {});
    for event in 0..5000 {
        assert_eq!(queue.publish(event), 0, "{}", last_error());
    }
    assert_eq!(queue.flush(PATIENCE_MS), 0, "{}", last_error());
    assert_eq!(queue.results(), [3; 5000]);
    let expect: Vec<_> = (0..5000).map(|event| event.to_string()).collect();
    assert_eq!(server.events(), expect);
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn a_callback_gets_the_receipt() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[4,{request},12,231]\n"))?;
        peer.wait_for_close()
    });
    let queue = Queue::of(&server, |_| {});
    assert_eq!(queue.publish(0), 0);
    let expect = Told {
        event: 0,
        result: 231,
        sequence: Some(12),
    };
    assert_eq!(queue.told.recv_timeout(PATIENCE).unwrap(), expect);
}

#[test]
fn an_empty_queue_has_no_undelivered_events() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let queue = Queue::of(&server, |_| {});
    assert_eq!(queue.flush(PATIENCE_MS), 0);
    assert_eq!(server.connection_count(), 0);
    // SAFETY: NULL is an error.
    let result = unsafe { push_client_flush(ptr::null_mut(), 0) };
    assert_eq!(result, PUSH_EINVAL);
}

#[test]
fn mistakes_are_reported_at_once() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let queue = Queue::of(&server, |_| {});
    assert_eq!(queue.push("{", Some(tell), ptr::null_mut()), PUSH_EJSON);
    assert_eq!(queue.push("1", None, ptr::null_mut()), 0);
    assert_eq!(queue.flush(PATIENCE_MS), 0);
    assert_eq!(server.events(), ["1"]);
}

#[test]
fn a_full_queue_is_an_error_and_never_waits() {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let server = FakeServer::unix(move |_, peer| {
        let _ = ended.lock().unwrap().recv_timeout(PATIENCE);
        peer.serve()
    });
    let queue = Queue::of(&server, |options| options.queue_bytes_max = 10_000);
    let mut count = 0;
    let full = loop {
        match queue.publish(count) {
            0 => count += 1,
            code => break code,
        }
        assert!(count < 1000, "10,000 bytes are endless");
    };
    assert_eq!(full, PUSH_EFULL);
    assert!(last_error().contains("10000 bytes"), "{}", last_error());
    assert!(
        count >= 50,
        "an event's entry is smaller than 200 bytes: {count}"
    );
    assert_eq!(queue.flush(0), c_int::try_from(count).unwrap());
    assert!(last_error().contains("still wait"), "{}", last_error());
    drop(end);
    assert_eq!(queue.flush(PATIENCE_MS), 0, "{}", last_error());
    assert_eq!(queue.results().len(), count);
    assert_eq!(queue.publish(count), 0, "there is room again");
}

#[test]
fn a_refusal_affects_its_event_only() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        loop {
            let received = peer.read_publish()?;
            let request = received.request;
            match received.event.as_str() {
                "1" => peer.write(format!("[5,{request},\"overloaded\",\"later\"]\n"))?,
                _ => peer.write(format!("[4,{request},1,3]\n"))?,
            }
        }
    });
    let queue = Queue::of(&server, |_| {});
    for event in 0..3 {
        assert_eq!(queue.publish(event), 0);
    }
    assert_eq!(queue.flush(PATIENCE_MS), 1);
    assert!(last_error().contains("1 failed"), "{}", last_error());
    assert!(last_error().contains("later"), "{}", last_error());
    assert_eq!(queue.results(), [3, PUSH_EBUSY, 3]);
    assert_eq!(queue.flush(0), 0, "failures are told once");
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn unanswered_events_are_not_sent_again() {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let server = FakeServer::unix(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        // Until then everything is queued, so that it comes in one chunk.
        let _ = ended.lock().unwrap().recv_timeout(PATIENCE);
        for _ in 0..3 {
            peer.serve_one()?;
        }
        peer.read_publish().map(|_| ())
    });
    let queue = Queue::of(&server, |_| {});
    // The first one goes by itself, perhaps.
    for event in 0..10 {
        assert_eq!(queue.publish(event), 0);
    }
    drop(end);
    let failed = queue.flush(PATIENCE_MS);
    let results = queue.results();
    assert_eq!(results[..3], [3, 3, 3]);
    assert_eq!(results[3], PUSH_ECLOSED, "read, and not answered");
    let lost = results.iter().filter(|result| **result == PUSH_ECLOSED);
    assert_eq!(lost.count(), usize::try_from(failed).unwrap());
    let events = server.events();
    let times = |event: &str| events.iter().filter(|seen| *seen == event).count();
    assert_eq!(times("3"), 1, "{events:?}");
    assert_eq!(queue.publish(0), 0);
    assert_eq!(
        queue.flush(PATIENCE_MS),
        0,
        "the next goes over a new connection"
    );
}

#[test]
fn connect_fails_if_no_server_listens() {
    let queue = {
        let server = FakeServer::unix(|_, peer| peer.serve());
        Queue::of(&server, |_| {})
    };
    for event in 0..100 {
        assert_eq!(queue.publish(event), 0);
    }
    assert_eq!(queue.flush(PATIENCE_MS), 100);
    assert!(
        last_error().contains("is pushd running"),
        "{}",
        last_error()
    );
    assert_eq!(queue.results(), [PUSH_ECONNECT; 100]);
}

#[test]
fn free_cancels_events_and_does_not_hang() {
    let server = FakeServer::unix(|_, peer| peer.wait_for_close());
    let queue = Queue::of(&server, |options| options.timeout_ms = 100);
    for event in 0..100 {
        assert_eq!(queue.publish(event), 0);
    }
    let start = Instant::now();
    let Queue { client, told, .. } = queue;
    drop(client);
    assert!(start.elapsed() < PATIENCE / 2);
    let results: Vec<_> = told.try_iter().map(|told| told.result).collect();
    assert_eq!(results.len(), 100, "every callback has run");
    let expected = [PUSH_ETIMEOUT, PUSH_ECANCELED];
    assert!(
        results.iter().all(|result| expected.contains(result)),
        "{results:?}"
    );
}

/// In the middle of a chunk: answers that go on coming are no reason to wait for the last one.
#[test]
fn a_callback_may_free_its_client() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let server = FakeServer::unix(move |_, peer| {
        let _ = gone.lock().unwrap().recv_timeout(PATIENCE);
        peer.serve()
    });
    let queue = Queue::of(&server, |_| {});
    for event in 0..1000 {
        let owned = (event == 4).then(|| Arc::clone(&queue.client));
        assert_eq!(queue.publish_owning(event, owned), 0);
    }
    let Queue { client, told, .. } = queue;
    // From here on the callback of event 4 is the only owner.
    drop(client);
    drop(go);
    for event in 0..1000 {
        let told = told.recv_timeout(PATIENCE).unwrap();
        let result = if event <= 4 { 3 } else { PUSH_ECANCELED };
        assert_eq!((told.event, told.result), (event, result));
    }
}
