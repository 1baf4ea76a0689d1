//! What waits, what goes, and what is left out.

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

/// The texts of what leaves, in writes of `write_len` bytes.
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

/// A limit for so many pieces of so many bytes.
fn limit(pieces: usize, len: usize) -> usize {
    pieces * PIECE_COST + len
}

#[test]
fn order_and_rest_are_kept() {
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
fn what_waits_has_a_limit_and_what_is_sent_and_what_comes_may_exceed_it() {
    let mut outbox = Outbox::default();
    let max = limit(2, 10);
    let event = |len| Bytes::from(vec![b'x'; len]);
    assert_eq!(outbox.push(event(1000), max), Ok(0));
    assert_eq!(outbox.push(event(4), max), Ok(0));
    assert_eq!(outbox.push(event(7), max), Ok(0));
    assert_eq!(outbox.push(event(1), max), Err(Full), "11 bytes wait");
    outbox.advance(999);
    assert_eq!(outbox.push(event(1), max), Err(Full));
    outbox.advance(1);
    assert_eq!(outbox.push(event(1000), max), Ok(0), "7 bytes wait");
    assert_eq!(outbox.len(), 1011);
    assert_eq!(outbox.push(event(1), max), Err(Full));
    // In no room nothing waits at all.
    let mut outbox = Outbox::default();
    assert_eq!(outbox.push(event(1), 0), Ok(0));
    assert_eq!(outbox.push(event(1), 0), Err(Full));
}

#[test]
fn a_close_frame_goes_out_last() {
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
fn the_oldest_are_left_out() {
    let oldest = drop_policy("t", SlowPolicy::DropOldest);
    let mut outbox = Outbox::default();
    let batch = frames(&["one", "two", "six"]);
    // `must` takes 6 bytes, the others 5 each.
    outbox.push(frames(&["must"]), NO_LIMIT).unwrap();
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, limit(1, 0)), 0);
    let ten = frames(&["ten"]);
    assert_eq!(outbox.push_droppable(&ten, 0, &oldest, limit(1, 10)), 1);
    assert_eq!(drain(&mut outbox, 100), ["must", "two", "six", "ten"]);

    // What must arrive makes them go, too.
    outbox.push(frames(&["must"]), NO_LIMIT).unwrap();
    outbox.push_droppable(&batch, 0, &oldest, NO_LIMIT);
    let max = limit(1, 4);
    assert_eq!(outbox.push(frames(&["more"]), max), Ok(3));
    assert_eq!(outbox.push(frames(&["more"]), max), Err(Full));
    // Nothing else can go: it goes itself.
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, max), 3);
    assert_eq!(drain(&mut outbox, 100), ["must", "more"]);
    // And anything fits an empty outbox.
    assert_eq!(outbox.push_droppable(&batch, 0, &oldest, 0), 0);
    assert_eq!(outbox.push_droppable(&ten, 0, &oldest, 0), 3);
    assert_eq!(drain(&mut outbox, 100), ["ten"]);
}

/// The latest is what counts: it waits behind an older one that is begun, however large both are.
#[test]
fn the_latest_waits_behind_a_large_one_that_is_begun() {
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
fn only_the_latest_of_each_topic_is_kept() {
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
fn what_is_begun_is_finished() {
    for policy in [SlowPolicy::DropOldest, SlowPolicy::KeepLatest] {
        let topic = drop_policy("t", policy);
        let three = frames(&["one", "two", "six"]);
        // Begun before it was queued.
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push_droppable(&three, 7, &topic, 0), 1);
        assert_eq!(outbox.len(), 3);
        outbox.advance(3);
        assert!(outbox.is_empty());
        assert_eq!(outbox.push_droppable(&three, 7, &topic, 1), 0);
        outbox.advance(3);
        assert_eq!(drain(&mut outbox, 100), ["six"]);
        // Begun since.
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
fn writes_of_any_length_leave_whole_frames() {
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
fn stalled_is_who_takes_nothing() {
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
