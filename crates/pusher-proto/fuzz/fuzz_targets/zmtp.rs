//! `zmtp::Pull` returns the same messages and answers for any chunks, keeps to its limits, and stores no more bytes than
//! have arrived.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::zmtp::{COMMAND_LEN_MAX, Incoming, Message, Pull, ZmtpError};
use pusher_proto::{JsonError, check_value};

/// Small, so that the fuzzer gets beyond it.
const LEN_MAX: usize = 200;

/// So many bytes at the input's beginning say how it is cut, and whether a greeting comes first.
const CUTS: usize = 4;

/// Longest chunk.
const CHUNK_LEN_MAX: usize = 16;

/// Greeting and READY of a PUSH socket.
const HANDSHAKE: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    heard: Vec<String>,
    answers: Vec<u8>,
    error: Option<ZmtpError>,
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, rest)) = input.split_at_checked(CUTS) else {
        return;
    };
    let greeting = match cuts[0] & 1 {
        0 => HANDSHAKE,
        _ => b"",
    };
    let bytes = [greeting, rest].concat();
    let whole = listen([&bytes[..]]);
    assert_eq!(listen(bytes.chunks(1)), whole);
    let cut = 1 + usize::from(cuts[1]) % CHUNK_LEN_MAX;
    assert_eq!(listen(bytes.chunks(cut)), whole);
});

fn listen<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut pull = Pull::new(LEN_MAX);
    let mut outcome = Outcome::default();
    let mut fed = 0;
    for chunk in chunks {
        pull.feed(chunk);
        fed += chunk.len();
        loop {
            match pull.next_message(&mut outcome.answers) {
                Ok(Some(incoming)) => outcome.heard.push(shown(incoming)),
                Ok(None) => break,
                Err(error) => {
                    outcome.error = Some(error);
                    return outcome;
                }
            }
        }
        assert!(pull.unfinished_len() <= LEN_MAX.max(COMMAND_LEN_MAX) + 9);
        assert!(pull.capacity() <= 64 + 4 * fed);
    }
    outcome
}

fn shown(incoming: Incoming<'_>) -> String {
    if let Incoming::Message(message) = incoming {
        check(message);
    }
    format!("{incoming:?}")
}

/// Published events are valid JSON.
fn check(message: Message<'_>) {
    let Ok(publish) = message.publish() else {
        return;
    };
    match check_value(publish.event) {
        Ok(()) | Err(JsonError::TooDeep) => {}
        Err(JsonError::Syntax(error)) => panic!("an event that is no JSON: {error}"),
    }
}
