//! The bytes of the request that a connection is reading. After a hand-over, the other process reads them again.
//!
//! Also a request that arrives in one piece is copied: hyper keeps what it has read to itself, and knows only later whether it was
//! the whole request. For the usual publish, the copy is a small part of what hyper needs to parse it.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use crate::config::Limits;
use crate::context::Context;

/// Minimum of hyper's `max_buf_size`, in bytes. It panics below.
pub(super) const BUFFER_LEN_MIN: usize = 8 * 1024;

/// How the end of a body is found. hyper has checked the form of both.
#[derive(Debug, Clone, Copy)]
enum BodyLen {
    Bytes(usize),
    Chunks,
}

/// Everything that hyper has read since the beginning of the current request. With pipelining, that may be more than one request.
#[derive(Debug)]
pub(super) struct KeptRequest {
    bytes: Vec<u8>,
    /// The offset of the body. `None` until hyper has parsed the head.
    body: Option<(usize, BodyLen)>,
    context: Arc<Context>,
    /// The part of these bytes in `kept_len` of the context. A request that arrives in one piece has none.
    counted: u64,
    /// The bytes were too many. Then the connection cannot be handed over within a request.
    is_given_up: bool,
}

impl KeptRequest {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            bytes: Vec::new(),
            body: None,
            context,
            counted: 0,
            is_given_up: false,
        }
    }

    /// Appends the bytes that hyper reads.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.is_given_up {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        let limits = self.context.live.limits();
        // A head is not counted: it is as short as hyper's own buffer.
        let has_room = self.body.is_none() || self.count(&limits);
        if self.bytes.len() > len_max(&limits) || !has_room {
            self.give_up();
        }
    }

    /// Whether there were too many bytes.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Records that hyper has parsed the head of the next request.
    pub(super) fn head_is_parsed(&mut self, headers: &HeaderMap) {
        self.request_is_answered();
        let head_len = head_len(&self.bytes).filter(|_| self.body.is_none());
        let body_len = match headers.get(CONTENT_LENGTH) {
            _ if headers.contains_key(TRANSFER_ENCODING) => Some(BodyLen::Chunks),
            None => Some(BodyLen::Bytes(0)),
            Some(len) => {
                let len = len.to_str().ok().and_then(|len| len.trim().parse().ok());
                len.map(BodyLen::Bytes)
            }
        };
        match head_len.zip(body_len) {
            Some(body) => self.body = Some(body),
            None => self.give_up(),
        }
    }

    /// Forgets the current request, if it has arrived completely.
    pub(super) fn request_is_answered(&mut self) {
        let Some(end) = self.end() else {
            return;
        };
        self.bytes.drain(..end);
        if self.bytes.is_empty() {
            // An idle connection has no buffer.
            self.bytes = Vec::new();
        }
        self.body = None;
        self.release();
    }

    /// Returns the bytes, from the first one of the current request. Without its `Expect` header if `has_continued`: the client has
    /// got its `100 Continue`.
    pub(super) fn take(&mut self, has_continued: bool) -> Option<Vec<u8>> {
        let (body, _) = self.body?;
        let bytes = std::mem::take(&mut self.bytes);
        if !has_continued {
            return Some(bytes);
        }
        let (head, behind) = bytes.split_at(body);
        let lines = head.split_inclusive(|&byte| byte == b'\n');
        let mut rest: Vec<u8> = lines
            .filter(|line| !is_expect(line))
            .flatten()
            .copied()
            .collect();
        rest.extend_from_slice(behind);
        Some(rest)
    }

    /// Counts the bytes. Returns false if those of all publishers are too many.
    fn count(&mut self, limits: &Limits) -> bool {
        let more = self.bytes.len() as u64 - self.counted;
        self.counted += more;
        self.context.kept_len.add(more) <= limits.unfinished_len_max as u64
    }

    fn release(&mut self) {
        self.context
            .kept_len
            .remove(std::mem::take(&mut self.counted));
    }

    fn give_up(&mut self) {
        self.is_given_up = true;
        self.bytes = Vec::new();
        self.body = None;
        self.release();
    }

    /// Returns the end of the current request. `None` if it is incomplete.
    fn end(&self) -> Option<usize> {
        let (begin, len) = self.body?;
        let len = match len {
            BodyLen::Bytes(len) => len,
            BodyLen::Chunks => chunked_len(&self.bytes[begin..])?,
        };
        let end = begin.checked_add(len)?;
        (end <= self.bytes.len()).then_some(end)
    }
}

impl Drop for KeptRequest {
    fn drop(&mut self) {
        self.release();
    }
}

/// Most bytes of one connection: the longest body, and three times the longest head: for the head, for the sizes of chunks, and for
/// the requests in hyper's buffer.
fn len_max(limits: &Limits) -> usize {
    let body_len_max = limits.event_len_max.max(limits.publish_len_max);
    body_len_max.saturating_add(3 * limits.handshake_len_max.max(BUFFER_LEN_MIN))
}

fn is_expect(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next();
    name.is_some_and(|name| name.eq_ignore_ascii_case(b"expect"))
}

/// Returns the length of a head, with the empty lines in front of it. Like hyper, this accepts lines that end without `\r`.
fn head_len(bytes: &[u8]) -> Option<usize> {
    let is_empty_line = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut at = bytes.iter().position(|byte| !is_empty_line(byte))?;
    loop {
        at += bytes[at..].iter().position(|&byte| byte == b'\n')? + 1;
        match bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// Returns the length of a body in chunks (RFC 9112, section 7.1). `None` if it is incomplete.
fn chunked_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    loop {
        let line = take_line(&mut rest)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let digits = std::str::from_utf8(&line[..digits.count()]).ok()?;
        let len = usize::from_str_radix(digits, 16).ok()?;
        if len == 0 {
            break;
        }
        rest = rest.get(len.checked_add(2)?..)?;
    }
    // The trailers end with an empty line.
    while !take_line(&mut rest)?.is_empty() {}
    Some(bytes.len() - rest.len())
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &rest[..len];
    *rest = &rest[len + 2..];
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_heads_and_bodies() {
        for (head, expect) in [
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n1", Some(24)),
            ("\r\n\nGET / HTTP/1.1\n\n1", Some(19)),
            ("GET / HTTP/1.1\n\r\n", Some(17)),
            ("GET / HTTP/1.1\r\nA: b\r\n\r", None),
            ("\r\n", None),
            ("", None),
        ] {
            assert_eq!(head_len(head.as_bytes()), expect, "{head:?}");
        }
        for (body, expect) in [
            ("0\r\n\r\n0", Some(5)),
            ("1\r\na\r\n00\r\n\r\n", Some(12)),
            // The data look like an end.
            ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", Some(15)),
            (
                "A ;x=y\r\n0123456789\r\n0;\r\nA: b\r\nC\n: d\r\n\r\n",
                Some(39),
            ),
            ("1\r\na\r\n0\r\n", None),
            ("ffffffffffffffff\r\n", None),
            ("f", None),
        ] {
            assert_eq!(chunked_len(body.as_bytes()), expect, "{body:?}");
        }
    }
}
