//! `push_ticket`.

use std::ffi::{CString, c_char, c_int};
use std::fs;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};

use pusher::c_api::codes::*;
use pusher::c_api::ticket::{PUSH_TICKET_SIZE, push_ticket};
use pusher_proto::ticket::{Ticket, TicketKeys};
use tempfile::TempDir;

use crate::client::last_error;

const KEYS: &str = "k1 0123456789abcdef0123456789abcdef\n";

/// The arguments of `push_ticket`.
struct Call<'a> {
    topics: &'a [&'a str],
    ttl_s: u64,
    sub: Option<&'a str>,
    info: Option<&'a str>,
    key_file: &'a str,
}

/// A folder with a key file, and the file's path.
fn key_file() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ticket.keys");
    fs::write(&file, KEYS).unwrap();
    let path = file.to_str().unwrap().to_owned();
    (folder, path)
}

impl<'a> Call<'a> {
    fn with(key_file: &'a str) -> Self {
        Self {
            topics: &["orders.42", "user.7.*"],
            ttl_s: 0,
            sub: None,
            info: None,
            key_file,
        }
    }

    /// Returns the result, and the text in the buffer.
    fn make(&self) -> (c_int, String) {
        let text = |text: &str| CString::new(text).unwrap();
        let topics: Vec<_> = self.topics.iter().map(|topic| text(topic)).collect();
        let topics: Vec<_> = topics.iter().map(|topic| topic.as_ptr()).collect();
        let (sub, info) = (self.sub.map(text), self.info.map(text));
        let or_null =
            |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |one| one.as_ptr());
        let key_file = text(self.key_file);
        let mut out = [b'x'; PUSH_TICKET_SIZE];
        // SAFETY: all texts end with a NUL, and there are so many topics and bytes.
        let result = unsafe {
            push_ticket(
                topics.as_ptr(),
                topics.len(),
                self.ttl_s,
                or_null(&sub),
                or_null(&info),
                key_file.as_ptr(),
                out.as_mut_ptr().cast::<c_char>(),
                out.len(),
            )
        };
        let end = out.iter().position(|byte| *byte == 0).unwrap_or(0);
        (result, String::from_utf8(out[..end].to_vec()).unwrap())
    }
}

fn verified(ticket: &str) -> Ticket {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let keys: TicketKeys = KEYS.parse().unwrap();
    keys.verify(ticket, since.as_secs()).unwrap()
}

#[test]
fn a_ticket_verifies() {
    let (_folder, file) = key_file();
    let (result, text) = Call {
        ttl_s: 60,
        sub: Some("7"),
        info: Some("{\"name\":\"猫\"}"),
        ..Call::with(&file)
    }
    .make();
    assert_eq!(result, text.len() as c_int, "{}", last_error());
    let ticket = verified(&text);
    assert_eq!(
        ticket.topics().collect::<Vec<_>>(),
        ["orders.42", "user.7.*"]
    );
    assert_eq!(ticket.sub(), Some("7"));
    assert_eq!(ticket.info(), Some("{\"name\":\"猫\"}"));
    assert_eq!(ticket.expires_s() - ticket.issued_s(), 60);
}

#[test]
fn only_topics_are_required() {
    let (_folder, file) = key_file();
    let ticket = verified(&Call::with(&file).make().1);
    assert_eq!((ticket.sub(), ticket.info()), (None, None));
    assert_eq!(ticket.expires_s() - ticket.issued_s(), 300);
}

#[test]
fn mistakes_have_their_codes_and_write_nothing() {
    let (_folder, file) = key_file();
    let good = || Call::with(&file);
    let (long, many) = ("t".repeat(3000), vec!["t"; 101]);
    let info = format!("\"{}\"", "i".repeat(2047));
    let elsewhere = format!("{file}.elsewhere");
    let check = |call: Call<'_>, code, part: &str| {
        assert_eq!(call.make(), (code, String::new()));
        assert!(last_error().contains(part), "{}", last_error());
    };
    let with_topics = |topics| Call { topics, ..good() };
    check(with_topics(&[]), PUSH_ETOPIC, "1 to 100 topics, not 0");
    check(with_topics(&many), PUSH_ETOPIC, "not 101");
    check(with_topics(&["user.7*"]), PUSH_ETOPIC, "\"user.7*\"");
    check(with_topics(&[""]), PUSH_ETOPIC, "\"\"");
    check(with_topics(&[&long]), PUSH_ETOOBIG, "at most 4096");
    for ttl_s in [86_401, u64::MAX] {
        check(Call { ttl_s, ..good() }, PUSH_ECONFIG, &ttl_s.to_string());
    }
    for sub in ["", &"s".repeat(256)] {
        let sub = Some(sub);
        check(Call { sub, ..good() }, PUSH_EINVAL, "sub is");
    }
    for info in ["", "{", "1 2", &info] {
        let info = Some(info);
        check(Call { info, ..good() }, PUSH_EJSON, "info must be");
    }
    check(Call::with(&elsewhere), PUSH_ECONFIG, &elsewhere);
    assert!(last_error().contains("pusherd ticket rotate"));
}

#[test]
fn null_and_small_buffers_are_errors() {
    let (_folder, file) = key_file();
    let file = CString::new(file).unwrap();
    let mut out = [0 as c_char; PUSH_TICKET_SIZE];
    let topics = [c"t".as_ptr(), ptr::null()];
    let (out, size) = (out.as_mut_ptr(), out.len());
    let sign = |topics, count, out, size| {
        let none = ptr::null();
        // SAFETY: NULL is allowed, and the other arguments are as they say.
        unsafe { push_ticket(topics, count, 0, none, none, file.as_ptr(), out, size) }
    };
    assert!(sign(topics.as_ptr(), 1, out, size) > 0, "{}", last_error());
    assert_eq!(sign(topics.as_ptr(), 2, out, size), PUSH_EINVAL);
    assert!(last_error().contains("topics[1] is NULL"));
    assert_eq!(sign(ptr::null(), 1, out, size), PUSH_EINVAL);
    assert!(last_error().contains("topics is NULL"));
    assert_eq!(sign(ptr::null(), 0, out, size), PUSH_ETOPIC);
    assert_eq!(sign(topics.as_ptr(), usize::MAX, out, size), PUSH_EINVAL);
    assert_eq!(sign(topics.as_ptr(), 1, ptr::null_mut(), size), PUSH_EINVAL);
    assert_eq!(sign(topics.as_ptr(), 1, out, size - 1), PUSH_EINVAL);
    assert!(last_error().contains("PUSH_TICKET_SIZE (4097)"));
}
