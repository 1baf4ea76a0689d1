//! Fault injection for a publisher's connection. Each read and write in turn fails or is cut short.
//!
//! The invariant: every event with a receipt was published, and the server does nothing else.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Peer, Stream, Transport, serve};
use crate::application::Recipe;
use crate::config::Options;
use crate::server::Server;

/// The error that a connection injects.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(fuzzing, allow(dead_code, reason = "only some are for fuzzers"))]
pub(crate) enum StreamFault {
    None,
    /// The operation with this number fails, and each one after it. Numbers start at 1.
    Fails(usize),
    /// The stream ends after this many bytes.
    Ends(usize),
    /// Each read or write moves at most this many bytes.
    Short(usize),
}

/// A connection in memory that injects faults.
struct Faulty<'a> {
    fault: StreamFault,
    input: &'a [u8],
    transcript: Arc<Mutex<Transcript>>,
}

/// The publisher's view of a session.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) answers: Vec<u8>,
    operations: usize,
    /// Number of times that the event loop polled the task.
    turns: usize,
}

impl Faulty<'_> {
    /// Starts an operation. Returns the number of bytes that it may move.
    fn begin(&self) -> io::Result<usize> {
        let mut transcript = self.transcript.lock();
        transcript.operations += 1;
        match self.fault {
            StreamFault::Fails(at) if transcript.operations >= at => {
                Err(io::ErrorKind::ConnectionReset.into())
            }
            StreamFault::Short(len) => Ok(len),
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
        self.transcript
            .lock()
            .answers
            .extend_from_slice(&bytes[..len]);
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

/// Serves a publisher that sends `input` at once. Returns its view, and the number of events published.
/// The server has no listeners.
pub(crate) fn serve_input(input: &[u8], fault: StreamFault) -> (Transcript, u64) {
    let mut options = Options::default();
    options.listen.clear();
    options.publish_listen.clear();
    options.shards = 1;
    let admin = Server::bind(options, Recipe::default()).unwrap().admin;
    let context = admin.context();
    let transcript = Arc::new(Mutex::<Transcript>::default());
    let stream = Faulty {
        fault,
        input: match fault {
            StreamFault::Ends(at) => &input[..at],
            _ => input,
        },
        transcript: Arc::clone(&transcript),
    };
    let peer = Peer {
        name: "test".to_owned(),
        transport: Transport::Unix,
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    let permit = runtime.block_on(context.publisher_permits.enter());
    let mut serve = Box::pin(serve(admin.clone(), stream, peer, permit));
    runtime.block_on(poll_fn(|context| {
        transcript.lock().turns += 1;
        serve.as_mut().poll(context)
    }));
    let last = context.hub.publish("t", "0").unwrap();
    let mut transcript = transcript.lock().clone();
    mask_changes(&mut transcript.answers);
    (transcript, last.sequence - 1)
}

/// Masks `Date` headers and epochs, the only bytes that differ from run to run.
fn mask_changes(answers: &mut [u8]) {
    const MASKED: [(&[u8], usize); 2] = [(b"date: ", 29), (b"\"position\":\"", 16)];
    for (before, len) in MASKED {
        for at in before.len()..answers.len() {
            if answers[at - before.len()..].starts_with(before) {
                let end = answers.len().min(at + len);
                answers[at..end].fill(b'x');
            }
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

    /// Input, number of events in it, and the text that marks a receipt.
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

    /// Counts the receipts. The last one may be incomplete.
    fn receipts(answers: &[u8], receipt: &str) -> u64 {
        let answers = String::from_utf8_lossy(answers);
        answers.matches(receipt).count() as u64
    }

    #[test]
    fn without_fault_everything_is_published() {
        for (input, events, receipt) in SESSIONS {
            let (transcript, published) = serve_input(input, StreamFault::None);
            assert_eq!(published, events, "{transcript:?}");
            let answered = receipts(&transcript.answers, receipt);
            assert!([0, events].contains(&answered), "{transcript:?}");
        }
    }

    #[test]
    fn failed_operation_ends_connection_without_false_receipt() {
        for (input, events, receipt) in SESSIONS {
            let (whole, _) = serve_input(input, StreamFault::None);
            for at in 1..=whole.operations {
                let (transcript, published) = serve_input(input, StreamFault::Fails(at));
                assert!(
                    whole.answers.starts_with(&transcript.answers),
                    "{at}: {transcript:?}"
                );
                let answered = receipts(&transcript.answers, receipt);
                assert!(
                    (answered..=events).contains(&published),
                    "{at}: {transcript:?}"
                );
                assert!(
                    transcript.operations >= at,
                    "operation {at} was not reached"
                );
            }
        }
    }

    #[test]
    fn complete_messages_are_published_before_an_early_end() {
        for (input, events, receipt) in SESSIONS {
            let mut published_before = 0;
            for at in 0..=input.len() {
                let (transcript, published) = serve_input(input, StreamFault::Ends(at));
                let answered = receipts(&transcript.answers, receipt);
                assert!(
                    (answered..=events).contains(&published),
                    "{at}: {transcript:?}"
                );
                assert!(published >= published_before, "{at}: {transcript:?}");
                published_before = published;
            }
            assert_eq!(published_before, events);
        }
    }

    #[test]
    fn short_reads_and_writes_change_nothing() {
        for (input, events, _) in SESSIONS {
            let (whole, _) = serve_input(input, StreamFault::None);
            for len in [1, 2, 3, 7, 64] {
                let (transcript, published) = serve_input(input, StreamFault::Short(len));
                let answers = String::from_utf8_lossy(&transcript.answers);
                let expected = String::from_utf8_lossy(&whole.answers);
                assert_eq!((answers, published), (expected, events), "{len}");
            }
        }
    }

    /// One read brings thousands of small messages. They must not starve the other tasks.
    #[test]
    fn small_messages_yield_to_other_tasks() {
        let small: [(&[u8], &[u8], usize); 5] = [
            (b"[1,1]", b"[3,1,\"t\",1]", 3000),
            (b"[1,1]", b"[9]", 6000),
            (b"", b"{\"category\":1}", 3000),
            (&ZMTP[..92], b"\x04\x07\x04PING\0\0", 3000),
            (&ZMTP[..92], b"\0\x01x", 3000),
        ];
        for (beginning, message, count) in small {
            let input = [beginning, &message.repeat(count)].concat();
            let (transcript, _) = serve_input(&input, StreamFault::None);
            let message = message.escape_ascii();
            assert!(
                transcript.turns >= count / 200,
                "{message}: {} turns",
                transcript.turns
            );
        }
    }
}
