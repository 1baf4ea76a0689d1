//! Splits a stream of bytes into complete JSON objects and arrays.
//!
//! It only finds the end of each value. The parser checks later that the value is valid JSON. Each byte is scanned once,
//! even if the stream arrives byte by byte.

use crate::limits::JSON_DEPTH_MAX;

pub(crate) const BOM: &[u8] = "\u{feff}".as_bytes();

/// Largest allocation that an empty buffer keeps, in bytes.
const KEEP_CAPACITY_MAX: usize = 16 * 1024;

/// Why a stream cannot be decoded further: close the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A value, complete or not, exceeds the limit.
    #[error("the message is longer than {0} bytes")]
    TooLong(usize),
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    #[error("the message is nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// A value does not begin with `{` or `[`.
    #[error("a message must be a JSON object or list, this begins with byte 0x{0:02x}")]
    Unexpected(u8),
    /// Not UTF-8.
    #[error("the message is not valid UTF-8")]
    Utf8,
}

/// The decoder below raw JSON and the native protocol. [`feed`](Self::feed) it bytes, then take values with
/// [`next_value`](Self::next_value) until there is none.
#[derive(Debug)]
pub struct JsonStream {
    buffer: Vec<u8>,
    /// The position at which the current value begins, or at which to search for one.
    start: usize,
    scan: Scan,
    len_max: usize,
}

/// The scanner's position and state in the current value.
#[derive(Debug)]
pub(crate) struct Scan {
    position: usize,
    depth: usize,
    depth_max: usize,
    in_string: bool,
    escaped: bool,
}

impl JsonStream {
    /// Returns a decoder for values of up to `len_max` bytes. Allocates nothing.
    pub fn new(len_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scan: Scan::new(JSON_DEPTH_MAX),
            len_max,
        }
    }

    /// Adds received bytes. They are stored, so feed one read at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.drop_consumed();
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete value, or `None` if more bytes are needed. After an error, close the connection.
    pub fn next_value(&mut self) -> Result<Option<&str>, StreamError> {
        if self.scan.depth == 0 && !self.find_start()? {
            return Ok(None);
        }
        let end = self.scan.find_end(&self.buffer)?;
        let len = end.unwrap_or(self.buffer.len()) - self.start;
        if len > self.len_max {
            return Err(StreamError::TooLong(self.len_max));
        }
        let Some(end) = end else { return Ok(None) };
        let value = &self.buffer[self.start..end];
        self.start = end;
        std::str::from_utf8(value)
            .map(Some)
            .map_err(|_| StreamError::Utf8)
    }

    /// Returns the bytes that were fed and not returned, for another process to continue with.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Number of bytes of an incomplete value. 0 between values.
    pub fn unfinished_len(&self) -> usize {
        if self.scan.depth == 0 {
            return 0;
        }
        self.waiting_len()
    }

    /// Number of bytes that were fed and not returned. After [`StreamError::TooLong`]: the bytes of the value that have
    /// arrived.
    pub fn waiting_len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Allocated memory in bytes.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Skips the bytes that are allowed between values. Returns whether a value begins.
    fn find_start(&mut self) -> Result<bool, StreamError> {
        loop {
            let rest = &self.buffer[self.start..];
            match rest.first() {
                None => return Ok(false),
                // A byte order mark in front and a NUL behind: see `trim_value`.
                Some(b' ' | b'\t' | b'\r' | b'\n' | 0) => self.start += 1,
                Some(_) if rest.starts_with(BOM) => self.start += BOM.len(),
                Some(_) if rest.len() < BOM.len() && BOM.starts_with(rest) => return Ok(false),
                Some(b'{' | b'[') => {
                    self.scan.position = self.start;
                    return Ok(true);
                }
                Some(&other) => return Err(StreamError::Unexpected(other)),
            }
        }
    }

    /// Removes returned values. Frees the allocation that a large message left.
    fn drop_consumed(&mut self) {
        if self.start == 0 {
            return;
        }
        self.buffer.drain(..self.start);
        self.scan.position = self.scan.position.saturating_sub(self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP_CAPACITY_MAX {
            self.buffer = Vec::new();
        }
    }
}

impl Scan {
    pub(crate) fn new(depth_max: usize) -> Self {
        Self {
            position: 0,
            depth: 0,
            depth_max,
            in_string: false,
            escaped: false,
        }
    }

    /// Continues the scan. Returns the index after the value's last byte, or `None` if that has not arrived.
    pub(crate) fn find_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, StreamError> {
        while self.position < buffer.len() {
            if self.in_string {
                self.skip_string(buffer);
                continue;
            }
            match buffer[self.position] {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > self.depth_max {
                        return Err(StreamError::TooDeep);
                    }
                }
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            self.position += 1;
            if self.depth == 0 {
                return Ok(Some(self.position));
            }
        }
        Ok(None)
    }

    /// Skips to after the closing quote, or to the end of the buffer.
    fn skip_string(&mut self, buffer: &[u8]) {
        if self.escaped {
            self.escaped = false;
            self.position += 1;
            return;
        }
        match memchr::memchr2(b'"', b'\\', &buffer[self.position..]) {
            None => self.position = buffer.len(),
            Some(offset) => {
                self.position += offset;
                self.escaped = buffer[self.position] == b'\\';
                self.in_string = self.escaped;
                self.position += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The values that result when the bytes are fed in chunks of this length.
    fn check(input: &[u8], chunk_len: usize) -> Result<Vec<String>, StreamError> {
        let mut stream = JsonStream::new(64);
        let mut values = Vec::new();
        for chunk in input.chunks(chunk_len) {
            stream.feed(chunk);
            while let Some(value) = stream.next_value()? {
                values.push(value.to_owned());
            }
        }
        Ok(values)
    }

    #[test]
    fn any_chunks_give_the_same_values() {
        let table: &[(&[u8], &[&str])] = &[
            (b"{}", &["{}"]),
            (b"{}{}", &["{}", "{}"]),
            (b" \r\n\t[1]\n[2] ", &["[1]", "[2]"]),
            (b"\xef\xbb\xbf{\"a\":1}\0", &["{\"a\":1}"]),
            (br#"{"a":"}\"{"}[]"#, &[r#"{"a":"}\"{"}"#, "[]"]),
            (br#"["\\"]["]"]"#, &[r#"["\\"]"#, r#"["]"]"#]),
            (r#"{"題":"猫🐈"}"#.as_bytes(), &[r#"{"題":"猫🐈"}"#]),
            (b"[[[]", &[]),
        ];
        for (input, expect) in table {
            for chunk_len in 1..=input.len() {
                let values = check(input, chunk_len).unwrap();
                assert_eq!(&values, expect, "{input:?} in chunks of {chunk_len}");
            }
        }
    }

    #[test]
    fn a_value_must_be_an_object_or_a_list() {
        for (input, byte) in [
            (&b"1"[..], b'1'),
            (b"{}x", b'x'),
            (b"]", b']'),
            (b"\xef\xbb", 0),
        ] {
            let result = check(input, 1);
            if byte == 0 {
                assert_eq!(result, Ok(vec![]), "a byte order mark may still come");
            } else {
                assert_eq!(result, Err(StreamError::Unexpected(byte)));
            }
        }
        assert_eq!(check(b"[\"\xff\"]", 2), Err(StreamError::Utf8));
    }

    #[test]
    fn bytes_that_were_not_returned_are_counted() {
        let mut stream = JsonStream::new(64);
        assert_eq!((stream.unread(), stream.capacity()), (&b""[..], 0));
        stream.feed(b"{}[1");
        assert_eq!((stream.unread(), stream.waiting_len()), (&b"{}[1"[..], 4));
        assert_eq!(stream.next_value(), Ok(Some("{}")));
        assert_eq!((stream.unread(), stream.waiting_len()), (&b"[1"[..], 2));
        assert_eq!(stream.unfinished_len(), 0);
        assert_eq!(stream.next_value(), Ok(None));
        assert_eq!(stream.unfinished_len(), 2);
        assert!(stream.capacity() >= 4);
    }

    #[test]
    fn only_the_allocation_of_a_large_message_is_freed() {
        for (len, is_kept) in [
            (100, true),
            (KEEP_CAPACITY_MAX, true),
            (KEEP_CAPACITY_MAX + 1, false),
        ] {
            let mut stream = JsonStream::new(len);
            let value = format!("[\"{}\"]", "x".repeat(len - 4));
            stream.feed(value.as_bytes());
            assert_eq!(stream.next_value(), Ok(Some(&*value)));
            let capacity = stream.capacity();
            stream.feed(b"");
            assert_eq!(stream.capacity(), if is_kept { capacity } else { 0 });
        }
    }

    #[test]
    fn length_has_a_limit() {
        let fits = format!("[\"{}\"]", "x".repeat(60));
        assert_eq!(check(fits.as_bytes(), 7).unwrap().len(), 1);
        let beyond = format!("[\"{}\"]", "x".repeat(61));
        for chunk_len in [1, 7, beyond.len()] {
            assert_eq!(
                check(beyond.as_bytes(), chunk_len),
                Err(StreamError::TooLong(64))
            );
        }
        let unfinished = &beyond.as_bytes()[..65];
        assert_eq!(check(unfinished, 65), Err(StreamError::TooLong(64)));
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let mut stream = JsonStream::new(1000);
        stream.feed(nested(JSON_DEPTH_MAX).as_bytes());
        assert!(stream.next_value().unwrap().is_some());
        stream.feed(nested(JSON_DEPTH_MAX + 1).as_bytes());
        assert_eq!(stream.next_value(), Err(StreamError::TooDeep));
    }

    #[test]
    fn buffer_shrinks_after_a_large_message() {
        let mut stream = JsonStream::new(1 << 20);
        stream.feed(format!("[\"{}\"]", "x".repeat(1 << 19)).as_bytes());
        assert!(stream.next_value().unwrap().is_some());
        assert_eq!(stream.unfinished_len(), 0);
        stream.feed(b"[");
        assert_eq!(stream.next_value(), Ok(None));
        assert_eq!(stream.unfinished_len(), 1);
        assert!(stream.capacity() <= KEEP_CAPACITY_MAX);
    }

    proptest! {
        #[test]
        fn values_survive_any_chunking(texts in prop::collection::vec(".{0,20}", 0..8), chunk_len in 1usize..40) {
            let values: Vec<String> = texts
                .iter()
                .map(|text| serde_json::to_string(&[text]).unwrap())
                .filter(|value| value.len() <= 64)
                .collect();
            prop_assert_eq!(check(values.join("\n").as_bytes(), chunk_len), Ok(values));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), chunk_len in 1usize..50) {
            let whole = check(&bytes, bytes.len().max(1));
            if let Ok(values) = &whole {
                prop_assert_eq!(check(&bytes, chunk_len), Ok(values.clone()));
            }
        }
    }
}
