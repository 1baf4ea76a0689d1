//! The mark that every published event carries: by it a delivery is known again, whatever stands around it.

use std::io::Write;

use memchr::memchr;

use crate::scenario::EVENT_LEN;

/// `|K0000000001|0000000000000000001|`: a kind, a number, a time.
pub const LEN: usize = 1 + 1 + 10 + 1 + 19 + 1;

/// What the event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To see that a subscription is there.
    WarmUp,
    /// To be counted.
    Measured,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What for.
    pub kind: Kind,
    /// The event's number in its topic, from 0.
    pub sequence: u64,
    /// When it was published, in nanoseconds of the client's clock.
    pub at_ns: u64,
}

/// Writes the event, a JSON object of [`EVENT_LEN`] bytes, in place of what `event` holds.
pub fn put_event(event: &mut Vec<u8>, topic: &str, mark: Mark) {
    let kind = match mark.kind {
        Kind::WarmUp => 'W',
        Kind::Measured => 'M',
    };
    event.clear();
    let (sequence, at_ns) = (mark.sequence, mark.at_ns);
    let written = write!(
        event,
        r#"{{"category":"{topic}","mark":"|{kind}{sequence:010}|{at_ns:019}|","text":""#
    );
    debug_assert!(written.is_ok(), "a vector takes everything");
    event.resize(EVENT_LEN - 2, b'x');
    event.extend_from_slice(b"\"}");
}

/// Finds the marks in a stream, and hands over each; how many bytes it is done with. The rest may
/// be the beginning of a mark.
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
    fn marks_are_found_in_any_pieces() {
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
            put_event(&mut event, "t1", mark);
            assert_eq!(event.len(), EVENT_LEN);
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
