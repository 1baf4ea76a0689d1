//! The mark in every published event. It identifies a delivery in any surrounding text.

use std::io::Write;

use memchr::memchr;

/// `|K0000000001|0000000000000000001|`: a kind, a number, a time.
pub const LEN: usize = 1 + 1 + 10 + 1 + 19 + 1;

/// The purpose of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It shows that a subscription is active.
    WarmUp,
    /// It is counted.
    Measured,
}

/// A mark, as described at the top of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The purpose of the event.
    pub kind: Kind,
    /// The event's number in its topic, from 0.
    pub sequence: u64,
    /// Time of the publish, in nanoseconds of the client's clock.
    pub at_ns: u64,
}

/// The text of an event: words as people write them, because that matters for compression.
const TEXT: &str = "The shelter on the hill has five new kittens since Monday. Two of them are grey, one is black with a \
    white nose, and the smallest one sleeps in the box of the printer. Visitors are welcome from ten to four; please ring \
    twice, the bell is old. To adopt one, bring a photo of the flat and the name of a vet. We also need \
    blankets, cans and somebody who repairs the heating before the winter comes back. ";

/// Length of the rest of an event behind its text.
const BEHIND_TEXT_LEN: usize = "\",\"mark\":\"".len() + LEN + "\"}".len();

/// Writes an event, a JSON object of `len` bytes, and replaces the content of `event`. The mark is at the end, so a
/// delivery counts when all of the event has arrived.
pub fn put_event(event: &mut Vec<u8>, topic: &str, mark: Mark, len: usize) {
    let kind = match mark.kind {
        Kind::WarmUp => 'W',
        Kind::Measured => 'M',
    };
    event.clear();
    let (sequence, at_ns) = (mark.sequence, mark.at_ns);
    let begin = write!(event, r#"{{"category":"{topic}","text":""#);
    let text_len = len - event.len() - BEHIND_TEXT_LEN;
    event.extend(TEXT.bytes().cycle().take(text_len));
    let end = write!(event, r#"","mark":"|{kind}{sequence:010}|{at_ns:019}|"}}"#);
    debug_assert!(begin.and(end).is_ok(), "writing to a vector cannot fail");
}

/// Passes each mark in the stream to the callback. Returns the number of consumed bytes. The rest may be the start of
/// a mark.
pub fn find_all(bytes: &[u8], mut found: impl FnMut(Mark)) -> usize {
    let mut done = 0;
    while let Some(start) = memchr(b'|', &bytes[done..]) {
        let start = done + start;
        let Some(mark) = bytes.get(start..start + LEN) else {
            return start;
        };
        let kind = match mark[1] {
            b'W' => Kind::WarmUp,
            b'M' => Kind::Measured,
            _ => {
                done = start + 1;
                continue;
            }
        };
        found(Mark {
            kind,
            sequence: number(&mark[2..12]),
            at_ns: number(&mark[13..32]),
        });
        done = start + LEN;
    }
    bytes.len()
}

fn number(digits: &[u8]) -> u64 {
    let digit = |byte: &u8| u64::from(byte.wrapping_sub(b'0'));
    digits
        .iter()
        .fold(0, |number, byte| number * 10 + digit(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_any_chunks() {
        let marks = [
            (Kind::WarmUp, 0, 1),
            (Kind::Measured, 9_999_999_999, u64::MAX / 2),
        ];
        let marks = marks.map(|(kind, sequence, at_ns)| Mark {
            kind,
            sequence,
            at_ns,
        });
        let mut stream = Vec::new();
        for mark in marks {
            let mut event = Vec::new();
            put_event(&mut event, "t1", mark, 512);
            assert_eq!(event.len(), 512);
            stream.extend_from_slice(b"\x81|");
            stream.extend(event);
        }
        for piece_len in [1, 7, 100, stream.len()] {
            let mut rest = Vec::new();
            let mut found = Vec::new();
            for piece in stream.chunks(piece_len) {
                rest.extend_from_slice(piece);
                let done = find_all(&rest, |mark| found.push(mark));
                rest.drain(..done);
            }
            assert_eq!(found, marks, "pieces of {piece_len}");
            assert_eq!(rest, b"");
        }
    }
}
