//! Every operation of a publisher's connection fails once, or is cut short: whatever the position, what was
//! answered was done, and nothing else happens.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{Door, Peer, Stream, serve};
use crate::application::Recipe;
use crate::config::Options;
use crate::server::Server;

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(fuzzing, allow(dead_code, reason = "only some are for fuzzers"))]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The operation with this number, and each that follows.
    Fails(usize),
    /// Reads are at an end after so many bytes.
    Ends(usize),
    /// Reads and writes get through so many bytes at once.
    Short(usize),
}

/// A connection in memory.
struct Faulty<'a> {
    fault: Fault,
    input: &'a [u8],
    seen: Arc<Mutex<Seen>>,
}

/// What the publisher saw.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) answers: Vec<u8>,
    operations: usize,
    /// How often the event loop went on to other tasks.
    turns: usize,
}

impl Faulty<'_> {
    /// How many bytes the next operation may move.
    fn begin(&self) -> io::Result<usize> {
        let mut seen = self.seen.lock();
        seen.operations += 1;
        match self.fault {
            Fault::Fails(at) if seen.operations >= at => Err(io::ErrorKind::ConnectionReset.into()),
            Fault::Short(len) => Ok(len),
            _ => Ok(usize::MAX),
        }
    }
}

impl AsyncRead for Faulty<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.begin()?.min(self.input.len()).min(buffer.remaining());
        let (bytes, rest) = self.input.split_at(len);
        buffer.put_slice(bytes);
        self.input = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Faulty<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = self.begin()?.min(bytes.len());
        self.seen.lock().answers.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.begin().map(|_| ()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

impl Stream for Faulty<'_> {
    fn reset_on_close(&self) {}
}

/// What the publisher saw, and how many events there were. Whoever publishes says all of it at once, to a server
/// without doors.
pub(crate) fn converse(input: &[u8], fault: Fault) -> (Seen, u64) {
    let mut options = Options::default();
    options.listen.clear();
    options.publish_listen.clear();
    options.shards = 1;
    let admin = Server::bind(options, Recipe::default()).unwrap().admin;
    let context = admin.context();
    let seen = Arc::new(Mutex::<Seen>::default());
    let stream = Faulty {
        fault,
        input: match fault {
            Fault::Ends(at) => &input[..at],
            _ => input,
        },
        seen: Arc::clone(&seen),
    };
    let peer = Peer {
        name: "test".to_owned(),
        door: Door::Unix,
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    let shutdown = CancellationToken::new();
    let permit = runtime.block_on(context.publisher_permits.enter());
    let mut serve = Box::pin(serve(admin.clone(), stream, peer, permit, shutdown));
    runtime.block_on(poll_fn(|context| {
        seen.lock().turns += 1;
        serve.as_mut().poll(context)
    }));
    let last = context.hub.publish("t", "0").unwrap();
    let mut seen = seen.lock().clone();
    blot_out_times(&mut seen.answers);
    (seen, last.sequence - 1)
}

/// The only thing in the answers that is not the same every time.
fn blot_out_times(answers: &mut [u8]) {
    const DATE: &[u8] = b"date: ";
    const TIME_LEN: usize = 29;
    for at in DATE.len()..answers.len() {
        if answers[at - DATE.len()..].starts_with(DATE) {
            let end = answers.len().min(at + TIME_LEN);
            answers[at..end].fill(b'x');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZMTP: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH\
    \0\x10{\"category\":\"t\"}\x04\x07\x04PING\0\0\x01\x01t\0\x0212";

    const HTTP: &[u8] =
        b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
    Content-Length: 2\r\n\r\n12GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n\
    POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
    Expect: 100-continue\r\nContent-Length: 1\r\n\r\n1";

    /// What publishers say, how many events that is, and what stands in each answer to one.
    const SESSIONS: [(&[u8], u64, &str); 4] = [
        (
            b"[1,1][3,1,\"t\",{}]\n[3,2,\"t\",[1],{\"id\":\"a\"}][99][3,3,\"\",1][3,4,\"t\",4]",
            3,
            "[4,",
        ),
        (
            b"{\"category\":\"t\"}\n {\"category\":7,\"x\":[{}]}{\"category\":\"t\"}",
            3,
            "nothing is answered",
        ),
        (ZMTP, 2, "nothing is answered"),
        (HTTP, 2, "{\"sequence\":"),
    ];

    /// How many of the answers, whole or not, say that something was published.
    fn receipts(answers: &[u8], receipt: &str) -> u64 {
        let answers = String::from_utf8_lossy(answers);
        answers.matches(receipt).count() as u64
    }

    #[test]
    fn without_a_fault_all_of_it_is_done() {
        for (input, events, receipt) in SESSIONS {
            let (seen, published) = converse(input, Fault::None);
            assert_eq!(published, events, "{seen:?}");
            let answered = receipts(&seen.answers, receipt);
            assert!([0, events].contains(&answered), "{seen:?}");
        }
    }

    #[test]
    fn an_operation_that_fails_ends_the_connection_and_nothing_is_answered_that_was_not_done() {
        for (input, events, receipt) in SESSIONS {
            let (whole, _) = converse(input, Fault::None);
            for at in 1..=whole.operations {
                let (seen, published) = converse(input, Fault::Fails(at));
                assert!(whole.answers.starts_with(&seen.answers), "{at}: {seen:?}");
                let answered = receipts(&seen.answers, receipt);
                assert!((answered..=events).contains(&published), "{at}: {seen:?}");
                assert!(seen.operations >= at, "it was not reached: {at}");
            }
        }
    }

    #[test]
    fn whoever_ends_in_the_middle_has_published_what_was_whole() {
        for (input, events, receipt) in SESSIONS {
            let mut published_before = 0;
            for at in 0..=input.len() {
                let (seen, published) = converse(input, Fault::Ends(at));
                let answered = receipts(&seen.answers, receipt);
                assert!((answered..=events).contains(&published), "{at}: {seen:?}");
                assert!(published >= published_before, "{at}: {seen:?}");
                published_before = published;
            }
            assert_eq!(published_before, events);
        }
    }

    #[test]
    fn short_reads_and_writes_change_nothing() {
        for (input, events, _) in SESSIONS {
            let (whole, _) = converse(input, Fault::None);
            for len in [1, 2, 3, 7, 64] {
                let (seen, published) = converse(input, Fault::Short(len));
                let answers = String::from_utf8_lossy(&seen.answers);
                let expected = String::from_utf8_lossy(&whole.answers);
                assert_eq!((answers, published), (expected, events), "{len}");
            }
        }
    }

    /// One read brings thousands of small messages.
    #[test]
    fn small_messages_are_taken_in_many_turns() {
        let small: [(&[u8], &[u8], usize); 5] = [
            (b"[1,1]", b"[3,1,\"t\",1]", 3000),
            (b"[1,1]", b"[9]", 6000),
            (b"", b"{\"category\":1}", 3000),
            (&ZMTP[..92], b"\x04\x07\x04PING\0\0", 3000),
            (&ZMTP[..92], b"\0\x01x", 3000),
        ];
        for (beginning, message, count) in small {
            let input = [beginning, &message.repeat(count)].concat();
            let (seen, _) = converse(&input, Fault::None);
            let message = message.escape_ascii();
            assert!(seen.turns >= count / 200, "{message}: {} turns", seen.turns);
        }
    }
}
