use super::super::entry_check::encode;
use super::*;

fn text(bytes: impl AsRef<[u8]>) -> Value {
    Value::BulkString(bytes.as_ref().to_vec())
}

/// Decodes an entry with this id and these fields. The reply stays in memory, because the entry borrows from it.
fn decode(id: &str, fields: &[&str]) -> Option<Entry<'static>> {
    let fields = fields.iter().map(text).collect();
    let reply = Value::Array(vec![text(id), Value::Array(fields)]);
    Entry::decode(Box::leak(Box::new(reply)))
}

/// Decodes the content of an entry with these fields.
#[track_caller]
fn content_of(fields: &[&str]) -> Content<'static> {
    decode("1-1", fields).unwrap().content
}

fn session(digit: char) -> SessionId {
    let digits = String::from(digit).repeat(32);
    SessionId::parse(&digits).unwrap()
}

fn event(recipients: Option<Recipients>) -> Entry<'static> {
    Entry {
        position: Position {
            epoch: u64::MAX,
            sequence: 7,
        },
        time_ms: 1_700_000_000_000,
        content: Content::Event {
            topic: "猫",
            event: r#"{"n":1}"#,
            recipients,
        },
    }
}

#[test]
fn entries_survive_a_round_trip() {
    let (a, b) = (session('a'), session('b'));
    let recipients = |exclude: &[SessionId], eligible: Option<&[SessionId]>| Recipients {
        exclude: exclude.to_vec(),
        exclude_numbers: Vec::new(),
        eligible: eligible.map(<[SessionId]>::to_vec),
    };
    for recipients in [
        None,
        Some(recipients(&[], None)),
        Some(recipients(&[a], None)),
        Some(recipients(&[], Some(&[]))),
        Some(recipients(&[a, b], Some(&[b, a]))),
        Some(Recipients {
            exclude_numbers: vec![1, 1 << 53],
            ..recipients(&[a], None)
        }),
    ] {
        let entry = event(recipients);
        assert_eq!(Entry::decode(&encode(&entry).unwrap()), Some(entry));
    }
    let probe = Entry {
        content: Content::Probe("node:1"),
        ..event(None)
    };
    assert_eq!(Entry::decode(&encode(&probe).unwrap()), Some(probe));
}

#[test]
fn ids_are_positions() {
    let read = |id| decode(id, &["p", "x"]).map(|entry| entry.position);
    let position = |epoch, sequence| Some(Position { epoch, sequence });
    assert_eq!(read("5-6"), position(5, 6));
    assert_eq!(read("0-1"), position(0, 1));
    // Nobody appends such an entry, so it has no event. It must not end the reading of those behind it.
    let unnumbered = decode("5-0", &["t", "t", "e", "1"]).unwrap();
    assert_eq!(unnumbered.position, position(5, 0).unwrap());
    assert_eq!(unnumbered.content, Content::Unknown);
    let largest = "18446744073709551615-18446744073709551615";
    assert_eq!(read(largest), position(u64::MAX, u64::MAX));
    for id in [
        "18446744073709551616-1",
        "1-18446744073709551616",
        "",
        "-",
        "5",
        "5-",
        "-5",
        "5-6-7",
        "5--6",
        "a-b",
        " 5-6",
    ] {
        assert_eq!(read(id), None, "{id}");
    }
    let bytes = Value::Array(vec![text(b"\xff-1"), Value::Array(Vec::new())]);
    assert_eq!(Entry::decode(&bytes), None);
}

#[test]
fn other_values_are_no_entries() {
    let fields = || Value::Array(Vec::new());
    for value in [
        Value::Nil,
        Value::Okay,
        text("1-1"),
        Value::Array(Vec::new()),
        Value::Array(vec![text("1-1")]),
        Value::Array(vec![text("1-1"), Value::Nil]),
        Value::Array(vec![Value::Int(1), fields()]),
        Value::Array(vec![text("1-1"), fields(), fields()]),
    ] {
        assert_eq!(Entry::decode(&value), None, "{value:?}");
    }
}

#[test]
fn entries_that_this_version_does_not_know_are_unknown() {
    for fields in [
        &[][..],
        &["m", "1"],
        &["t", "topic"],
        &["e", "1"],
        &["t", "", "e", "1"],
        &["t", "topic", "e", "{"],
        &["t", "topic", "e", ""],
        &["t", "topic", "e", "1", "r", "everybody"],
        &[
            "t",
            "topic",
            "e",
            "1",
            "r",
            r#"{"exclude":["x"],"eligible":null}"#,
        ],
        // A field of a later version.
        &["t", "topic", "e", "1", "z", "1"],
        &["p", "probe", "z", "1"],
        // A name without a value.
        &["t", "topic", "e", "1", "z"],
    ] {
        assert_eq!(content_of(fields), Content::Unknown, "{fields:?}");
    }
}

#[test]
fn entries_with_other_bytes_than_text_are_unknown() {
    for fields in [
        [text("t"), text(b"\xff"), text("e"), text("1")],
        [text("t"), text("topic"), text("e"), text(b"\"\xff\"")],
        [text(b"\xff"), text("1"), text("p"), text("probe")],
        [text("t"), Value::Nil, text("e"), text("1")],
    ] {
        let value = Value::Array(vec![text("1-1"), Value::Array(fields.to_vec())]);
        let entry = Entry::decode(&value).unwrap();
        assert_eq!(entry.content, Content::Unknown, "{value:?}");
    }
}

#[test]
fn time_that_is_none_is_0() {
    for (time, expected) in [("12", 12), ("-1", 0), ("x", 0), ("18446744073709551616", 0)] {
        let entry = decode("1-1", &["m", time, "p", "x"]).unwrap();
        assert_eq!(entry.time_ms, expected, "{time}");
    }
}
