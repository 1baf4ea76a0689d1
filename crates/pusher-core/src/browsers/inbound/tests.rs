//! Tests of the decoder.

use pusher_proto::wamp::text_frame;

use super::*;
use crate::connection::deflate_frames;

/// "Hello" as RFC 7692, section 7.2.3.1, has it.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// Builds a client's frame, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn feed(bytes: &[u8], chunk_len: usize) -> (Vec<Incoming>, Result<(), Violation>, bool) {
    feed_with(false, bytes, chunk_len)
}

fn feed_with(
    may_compress: bool,
    bytes: &[u8],
    chunk_len: usize,
) -> (Vec<Incoming>, Result<(), Violation>, bool) {
    let mut inbound = Inbound::default();
    let mut incoming = Vec::new();
    for chunk in bytes.chunks(chunk_len) {
        let limits = MessageLimits {
            may_compress,
            len_max: 1000,
            timeout_ms: 0,
        };
        let fed = inbound.feed(chunk, 0, limits, |message| {
            if !matches!(message, Incoming::Ping | Incoming::Pong(_)) {
                incoming.push(message);
            }
            Ok(())
        });
        if fed.is_err() || matches!(incoming.last(), Some(Incoming::Close(_))) {
            return (incoming, fed, inbound.decoder.is_none());
        }
    }
    (incoming, Ok(()), inbound.decoder.is_none())
}

#[test]
fn chunks_of_any_size_decode_and_leave_no_state() {
    let bytes = [
        frame(0x81, b"one"),
        frame(0x01, b"t"),
        frame(0x89, b"ping"),
        frame(0x80, "猫".as_bytes()),
        frame(0x82, &[0xff; 300]),
    ]
    .concat();
    for chunk_len in [1, 2, 3, 7, 100, bytes.len()] {
        let (incoming, fed, is_idle) = feed(&bytes, chunk_len);
        assert_eq!(fed, Ok(()));
        assert!(is_idle, "the decoder is dropped between messages");
        assert_eq!(
            incoming,
            [
                Incoming::Text("one".into()),
                Incoming::Reply(b"\x8a\x04ping".to_vec()),
                Incoming::Text("t猫".into()),
                Incoming::Binary(vec![0xff; 300].into())
            ]
        );
    }
}

#[test]
fn compressed_messages_decode_in_chunks_of_any_size() {
    let bytes = [
        frame(0xc1, &HELLO),
        frame(0x81, b"plain"),
        frame(0x41, &HELLO[..3]),
        frame(0x89, b"ping"),
        frame(0x80, &HELLO[3..]),
        frame(0xc2, &HELLO),
        frame(0x82, b"plain"),
    ]
    .concat();
    for chunk_len in [1, 2, 3, 7, bytes.len()] {
        let (incoming, fed, is_idle) = feed_with(true, &bytes, chunk_len);
        assert_eq!((fed, is_idle), (Ok(()), true));
        let expected = [
            Incoming::Text("Hello".into()),
            Incoming::Text("plain".into()),
            Incoming::Reply(b"\x8a\x04ping".to_vec()),
            Incoming::Text("Hello".into()),
            Incoming::Binary(b"Hello".as_slice().into()),
            Incoming::Binary(b"plain".as_slice().into()),
        ];
        assert_eq!(incoming, expected);
    }
}

#[test]
fn violations_of_compressed_messages_have_their_codes() {
    // A compressed message of the server, without the header of its frame.
    let compressed = |len| {
        deflate_frames(&text_frame(&"0".repeat(len)), 1)
            .unwrap()
            .split_off(2)
    };
    // A block that is stored as it is, with a byte that is no UTF-8.
    let not_utf8 = vec![0, 1, 0, 0xfe, 0xff, 0xff, 0];
    for (payload, code) in [
        (compressed(1001), 1009),
        (not_utf8, 1007),
        (vec![0xff; 8], 1007),
    ] {
        let (incoming, fed, _) = feed_with(true, &frame(0xc1, &payload), 4096);
        assert_eq!(incoming, []);
        assert_eq!(fed.unwrap_err().kind.code(), code, "{payload:x?}");
    }
    let longest = compressed(1000);
    assert_eq!(feed_with(true, &frame(0xc1, &longest), 4096).1, Ok(()));
    for bytes in [
        [frame(0x41, &HELLO[..3]), frame(0xc0, &HELLO[3..])].concat(),
        frame(0xc9, b"ping"),
        frame(0xa1, b""),
    ] {
        let (_, fed, _) = feed_with(true, &bytes, 4096);
        assert_eq!(fed.unwrap_err().kind.code(), 1002, "{bytes:x?}");
    }
}

#[test]
fn incomplete_message_times_out() {
    let limits = MessageLimits {
        may_compress: false,
        len_max: 1000,
        timeout_ms: 100,
    };
    let mut inbound = Inbound::default();
    let mut feed = |bytes: &[u8], now_ms| {
        let fed = inbound.feed(bytes, now_ms, limits, |_| Ok(()));
        fed.map_err(|violation| violation.kind)
    };
    let [first, last] = [frame(0x01, b"a"), frame(0x80, b"b")];
    let ping = frame(0x89, b"");
    assert_eq!(feed(&first, 1000), Ok(()));
    assert_eq!(feed(&ping, 1100), Ok(()), "in time");
    assert_eq!(feed(&last, 1101), Ok(()), "late, but complete");
    assert_eq!(
        feed(&first, 2000),
        Ok(()),
        "the next message has its own timeout"
    );
    let last_and_first = [&last[..], &first].concat();
    assert_eq!(feed(&last_and_first, 2100), Ok(()));
    assert_eq!(feed(&ping, 2200), Ok(()));
    assert_eq!(feed(&ping, 2201), Err(ViolationKind::Unfinished));
}

#[test]
fn close_frame_is_answered() {
    let code = |code: u16| code.to_be_bytes().to_vec();
    let echo = |code: u16| [&[0x88, 2][..], &code.to_be_bytes()].concat();
    for (payload, reply) in [
        (vec![], echo(1000)),
        (code(1000), echo(1000)),
        (code(3001), echo(3001)),
    ] {
        let bytes = [frame(0x88, &payload), frame(0x81, b"late")].concat();
        let (incoming, fed, _) = feed(&bytes, bytes.len());
        assert_eq!((incoming, fed), (vec![Incoming::Close(reply)], Ok(())));
    }
    for payload in [code(1005), code(0)] {
        let (incoming, _, _) = feed(&frame(0x88, &payload), 100);
        let [Incoming::Close(reply)] = &incoming[..] else {
            panic!("{incoming:?}");
        };
        assert_eq!(reply[2..4], 1002u16.to_be_bytes(), "{payload:?}");
    }
}

#[test]
fn violations_have_their_codes() {
    let mut unmasked = frame(0x81, b"");
    unmasked[1] = 0;
    for (bytes, code) in [
        (unmasked, 1002),
        (frame(0xc1, b""), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x80, b"continuation first"), 1002),
        (frame(0x09, b"fragmented ping"), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x88, &[3]), 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x81, &[b'x'; 1001]), 1009),
        (
            [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 401])].concat(),
            1009,
        ),
    ] {
        let (incoming, fed, _) = feed(&bytes, bytes.len());
        assert_eq!(incoming, [], "{bytes:x?}");
        assert_eq!(fed.unwrap_err().kind.code(), code, "{bytes:x?}");
    }
    assert_eq!(feed(&frame(0x81, &[b'x'; 1000]), 4096).1, Ok(()));
}
