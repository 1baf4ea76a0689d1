//! Round trips, and damaged lines.

use proptest::prelude::*;

use super::*;

fn record() -> Record<'static> {
    Record {
        time_ms: 1_767_225_600_000,
        ttl_s: 300,
        topic: "kittens".into(),
        id: "order-7".into(),
        latest: true,
        exclude: Some("1.171".into()),
        token: Some("s3cret".into()),
        event: r#"{"n":1.0}"#,
    }
}

/// The lines that a reader finds in a file.
fn lines(file: &[u8]) -> Vec<&[u8]> {
    let lines = file.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty()).collect()
}

/// Encodes an object with its checksum.
fn line(object: &str) -> Vec<u8> {
    format!("{:08x} {object}", crc32fast::hash(object.as_bytes())).into_bytes()
}

#[test]
fn the_members_are_in_the_order_of_the_specification() {
    let encoded = String::from_utf8(encode(&record())).unwrap();
    let object = r#"{"v":1,"time":1767225600000,"ttl":300,"topic":"kittens","id":"order-7","latest":true,"exclude":"1.171","token":"s3cret","event":{"n":1.0}}"#;
    let checksum = &encoded[1..9];
    assert_eq!(encoded, format!("\n{checksum} {object}\n"));
    assert_eq!(lines(encoded.as_bytes()), [line(object)]);
    let document = include_str!("../spool.md");
    assert!(document.contains(encoded.trim()), "spool.md has: {encoded}");
    let plain = Record {
        latest: false,
        exclude: None,
        token: None,
        ..record()
    };
    let encoded = String::from_utf8(encode(&plain)).unwrap();
    assert!(encoded.ends_with(",\"id\":\"order-7\",\"event\":{\"n\":1.0}}\n"));
}

#[test]
fn line_feeds_between_tokens_become_spaces() {
    let pretty = Record {
        event: "{\r\n  \"a\": \"\\n\",\n\t\"b\": [1,\r2]\n}",
        ..record()
    };
    let encoded = encode(&pretty);
    let lines = lines(&encoded);
    assert_eq!(lines.len(), 1);
    let decoded = decode(lines[0]).unwrap();
    assert_eq!(decoded.event, "{    \"a\": \"\\n\", \t\"b\": [1, 2] }");
}

#[test]
fn a_torn_record_does_not_damage_the_next() {
    let (torn, whole) = (encode(&record()), encode(&record()));
    for cut in 0..torn.len() {
        let file = [&torn[..cut], &whole].concat();
        let lines = lines(&file);
        let (last, torn) = lines.split_last().unwrap();
        assert_eq!(decode(last), Ok(record()), "cut at {cut}");
        for line in torn {
            // Only the line feed at the end may be missing.
            let is_whole = cut == whole.len() - 1;
            assert_eq!(decode(line).is_ok(), is_whole, "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_is_an_error_and_never_other_data() {
    let encoded = encode(&record());
    let (start, end) = (encoded.len(), 2 * encoded.len());
    for at in start..end {
        for bit in 0..8 {
            let mut file = [&encoded[..], &encoded, &encoded].concat();
            file[at] ^= 1 << bit;
            let decoded: Vec<_> = lines(&file).into_iter().map(decode).collect();
            let whole = decoded.iter().filter(|line| **line == Ok(record())).count();
            assert_eq!(whole, 2, "byte {at} bit {bit}: {decoded:?}");
            let other = decoded.iter().flatten().any(|found| *found != record());
            assert!(!other, "byte {at} bit {bit}: {decoded:?}");
        }
    }
}

#[test]
fn invalid_lines_are_damaged() {
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    let with_event = |event: &str| {
        line(&format!(
            r#"{{"v":1,"time":1,"ttl":1,"topic":"t","id":"i","event":{event}}}"#
        ))
    };
    assert!(decode(&with_event("1")).is_ok());
    let mut upper = line(r#"{"v":1}"#);
    upper[..8].make_ascii_uppercase();
    let mut no_utf8 = line("{}");
    no_utf8.truncate(9);
    no_utf8.push(0xff);
    no_utf8[..8].copy_from_slice(format!("{:08x}", crc32fast::hash(&[0xff])).as_bytes());
    for (damaged, part) in [
        (Vec::new(), "short"),
        (b"0000000".to_vec(), "short"),
        (b"00000000".to_vec(), "no checksum"),
        (b"00000000\t{}".to_vec(), "no checksum"),
        (b"00000001 ".to_vec(), "wrong"),
        (upper, "wrong"),
        (line(""), "members"),
        (line("[]"), "members"),
        (line("{}"), "members"),
        (line(r#"{"v":"1"}"#), "members"),
        (line(r#"{"v":1}"#), "members"),
        (line(r#"{"v":0}"#), "version 0"),
        (with_event(""), "members"),
        (with_event("1}x"), "members"),
        (with_event(&deep), "deeply"),
        (no_utf8, "UTF-8"),
    ] {
        let error = decode(&damaged).unwrap_err();
        assert!(matches!(error, SpoolError::Damaged(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(part),
            "{part}: {text}: {}",
            damaged.escape_ascii()
        );
    }
}

#[test]
fn each_member_is_required() {
    let all = [
        r#""v":1"#,
        r#""time":1"#,
        r#""ttl":1"#,
        r#""topic":"t""#,
        r#""id":"i""#,
        r#""event":1"#,
    ];
    for missing in 0..all.len() {
        let mut members = all.to_vec();
        members.remove(missing);
        let damaged = line(&format!("{{{}}}", members.join(",")));
        assert!(
            matches!(decode(&damaged), Err(SpoolError::Damaged(_))),
            "without {}",
            all[missing]
        );
    }
    let unknown = line(&format!("{{{},\"new\":[1]}}", all.join(",")));
    assert!(decode(&unknown).is_ok(), "unknown members are ignored");
}

#[test]
fn a_newer_version_is_not_damaged() {
    for object in [r#"{"v":2}"#, r#"{"v":2,"time":"later"}"#] {
        assert_eq!(decode(&line(object)), Err(SpoolError::Newer(2)));
    }
}

#[test]
fn the_ttl_is_at_most_a_day() {
    let expires = |ttl_s| Record { ttl_s, ..record() }.expires_ms() - record().time_ms;
    assert_eq!(expires(300), 300_000);
    assert_eq!(expires(u32::MAX), u64::from(SPOOL_TTL_S_MAX) * 1000);
    let object = r#"{"v":1,"time":18446744073709551615,"ttl":18446744073709551615,"topic":"t","id":"i","event":1}"#;
    let object = line(object);
    assert_eq!(decode(&object).unwrap().expires_ms(), u64::MAX);
}

#[test]
fn debug_prints_no_token_and_no_event() {
    let text = format!("{:?}", record());
    assert!(
        !text.contains("s3cret") && !text.contains("1.0") && text.contains("kittens"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn records_survive_a_round_trip(
        time_ms: u64,
        ttl_s: u32,
        topic in ".*",
        id in ".*",
        latest: bool,
        exclude in prop::option::of(".*"),
        token in prop::option::of(".*"),
        text in ".*",
    ) {
        let event = serde_json::to_string(&text).unwrap();
        let record = Record {
            time_ms,
            ttl_s,
            topic: topic.into(),
            id: id.into(),
            latest,
            exclude: exclude.map(Cow::from),
            token: token.map(Cow::from),
            event: &event,
        };
        let encoded = encode(&record);
        let lines = lines(&encoded);
        prop_assert_eq!(lines.len(), 1);
        prop_assert_eq!(decode(lines[0]), Ok(record));
    }

    #[test]
    fn garbage_is_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(decode(&bytes).is_err());
    }
}
