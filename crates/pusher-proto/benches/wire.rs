//! Decoding, encoding and framing: `cargo bench --package pusher-proto`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use pusher_proto::channels::{append_event, compose};
use pusher_proto::wamp::{ClientMessage, PrefixLimits, Prefixes, Subprotocol, event_frame};
use pusher_proto::{JsonStream, Position, Receipt, Stored, check_value, native, raw};

/// Lengths of events, in bytes.
const LENS: [usize; 3] = [64, 512, 65536];

fn main() {
    divan::main();
}

/// A JSON object of this length.
fn event(len: usize) -> String {
    let start = r#"{"category":"kittensCategory","text":""#;
    format!("{start}{}\"}}", "x".repeat(len - start.len() - 2))
}

#[divan::bench]
fn decode_subscribe() {
    let message = ClientMessage::decode(black_box(r#"[5,"kittensCategory"]"#), Subprotocol::Wamp);
    assert!(message.is_ok());
}

#[divan::bench]
fn resolve_curie(bencher: Bencher<'_, '_>) {
    let mut prefixes = Prefixes::default();
    for prefix in ["kittens", "puppies", "foals"] {
        let defined = prefixes.define(prefix, "http://example.com/", PrefixLimits::default());
        assert!(defined.is_ok());
    }
    bencher.bench_local(|| prefixes.resolve(black_box("puppies:new").into()));
}

#[divan::bench(args = LENS)]
fn check_event(bencher: Bencher<'_, '_>, len: usize) {
    let event = event(len);
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| check_value(black_box(&event)));
}

#[divan::bench(args = LENS)]
fn build_frame(bencher: Bencher<'_, '_>, len: usize) {
    let event = event(len);
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| event_frame("kittensCategory", black_box(&event)));
}

/// The message of the Channels protocol, which is made once per event and shard.
#[divan::bench(args = LENS)]
fn channels_message(bencher: Bencher<'_, '_>, len: usize) {
    let event = compose("kittens", &event(len), None);
    let mut out = Vec::new();
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| {
        out.clear();
        append_event(&mut out, "kittensCategory", black_box(event.as_bytes()));
    });
}

#[divan::bench(args = LENS)]
fn split_stream(bencher: Bencher<'_, '_>, len: usize) {
    let event = event(len);
    let mut stream = JsonStream::new(2 * len);
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| {
        stream.feed(black_box(event.as_bytes()));
        let value = stream.next_value();
        assert!(matches!(value, Ok(Some(_))));
    });
}

#[divan::bench(args = LENS)]
fn decode_raw(bencher: Bencher<'_, '_>, len: usize) {
    let event = event(len);
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| assert!(raw::decode(black_box(&event)).is_ok()));
}

#[divan::bench(args = LENS)]
fn decode_native(bencher: Bencher<'_, '_>, len: usize) {
    let publish = format!("[3,7,\"kittensCategory\",{}]", event(len));
    let bencher = bencher.counter(BytesCount::new(len));
    bencher.bench_local(|| assert!(native::FromPublisher::decode(black_box(&publish)).is_ok()));
}

#[divan::bench]
fn encode_receipt(bencher: Bencher<'_, '_>) {
    let mut out = Vec::new();
    let receipt = Receipt {
        sequence: 123_456,
        subscribers: 1000,
        position: Some(Position {
            epoch: 0x6d1f_3c5a_9be0_2478,
            sequence: 123_456,
        }),
        stored: Stored::Memory,
        nodes: None,
    };
    bencher.bench_local(|| {
        out.clear();
        native::encode_receipt(&mut out, black_box(7), receipt);
    });
}
