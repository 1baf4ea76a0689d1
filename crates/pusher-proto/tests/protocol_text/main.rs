//! The examples in PROTOCOL.md and native.md are valid.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod channels;

use pusher_proto::native::{FromPublisher, FromServer};
use pusher_proto::ticket::TicketFault;
use pusher_proto::wamp::{self, ClientMessage, PrefixLimits, Prefixes, Subprotocol};
use pusher_proto::wamp2::{self, ErrorUri, RequestType};
use pusher_proto::zmtp::Pull;
use pusher_proto::{JsonStream, limits, raw};
use serde_json::value::RawValue;

const TEXT: &str = include_str!("../../PROTOCOL.md");
const NATIVE: &str = include_str!("../../src/native.md");

/// The kinds of blocks in PROTOCOL.md. The tests below read them; HTTP and event streams are tested with a server.
const KINDS: [&str; 22] = [
    "http",
    "text",
    "json",
    "event-stream",
    "frame",
    "wamp-client",
    "wamp-client-wrong",
    "wamp-server",
    "wamp2-client",
    "wamp2-client-wrong",
    "wamp2-server",
    "pushd-client",
    "pushd-server",
    "native",
    "raw",
    "raw-wrong",
    "zmtp",
    "channels-client",
    "channels-server",
    "channels-event",
    "channels-request",
    "channels-webhook",
];

/// The lines of all blocks that are marked with `kind`.
fn lines<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let mut lines = Vec::new();
    let mut current = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), current) {
            (Some(marked), None) => current = Some(marked),
            (Some(_), Some(_)) => current = None,
            (None, Some(marked)) if marked == kind => lines.push(line),
            (None, _) => {}
        }
    }
    assert!(!lines.is_empty(), "there is no block marked {kind}");
    lines
}

#[test]
fn every_block_is_tested() {
    let fences: Vec<_> = TEXT
        .lines()
        .filter(|line| line.starts_with("```"))
        .collect();
    for block in fences.chunks(2) {
        let [begin, end] = block else {
            panic!("{block:?} does not end");
        };
        assert!(KINDS.contains(&&begin[3..]), "no test reads {begin}");
        assert_eq!(*end, "```");
    }
}

#[test]
fn client_messages_are_decoded() {
    for line in lines(TEXT, "wamp-client") {
        if let Err(error) = ClientMessage::decode(line, Subprotocol::Wamp) {
            panic!("{line}: {error}");
        }
    }
    for line in lines(TEXT, "wamp-client-wrong") {
        let decoded = ClientMessage::decode(line, Subprotocol::Wamp);
        assert!(decoded.is_err(), "{line}");
    }
    for line in lines(TEXT, "pushd-client") {
        let decoded = ClientMessage::decode(line, Subprotocol::Pushd1);
        assert!(decoded.is_ok(), "{line}");
        match ClientMessage::decode(line, Subprotocol::Wamp) {
            Ok(ClientMessage::Subscribe { since: None, .. }) | Err(_) => {}
            Ok(message) => panic!("{line} in wamp: {message:?}"),
        }
    }
}

fn fault(code: &str) -> TicketFault {
    TicketFault::parse(code).unwrap_or_else(|| panic!("no code {code}"))
}

#[test]
fn every_code_of_a_refusal_is_in_the_text() {
    for fault in TicketFault::ALL {
        let row = format!("| `{}` |", fault.code());
        assert!(TEXT.contains(&row), "no {row}");
    }
}

#[test]
fn server_messages_round_trip() {
    for line in [lines(TEXT, "wamp-server"), lines(TEXT, "pushd-server")].concat() {
        let elements: Vec<&RawValue> = serde_json::from_str(line).unwrap();
        let element = |index: usize| elements[index].get();
        let text = |index: usize| serde_json::from_str::<String>(element(index)).unwrap();
        let message = match element(0) {
            "0" => wamp::welcome(&text(1), &text(3)),
            "3" => wamp::call_result(element(1), element(2)),
            "4" => {
                let details = elements.get(4).map(|details| details.get());
                wamp::call_error(element(1), &text(2), &text(3), details)
            }
            "8" => {
                let mut frame = wamp::event_frame(&text(1), element(2));
                if let Some(sequence) = elements.get(3) {
                    let plain = std::mem::take(&mut frame);
                    let sequence = sequence.get().parse().unwrap();
                    wamp::numbered_event_frame(&mut frame, &plain, sequence);
                }
                payload(&frame).1
            }
            "9" => {
                let position = text(2).parse().unwrap();
                let recovered = element(3).parse().unwrap();
                wamp::subscribed(&text(1), position, recovered, element(4).parse().unwrap())
            }
            "10" => wamp::gap(&text(1), text(2).parse().unwrap()),
            "11" => wamp::denied(&text(1), fault(&text(2))),
            "13" if element(1) == "null" => wamp::ticket_refused(fault(&text(2))),
            "13" => wamp::ticket_accepted(element(1).parse().unwrap()),
            "12" => wamp::keepalive(element(1).parse().unwrap(), element(2).parse().unwrap()),
            other => panic!("{line}: type {other}"),
        };
        assert_eq!(message, line);
    }
}

#[test]
fn wamp2_client_messages_are_decoded() {
    for line in lines(TEXT, "wamp2-client") {
        if let Err(error) = wamp2::ClientMessage::decode(line) {
            panic!("{line}: {error}");
        }
    }
    for line in lines(TEXT, "wamp2-client-wrong") {
        assert!(wamp2::ClientMessage::decode(line).is_err(), "{line}");
    }
}

/// The error that a line ends with.
fn error_uri(line: &str) -> ErrorUri {
    let mut known = ErrorUri::ALL.into_iter();
    let error = known.find(|error| line.contains(&format!("\"{}\"", error.uri())));
    error.unwrap_or_else(|| panic!("no error in {line}"))
}

#[test]
fn every_error_of_wamp2_is_in_the_text() {
    for error in ErrorUri::ALL {
        let row = format!("| `{}` |", error.uri());
        assert!(TEXT.contains(&row), "no {row}");
    }
}

/// The event of the arguments in an EVENT, as a publisher on port 5555 writes it.
fn wamp2_event(arguments: &[&RawValue]) -> String {
    match arguments {
        [] => r#"{"args":[],"kwargs":{}}"#.to_owned(),
        [args] => serde_json::from_str::<[&RawValue; 1]>(args.get()).unwrap()[0].to_string(),
        [args, kwargs] => format!(r#"{{"args":{args},"kwargs":{kwargs}}}"#),
        _ => panic!("{arguments:?}"),
    }
}

#[test]
fn wamp2_server_messages_round_trip() {
    for line in lines(TEXT, "wamp2-server") {
        let elements: Vec<&RawValue> = serde_json::from_str(line).unwrap();
        let number = |index: usize| elements[index].get().parse().unwrap();
        let message = match number(0) {
            2 => wamp2::welcome(number(1), "pushd/0.1.0"),
            3 => wamp2::abort(error_uri(line), "the first message must be HELLO"),
            6 => wamp2::goodbye(),
            8 => {
                assert_eq!(number(1), 32);
                let request_type = RequestType::Subscribe;
                let message = "this topic needs a ticket";
                wamp2::error(request_type, number(2), error_uri(line), message)
            }
            17 => wamp2::published(number(1), number(2)),
            33 => wamp2::subscribed(number(1), number(2)),
            35 => wamp2::unsubscribed(number(1)),
            36 => {
                let mut message = Vec::new();
                let event = wamp2_event(&elements[4..]);
                wamp2::append_event(&mut message, number(1), number(2), event.as_bytes());
                String::from_utf8(message).unwrap()
            }
            other => panic!("{line}: type {other}"),
        };
        assert_eq!(message, line);
    }
}

#[test]
fn curies() {
    let mut prefixes = Prefixes::default();
    for line in lines(TEXT, "wamp-client") {
        if let Ok(ClientMessage::Prefix { prefix, uri }) =
            ClientMessage::decode(line, Subprotocol::Wamp)
        {
            prefixes
                .define(&prefix, &uri, PrefixLimits::default())
                .unwrap();
        }
    }
    let rows = TEXT
        .lines()
        .skip_while(|line| *line != "| written | meant |");
    let rows: Vec<_> = rows.skip(2).take_while(|line| !line.is_empty()).collect();
    assert!(rows.len() > 3, "the table of CURIEs");
    for row in rows {
        let cells: Vec<_> = row.split('`').collect();
        assert_eq!(prefixes.resolve(cells[1].into()), cells[3], "{row}");
    }
}

#[test]
fn frames() {
    for line in lines(TEXT, "frame") {
        let (hex, meaning) = line.split_once(" = ").unwrap();
        let frame = bytes(hex);
        let (first, text) = payload(&frame);
        let is_masked = frame[1] & 0x80 != 0;
        let ours = match (first, meaning.split(' ').collect::<Vec<_>>().as_slice()) {
            (0x89, ["ping"]) => wamp::ping_frame().to_vec(),
            (0x88, ["close", code, reason @ ..]) => {
                wamp::close_frame(code.parse().unwrap(), &reason.join(" "))
            }
            (0x81, _) => {
                assert_eq!(text, meaning);
                wamp::text_frame(meaning)
            }
            (0x8a, ["pong"]) => vec![0x8a, 0],
            other => panic!("{other:?}"),
        };
        assert_eq!(payload(&ours), (first, text), "{line}");
        assert!(is_masked || ours == frame, "{line}");
    }
}

/// The first byte of a frame that is all of `frame`, and its payload without the mask, as text if
/// it is one.
fn payload(frame: &[u8]) -> (u8, String) {
    let short = usize::from(frame[1] & 0x7f);
    let (mut start, len) = match short {
        126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
        _ => (2, short),
    };
    let mut mask = [0; 4];
    if frame[1] & 0x80 != 0 {
        mask.copy_from_slice(&frame[start..start + 4]);
        start += 4;
    }
    let masked = frame[start..].iter().zip(mask.iter().cycle());
    let payload: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(payload.len(), len, "{frame:x?}");
    let text = String::from_utf8(payload);
    (
        frame[0],
        text.unwrap_or_else(|e| format!("{:x?}", e.as_bytes())),
    )
}

#[test]
fn native_conversations() {
    for line in [lines(TEXT, "native"), lines(NATIVE, "text")].concat() {
        let result = match line.split_at(2) {
            ("> ", message) => FromPublisher::decode(message).map(|_| ()),
            ("< ", message) => FromServer::decode(message).map(|message| {
                assert!(!matches!(message, FromServer::Unknown { .. }), "{line}");
            }),
            _ => panic!("{line}: who says it?"),
        };
        assert_eq!(result, Ok(()), "{line}");
    }
}

#[test]
fn raw_objects() {
    let mut stream = JsonStream::new(limits::PUBLISH_LEN_MAX);
    stream.feed(lines(TEXT, "raw").join("\n").as_bytes());
    let mut topics = Vec::new();
    while let Some(object) = stream.next_value().unwrap() {
        topics.push(raw::decode(object).unwrap().topic.into_owned());
    }
    assert_eq!(topics, ["kittensCategory", "7", "7"]);
    assert_eq!(stream.unfinished_len(), 0);
    for line in lines(TEXT, "raw-wrong") {
        assert!(raw::decode(line).is_err(), "{line}");
    }
}

#[test]
fn zmtp_handshake() {
    let mut pull = Pull::new(limits::PUBLISH_LEN_MAX);
    let mut answers = Vec::new();
    let mut messages = 0;
    for line in lines(TEXT, "zmtp") {
        let (step, _) = line.split_once(" = ").unwrap();
        let bytes = bytes(&step[2..]);
        if step.starts_with('<') {
            assert!(answers.starts_with(&bytes), "{line}: {answers:x?}");
            answers.drain(..bytes.len());
            continue;
        }
        assert!(answers.is_empty(), "before {line}: {answers:x?}");
        pull.feed(&bytes);
        while let Some(incoming) = pull.next_message(&mut answers).unwrap() {
            if let pusher_proto::zmtp::Incoming::Message(message) = incoming {
                assert_eq!(message.publish().unwrap().topic, "k");
                messages += 1;
            }
        }
    }
    assert!(answers.is_empty(), "at the end: {answers:x?}");
    assert_eq!(messages, 2);
}

/// `ff 00*3` is `ff 00 00 00`.
fn bytes(hex: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in hex.split(' ') {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let byte = u8::from_str_radix(digits, 16).unwrap();
        bytes.resize(bytes.len() + times.parse::<usize>().unwrap(), byte);
    }
    bytes
}

#[test]
fn limits_are_those_of_the_code() {
    let (_, section) = TEXT.split_once("## Limits of the wire").unwrap();
    for (name, limit) in [
        ("topic", limits::TOPIC_LEN_MAX),
        ("event", limits::EVENT_LEN_MAX),
        ("id of a publish", limits::ID_LEN_MAX),
        ("ticket", limits::TICKET_LEN_MAX),
        ("topics of a ticket", limits::TICKET_TOPICS_MAX),
        ("`sub` of a ticket", limits::SUB_LEN_MAX),
        ("`info` of a ticket", limits::TICKET_INFO_LEN_MAX),
        ("publisher's message", limits::PUBLISH_LEN_MAX),
        ("depth of a message", limits::JSON_DEPTH_MAX),
        ("depth of an event", limits::EVENT_DEPTH_MAX),
        ("client's message", limits::CLIENT_MESSAGE_LEN_MAX),
        (
            "depth of a client's message in WAMP v2",
            limits::WAMP2_DEPTH_MAX,
        ),
        ("prefixes", limits::PREFIXES_MAX),
        ("prefixes together", limits::PREFIX_BYTES_MAX),
    ] {
        let start = format!("| {name} | ");
        let row = section.lines().find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let digits: String = row.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, limit.to_string(), "{name}");
    }
}
