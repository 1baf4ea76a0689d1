//! `JsonStream` finds the same values in any chunks, and keeps to its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::{JsonStream, StreamError};

/// Small, so that the fuzzer gets beyond it.
const LEN_MAX: usize = 200;

/// So many bytes at the input's beginning say how it is cut.
const CUTS: usize = 4;

/// Longest chunk.
const CHUNK_LEN_MAX: usize = 16;

type Found = (Vec<String>, Option<StreamError>);

fuzz_target!(|input: &[u8]| {
    let Some((cuts, bytes)) = input.split_at_checked(CUTS) else {
        return;
    };
    let whole = values([bytes]);
    check_same(values(bytes.chunks(1)), &whole);
    check_same(values(Chunks { cuts, at: 0, bytes }), &whole);
});

fn check_same(found: Found, whole: &Found) {
    assert_eq!(found.0, whole.0);
    match (found.1, &whole.1) {
        // A large chunk may bring the deeper bracket along with the byte beyond the limit.
        (Some(StreamError::TooLong(_)), Some(StreamError::TooDeep)) => {}
        (error, whole) => assert_eq!(error, *whole),
    }
}

/// All values up to the end, or to the error.
fn values<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Found {
    let mut stream = JsonStream::new(LEN_MAX);
    let mut values = Vec::new();
    for chunk in chunks {
        stream.feed(chunk);
        loop {
            match stream.next_value() {
                Ok(Some(value)) => values.push(checked(value)),
                Ok(None) => break,
                Err(error) => return (values, Some(error)),
            }
        }
        assert!(stream.unfinished_len() <= LEN_MAX);
    }
    (values, None)
}

fn checked(value: &str) -> String {
    assert!(value.len() <= LEN_MAX);
    assert!(value.starts_with(['{', '[']) && value.ends_with(['}', ']']));
    value.to_owned()
}

/// Cuts bytes by the lengths that `cuts` give in turn.
struct Chunks<'a> {
    cuts: &'a [u8],
    at: usize,
    bytes: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let cut = usize::from(self.cuts[self.at % CUTS]);
        self.at += 1;
        let len = (1 + cut % CHUNK_LEN_MAX).min(self.bytes.len());
        let (chunk, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        (!chunk.is_empty()).then_some(chunk)
    }
}
