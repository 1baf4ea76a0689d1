//! The order, the limit and the drop policies of an outbox.

use pusher_proto::wamp::text_frame;

use super::*;

const NO_LIMIT: usize = usize::MAX;

fn frames(texts: &[&str]) -> Bytes {
    let frames = texts.iter().map(|text| text_frame(text));
    Bytes::from(frames.collect::<Vec<_>>().concat())
}

fn drop_policy(topic: &str, policy: SlowPolicy) -> DropPolicy {
    DropPolicy {
        topic: topic.into(),
        policy,
    }
}

/// Sends everything in writes of `write_len` bytes. Returns the texts of the frames.
fn drain(outbox: &mut Outbox, write_len: usize) -> Vec<String> {
    let mut bytes = Vec::new();
    while let Some(front) = outbox.front() {
        let written = write_len.min(front.len());
        bytes.extend_from_slice(&front[..written]);
        outbox.advance(written);
    }
    assert_eq!(outbox.len(), 0);
    let mut texts = Vec::new();
    let mut rest = &bytes[..];
    while let Some(len) = server_frame_len(rest) {
        texts.push(String::from_utf8(rest[2..len].to_vec()).unwrap());
        rest = &rest[len..];
    }
    assert_eq!(rest, b"");
    texts
}

/// Returns the limit that exactly fits this number of pieces and bytes.
fn limit(pieces: usize, len: usize) -> usize {
    pieces * PIECE_COST + len
}

#[test]
fn partial_writes_keep_the_order() {
    let mut outbox = Outbox::default();
    outbox.push(Bytes::from_static(b"abc"), NO_LIMIT).unwrap();
    outbox.push(Bytes::from_static(b"de"), NO_LIMIT).unwrap();
    outbox.advance(2);
    assert_eq!(outbox.front().unwrap().as_ref(), b"c");
    outbox.advance(1);
    assert_eq!(outbox.front().unwrap().as_ref(), b"de");
    outbox.advance(2);
    assert!(outbox.is_empty());
}

#[test]
fn only_pieces_behind_the_first_count_against_the_limit() {
    let mut outbox = Outbox::default();
    let max = limit(2, 10);
    let event = |len| Bytes::from(vec![b'x'; len]);
    assert_eq!(outbox.push(event(1000), max), Ok(0));
    assert_eq!(outbox.push(event(4), max), Ok(0));
    assert_eq!(outbox.push(event(7), max), Ok(0));
    assert_eq!(outbox.push(event(1), max), Err(Full), "11 bytes count");
    outbox.advance(999);
    assert_eq!(outbox.push(event(1), max), Err(Full));
    outbox.advance(1);
    assert_eq!(outbox.push(event(1000), max), Ok(0), "7 bytes count");
    assert_eq!(outbox.len(), 1011);
    assert_eq!(outbox.push(event(1), max), Err(Full));
    // With a limit of 0 the first piece counts too.
    let mut outbox = Outbox::default();
    assert_eq!(outbox.push(event(1), 0), Ok(0));
    assert_eq!(outbox.push(event(1), 0), Err(Full));
}

#[test]
fn a_close_frame_is_sent_last() {
    let mut outbox = Outbox::default();
    outbox.push(Bytes::from_static(b"event"), 5).unwrap();
    outbox.finish(Some(Bytes::from_static(b"close")));
    outbox.finish(Some(Bytes::from_static(b"again")));
    outbox.advance(5);
    assert_eq!(outbox.front().unwrap().as_ref(), b"close");
    outbox.advance(5);
    assert!(outbox.is_empty() && outbox.state() == State::Finishing);
}

#[test]
fn drop_oldest_makes_room() {
    let oldest = drop_policy("t", SlowPolicy::DropOldest);
    let mut outbox = Outbox::default();
    let batch = frames(&["one", "two", "six"]);
    // `must` takes 6 bytes, the others 5 each.
    outbox.push(frames(&["must"]), NO_LIMIT).unwrap();
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, limit(1, 0)), 0);
    let ten = frames(&["ten"]);
    assert_eq!(outbox.push_droppable(&ten, 0, &oldest, limit(1, 10)), 1);
    assert_eq!(drain(&mut outbox, 100), ["must", "two", "six", "ten"]);

    // Frames that must not be dropped also make room.
    outbox.push(frames(&["must"]), NO_LIMIT).unwrap();
    outbox.push_droppable(&batch, 0, &oldest, NO_LIMIT);
    let max = limit(1, 4);
    assert_eq!(outbox.push(frames(&["more"]), max), Ok(3));
    assert_eq!(outbox.push(frames(&["more"]), max), Err(Full));
    // No queued event may be dropped, so the new ones are.
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, max), 3);
    assert_eq!(drain(&mut outbox, 100), ["must", "more"]);
    // Events of any length fit in an empty outbox.
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, 0), 0);
    assert_eq!(outbox.push_droppable(&ten, 0, &oldest, 0), 3);
    assert_eq!(drain(&mut outbox, 100), ["ten"]);
}

/// Both may be larger than the limit.
#[test]
fn the_latest_event_waits_behind_a_begun_one() {
    let large = |text: &str| frames(&[&text.repeat(100)]);
    for policy in [SlowPolicy::DropOldest, SlowPolicy::KeepLatest] {
        let topic = drop_policy("t", policy);
        let mut outbox = Outbox::default();
        let max = limit(1, 99);
        for (text, dropped) in [("a", 0), ("b", 0), ("c", 1), ("d", 1)] {
            let begun = if text == "a" { 3 } else { 0 };
            let pushed = outbox.push_droppable(&large(text), begun, &topic, max);
            assert_eq!(pushed, dropped, "{policy:?} {text}");
        }
        assert_eq!(outbox.len(), 102 - 3 + 102);
        outbox.advance(99);
        assert_eq!(drain(&mut outbox, 100), ["d".repeat(100)]);
    }
}

#[test]
fn keep_latest_keeps_one_event_per_topic() {
    let latest = |topic| drop_policy(topic, SlowPolicy::KeepLatest);
    let mut outbox = Outbox::default();
    let mut push =
        |texts: &[&str], topic| outbox.push_droppable(&frames(texts), 0, &latest(topic), NO_LIMIT);
    assert_eq!(push(&["a1", "a2", "a3"], "a"), 2);
    assert_eq!(push(&["b1"], "b"), 0);
    assert_eq!(push(&["a4"], "a"), 1);
    assert_eq!(push(&["b2", "b3"], "b"), 2);
    assert_eq!(drain(&mut outbox, 100), ["a4", "b3"]);
}

#[test]
fn a_begun_frame_is_finished() {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::KeepLatest] {
        let topic = drop_policy("t", policy);
        let three = frames(&["one", "two", "six"]);
        // A part of the frames was sent before they were queued.
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push_droppable(&three, 7, &topic, 0), 1);
        assert_eq!(outbox.len(), 3);
        outbox.advance(3);
        assert!(outbox.is_empty());
        assert_eq!(outbox.push_droppable(&three, 7, &topic, 1), 0);
        outbox.advance(3);
        assert_eq!(drain(&mut outbox, 100), ["six"]);
        // A part was sent from the queue.
        for begun in 1..5 {
            let mut outbox = Outbox::default();
            outbox.push_droppable(&frames(&["one"]), 0, &topic, NO_LIMIT);
            outbox.advance(begun);
            outbox.push_droppable(&three, 0, &topic, NO_LIMIT);
            outbox.push_droppable(&frames(&["ten"]), 0, &topic, limit(1, 5 - begun));
            assert_eq!(outbox.len(), 10 - begun, "{policy:?} {begun}");
            outbox.advance(5 - begun);
            assert_eq!(drain(&mut outbox, 2), ["ten"]);
        }
    }
}

#[test]
fn writes_of_any_length_send_whole_frames() {
    for write_len in 1..30 {
        let mut outbox = Outbox::default();
        let topic = drop_policy("t", SlowPolicy::DropOldest);
        let batch = frames(&["one", "two", "six"]);
        outbox.push_droppable(&batch, 0, &topic, NO_LIMIT);
        outbox.push(frames(&["must"]), NO_LIMIT).unwrap();
        outbox.push_droppable(&batch, 0, &topic, NO_LIMIT);
        let expect = ["one", "two", "six", "must", "one", "two", "six"];
        assert_eq!(drain(&mut outbox, write_len), expect, "{write_len}");
    }
}

#[test]
fn a_browser_that_reads_nothing_is_stalled() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.stalled_ms(0), None);
    outbox.push(Bytes::from_static(b"event"), 5).unwrap();
    assert_eq!(outbox.stalled_ms(1000), Some(0));
    assert_eq!(outbox.stalled_ms(3000), Some(2000));
    outbox.advance(1);
    assert_eq!(outbox.stalled_ms(4000), Some(0));
    outbox.push(Bytes::from_static(b"more"), 500).unwrap();
    assert_eq!(outbox.stalled_ms(4500), Some(500));
    outbox.advance(4);
    outbox.advance(4);
    assert_eq!(outbox.stalled_ms(5000), None);
}

fn kept(topic: &str, first: u64) -> KeptEvents {
    KeptEvents {
        topic: topic.into(),
        first,
    }
}

#[test]
fn events_of_the_log_leave_a_full_outbox() {
    let mut outbox = Outbox::default();
    let max = limit(4, 0);
    let texts = ["being sent", "t2", "u3", "required", "t4"];
    let events = [kept("t", 1), kept("t", 2), kept("u", 3), kept("t", 4)];
    let mut events = events.into_iter();
    for text in texts {
        let frames = frames(&[text]);
        match text {
            "required" => assert_eq!(outbox.push(frames, max), Ok(0)),
            _ => assert_eq!(outbox.push_kept(frames, events.next().unwrap(), max), Ok(0)),
        }
    }
    let refused = outbox.push_kept(frames(&["t5"]), kept("t", 5), max);
    let taken = [kept("t", 2), kept("u", 3), kept("t", 4)];
    assert_eq!(refused, Err(taken.into()));
    assert_eq!(drain(&mut outbox, 3), ["being sent", "required"]);
}

#[test]
fn begun_events_of_the_log_are_sent() {
    let mut outbox = Outbox::default();
    let begun = frames(&["one", "two"]);
    assert_eq!(outbox.push_kept(begun, kept("t", 1), 0), Ok(0));
    outbox.advance(2);
    let refused = outbox.push_kept(frames(&["three"]), kept("t", 3), 0);
    assert_eq!(refused, Err(Vec::new()));
    assert_eq!(outbox.front().unwrap().as_ref(), b"one\x81\x03two");
}
