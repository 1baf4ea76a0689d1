//! Both versions in any chunks, cut off at any byte, at every limit and beyond.

use proptest::prelude::*;

use super::*;

const LEN_MAX: usize = 64;

const GREETING_3: &[u8] =
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const READY: &[u8] = b"\x04\x27\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x08Identity\0\0\0\0";
const GREETING_2: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0";

const OUR_READY: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL";

/// The result of a connection: messages, answers, error, state.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    heard: Vec<String>,
    answers: Vec<u8>,
    error: Option<ZmtpError>,
    is_unfinished: bool,
}

fn check(input: &[u8], chunk_len: usize) -> Outcome {
    let mut pull = Pull::new(LEN_MAX);
    let mut outcome = Outcome {
        heard: Vec::new(),
        answers: Vec::new(),
        error: None,
        is_unfinished: false,
    };
    for chunk in input.chunks(chunk_len.max(1)) {
        pull.feed(chunk);
        outcome.error = drain(&mut pull, &mut outcome).err();
        if outcome.error.is_some() {
            return outcome;
        }
    }
    outcome.is_unfinished = pull.unfinished_len() > 0;
    outcome
}

fn drain(pull: &mut Pull, outcome: &mut Outcome) -> Result<(), ZmtpError> {
    while let Some(incoming) = pull.next_message(&mut outcome.answers)? {
        outcome.heard.push(match incoming {
            Incoming::Message(Message::Object(bytes)) => bytes.escape_ascii().to_string(),
            Incoming::Message(Message::Pair { topic, payload }) => {
                format!("{}: {}", topic.escape_ascii(), payload.escape_ascii())
            }
            Incoming::Message(Message::TooManyParts { count }) => format!("{count} parts"),
            Incoming::Ping { ttl } => format!("ping {ttl:?}"),
        });
    }
    Ok(())
}

/// Checks that chunks of any length give the same result.
fn check_any_chunks(input: &[u8]) -> Outcome {
    let whole = check(input, input.len());
    for chunk_len in 1..input.len() {
        let shown = input.escape_ascii();
        assert_eq!(check(input, chunk_len), whole, "{chunk_len} of {shown}");
    }
    whole
}

fn version_3(frames: &[u8]) -> Vec<u8> {
    [GREETING_3, READY, frames].concat()
}

fn version_2(frames: &[u8]) -> Vec<u8> {
    [GREETING_2, frames].concat()
}

fn long(flags: u8, len: u64) -> Vec<u8> {
    [&[flags | 2][..], &len.to_be_bytes()].concat()
}

#[test]
fn messages_in_any_chunks() {
    let long_frame = [&long(0, 3)[..], b"abc"].concat();
    let table: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"\0\x02{}", &["{}"]),
        (b"\0\0", &[""]),
        (b"\0\x01a\0\x01b\0\x01c", &["a", "b", "c"]),
        (b"\x01\x01t\0\x02{}", &["t: {}"]),
        (b"\x01\0\0\0\0\x01a", &[": ", "a"]),
        (b"\x01\x01t\x01\x01u\0\x01v\0\x01a", &["3 parts", "a"]),
        (&long_frame, &["abc"]),
    ];
    for &(frames, expect) in table {
        for input in [version_3(frames), version_2(frames)] {
            let outcome = check_any_chunks(&input);
            assert_eq!(outcome.heard, expect, "{}", frames.escape_ascii());
            assert_eq!((outcome.error, outcome.is_unfinished), (None, false));
        }
    }
}

#[test]
fn handshakes_match_byte_for_byte() {
    let outcome = check_any_chunks(&version_3(b""));
    let answers = [GREETING_3, OUR_READY].concat();
    assert_eq!(outcome.answers, answers);
    let outcome = check_any_chunks(&version_2(b""));
    assert_eq!(outcome.answers, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x07\0\0");
    // libzmq sends ten bytes and waits for ours.
    assert_eq!(check(&GREETING_3[..9], 9).answers, b"");
    assert_eq!(check(&GREETING_3[..10], 10).answers, GREETING_3[..11]);
}

#[test]
fn variants_of_other_libraries_are_accepted() {
    let mut other_signature = version_3(b"\0\x01a");
    other_signature[1..9].fill(0);
    other_signature[9] = 1;
    let mut minor_0 = version_3(b"\0\x01a");
    minor_0[11] = 0;
    let mut version_4 = version_3(b"\0\x01a");
    version_4[10] = 4;
    let mut revision_2 = version_2(b"\0\x01a");
    revision_2[10] = 2;
    let with_identity = [&GREETING_2[..12], b"\0\x03who\0\x01a"].concat();
    for input in [
        other_signature,
        minor_0,
        version_4,
        revision_2,
        with_identity,
    ] {
        assert_eq!(check_any_chunks(&input).heard, ["a"]);
    }
}

#[test]
fn pings_are_answered_between_messages_and_between_parts() {
    let outcome = check_any_chunks(&version_3(
        b"\x04\x0a\x04PING\0\x1eabc\x01\x01t\x04\x07\x04PING\0\0\0\x01p\x04\x05\x04PONG",
    ));
    assert_eq!(outcome.heard, ["ping 3s", "ping 0ns", "t: p"]);
    let pongs = [
        GREETING_3,
        OUR_READY,
        b"\x04\x08\x04PONGabc\x04\x05\x04PONG",
    ]
    .concat();
    assert_eq!(outcome.answers, pongs);
}

#[test]
fn truncated_input_is_incomplete() {
    let frames = b"\x01\x01t\0\x02{}";
    for input in [version_3(frames), version_2(frames)] {
        let handshake_len = input.len() - frames.len();
        for len in 0..input.len() {
            let outcome = check(&input[..len], len);
            assert_eq!((outcome.heard.len(), outcome.error), (0, None), "{len}");
            assert_eq!(outcome.is_unfinished, len != handshake_len, "{len}");
        }
    }
}

#[test]
fn refused_peers_get_an_error() {
    let socket = |name: &str| {
        let len = [0, 0, 0, name.len() as u8];
        let body = [b"\x05READY\x0bSocket-Type", &len[..], name.as_bytes()].concat();
        [GREETING_3, &[4, body.len() as u8], &body].concat()
    };
    let mut plain = GREETING_3.to_vec();
    plain[12..17].copy_from_slice(b"PLAIN");
    let mut no_mechanism = GREETING_3.to_vec();
    no_mechanism[12..16].fill(0);
    for (input, told) in [
        (socket("SUB"), "the peer's is SUB"),
        (socket("PULL"), "the peer's is PULL"),
        (socket(""), "only PUSH sockets"),
        (socket("\u{1b}[2J"), "\\x1b[2J"),
        (plain, "the peer's is PLAIN"),
        (no_mechanism, "only the security mechanism NULL"),
        (
            [GREETING_3, b"\x04\x07\x04PING\0\0"].concat(),
            "out of turn",
        ),
        ([GREETING_3, b"\0\x02{}"].concat(), "out of turn"),
        (version_3(b"\x08\0"), "wrong flags 0x08"),
        (version_3(b"\x05\x05\x04PONG"), "wrong flags 0x05"),
        (version_3(b"\x04\x02\x04P"), "malformed command"),
        (version_3(b"\0\x41"), "65 bytes long, at most 64"),
    ] {
        let outcome = check_any_chunks(&input);
        let error = outcome.error.unwrap().to_string();
        assert!(error.contains(told), "{error}");
        let answers = outcome.answers.escape_ascii().to_string();
        let last = command_error(&error);
        assert!(outcome.answers.ends_with(&last), "{answers}");
        assert_eq!(outcome.heard.len(), 0);
    }
}

fn command_error(reason: &str) -> Vec<u8> {
    let mut error = Vec::new();
    command::encode_error(&mut error, reason);
    error
}

#[test]
fn peers_that_do_not_know_error_get_none() {
    for (input, error) in [
        (b"\xff\0\0\0\0\0\0\0\x01\x7e".to_vec(), ZmtpError::Greeting),
        (b"\xfe\0\0\0\0\0\0\0\x01\x7f".to_vec(), ZmtpError::Greeting),
        (
            b"\xff\0\0\0\0\0\0\0\x01\x7f\0".to_vec(),
            ZmtpError::Version(0),
        ),
        (
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x02\0\0".to_vec(),
            ZmtpError::SocketType("SUB".into()),
        ),
        (
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x09\0\0".to_vec(),
            ZmtpError::SocketType("of type 9".into()),
        ),
        (
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\x01\0".to_vec(),
            ZmtpError::Greeting,
        ),
        (version_2(b"\x04\x05\x04PONG"), ZmtpError::Flags(4)),
        (
            version_3(b"\x04\x0b\x05ERROR\x04no\n!"),
            ZmtpError::Peer("no\\n!".into()),
        ),
        (
            [GREETING_3, b"\x04\x09\x05ERROR\x02no"].concat(),
            ZmtpError::Peer("no".into()),
        ),
    ] {
        let outcome = check_any_chunks(&input);
        assert_eq!(outcome.error, Some(error));
        assert!(!outcome.answers.ends_with(b"!") && !outcome.answers.ends_with(b"no"));
        let told = outcome
            .answers
            .windows(6)
            .any(|window| window == b"\x05ERROR");
        assert!(!told, "{}", outcome.answers.escape_ascii());
    }
}

#[test]
fn denied_peers_get_an_error_in_place_of_ready() {
    let reason = "not today";
    for (input, is_told) in [
        (version_3(b"\0\x01a"), true),
        (version_2(b"\0\x01a"), false),
    ] {
        let mut pull = Pull::new(LEN_MAX);
        pull.deny(reason);
        pull.feed(&input);
        let mut answers = Vec::new();
        let heard = pull.next_message(&mut answers);
        assert_eq!(heard, Err(ZmtpError::Denied(reason)));
        assert_eq!(answers.ends_with(&command_error(reason)), is_told);
        assert!(!answers.windows(5).any(|window| window == b"READY"));
    }
}

#[test]
fn a_message_has_a_limit() {
    let body = [b'x'; LEN_MAX + 1];
    let one = |len: usize| [&long(0, len as u64)[..], &body[..len]].concat();
    let two = |first: usize, second: usize| {
        let parts = [
            &[1, first as u8],
            &body[..first],
            &[0, second as u8],
            &body[..second],
        ];
        parts.concat()
    };
    for fits in [one(LEN_MAX), two(1, LEN_MAX - 2), two(LEN_MAX - 1, 0)] {
        for input in [version_3(&fits), version_2(&fits)] {
            let outcome = check_any_chunks(&input);
            assert_eq!((outcome.heard.len(), outcome.error), (1, None));
        }
    }
    for beyond in [
        one(LEN_MAX + 1),
        two(1, LEN_MAX - 1),
        two(LEN_MAX, 0),
        b"\x01\0".repeat(LEN_MAX + 1),
    ] {
        let outcome = check_any_chunks(&version_3(&beyond));
        let error = outcome.error;
        assert!(is_too_long(&error), "{error:?}");
        assert_eq!(outcome.heard.len(), 0);
    }
}

fn is_too_long(error: &Option<ZmtpError>) -> bool {
    matches!(error, Some(ZmtpError::MessageTooLong { len, max: LEN_MAX }) if *len > LEN_MAX as u64)
}

#[test]
fn a_command_has_a_limit() {
    for in_handshake in [true, false] {
        let before = if in_handshake {
            GREETING_3.to_vec()
        } else {
            version_3(b"")
        };
        let fits = long(4, COMMAND_LEN_MAX as u64);
        assert_eq!(check(&[&before[..], &fits].concat(), 7).error, None);
        let beyond = long(4, COMMAND_LEN_MAX as u64 + 1);
        let error = check(&[&before[..], &beyond].concat(), 7).error;
        assert_eq!(error, Some(ZmtpError::CommandTooLong));
    }
    let identity = |len: u64| [&GREETING_2[..12], &long(0, len)].concat();
    assert_eq!(check(&identity(255), 7).error, None);
    assert_eq!(check(&identity(256), 7).error, Some(ZmtpError::Greeting));
}

/// A header of nine bytes can claim everything.
#[test]
fn announced_lengths_allocate_nothing() {
    let mut pull = Pull::new(1 << 20);
    assert_eq!(pull.capacity(), 0);
    pull.feed(&version_3(&long(0, 1 << 20)));
    let mut answers = Vec::new();
    assert_eq!(pull.next_message(&mut answers), Ok(None));
    assert!(pull.capacity() < 1024, "{}", pull.capacity());
    for claim in [(1 << 20) + 1, 1 << 32, 1 << 63, u64::MAX] {
        let outcome = check(&version_3(&long(0, claim)), 1000);
        let (len, max) = (claim, LEN_MAX);
        assert_eq!(outcome.error, Some(ZmtpError::MessageTooLong { len, max }));
    }
}

#[test]
fn buffer_shrinks_after_a_large_message() {
    let mut pull = Pull::new(1 << 20);
    let len = 1 << 19;
    pull.feed(&version_3(&long(1, len)));
    pull.feed(&vec![b't'; len as usize]);
    pull.feed(b"\0\x01p\0");
    let mut answers = Vec::new();
    let message = pull.next_message(&mut answers).unwrap();
    assert!(matches!(
        message,
        Some(Incoming::Message(Message::Pair { payload: b"p", .. }))
    ));
    pull.feed(b"\x01");
    pull.feed(b"a\0");
    assert!(pull.next_message(&mut answers).unwrap().is_some());
    assert_eq!(pull.unfinished_len(), 1);
    assert!(pull.capacity() <= buffer::KEEP_CAPACITY_MAX);
}

#[test]
fn messages_become_publishes_or_errors() {
    let pair = |topic, payload| Message::Pair { topic, payload };
    for (message, topic, event) in [
        (
            Message::Object(b"{\"category\":7}"),
            "7",
            "{\"category\":7}",
        ),
        (
            Message::Object(b"\xef\xbb\xbf{\"category\":\"a\"}\n\0"),
            "a",
            "{\"category\":\"a\"}",
        ),
        (pair("猫".as_bytes(), b"[1.0]"), "猫", "[1.0]"),
        (pair(b"", b"1\0"), "", "1"),
    ] {
        let publish = message.publish().unwrap();
        assert_eq!((publish.topic.as_ref(), publish.event), (topic, event));
    }
    let deep = format!(
        "{{\"category\":1,\"a\":{}{}}}",
        "[".repeat(127),
        "]".repeat(127)
    );
    for (message, part) in [
        (Message::Object(b"{}"), "no member \"category\""),
        (Message::Object(b""), "not valid JSON"),
        (Message::Object(b"{\"category\":1}{}"), "not valid JSON"),
        (Message::Object(b"[1]"), "not an object with a category"),
        (Message::Object(b"{\"category\":\"\xff\"}"), "UTF-8"),
        (Message::Object(deep.as_bytes()), "nested deeper"),
        (pair(b"\xff", b"1"), "UTF-8"),
        (pair(b"t", b"\"\xff\""), "UTF-8"),
        (pair(b"t", b""), "not valid JSON"),
        (pair(b"t", b"tru"), "not valid JSON"),
        (Message::TooManyParts { count: 3 }, "has 3 parts"),
    ] {
        let error = message.publish().unwrap_err().to_string();
        assert!(error.contains(part), "{message:?}: {error}");
    }
}

proptest! {
    // Three parts of five characters of four bytes are within the limit.
    #[test]
    fn messages_survive_any_chunking(
        messages in prop::collection::vec(prop::collection::vec(".{0,5}", 1..4), 0..6),
        is_long: bool,
        chunk_len in 1usize..80,
    ) {
        let mut frames = Vec::new();
        for parts in &messages {
            for (index, part) in parts.iter().enumerate() {
                let more = u8::from(index + 1 < parts.len());
                match is_long {
                    true => frames.extend(long(more, part.len() as u64)),
                    false => frames.extend([more, part.len() as u8]),
                }
                frames.extend_from_slice(part.as_bytes());
            }
        }
        for input in [version_3(&frames), version_2(&frames)] {
            let outcome = check(&input, chunk_len);
            prop_assert_eq!(&outcome.error, &None);
            prop_assert!(!outcome.is_unfinished);
            prop_assert_eq!(outcome.heard.len(), messages.len());
            prop_assert_eq!(&outcome, &check(&input, input.len()));
        }
    }

    #[test]
    fn garbage_gives_the_same_result_in_any_chunks(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        after_handshake in 0usize..4,
        chunk_len in 1usize..50,
    ) {
        let input = match after_handshake {
            0 => bytes,
            1 => [GREETING_3, &bytes].concat(),
            2 => version_3(&bytes),
            _ => version_2(&bytes),
        };
        prop_assert_eq!(check(&input, chunk_len), check(&input, input.len()));
    }

    #[test]
    fn a_flipped_bit_never_panics(position in 0usize..120, bit in 0u8..8, chunk_len in 1usize..50) {
        let mut input = version_3(b"\x01\x01t\0\x02{}\x04\x0a\x04PING\0\x1eabc");
        let position = position % input.len();
        input[position] ^= 1 << bit;
        prop_assert_eq!(check(&input, chunk_len), check(&input, input.len()));
    }
}
