//! The properties of the fuzz targets, checked briefly in every run, for decoders without such tests of their own.

use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;
use pusher_proto::native::{
    ErrorCode, FromPublisher, FromServer, encode_error, encode_receipt, encode_welcome,
};
use pusher_proto::wamp::{PrefixError, PrefixLimits, Prefixes};
use pusher_proto::{Position, Receipt, SEQUENCE_MAX, Stored, check_value, raw};
use serde_json::Value;

/// Text that is nearly JSON.
const NEARLY: &str = r#"[\[\]{}0-9".,:tcategory\\ -]{0,60}"#;

/// An object that has a category of any kind, among other members.
fn objects() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        r#""[a-z猫\\/ ]{0,8}""#.prop_map(|text| text.replace('\\', "\\\\")),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?",
        Just("null".to_owned()),
        Just("[{}]".to_owned()),
        Just("{\"category\":1}".to_owned()),
    ];
    let name = prop_oneof![
        Just("category".to_owned()),
        Just("cate\\u0067ory".to_owned()),
        "[a-z]{1,3}"
    ];
    prop::collection::vec((name, value), 0..4).prop_map(|members| {
        let members = members
            .iter()
            .map(|(name, value)| format!("\"{name}\" : {value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    })
}

/// A prefix and its URI; or, without the URI, a CURIE.
fn steps() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let step = prop_oneof![
        ("[abc]{0,2}", "[uv:]{0,6}").prop_map(|(prefix, uri)| (prefix, Some(uri))),
        "[abc]{0,2}:?[uv:]{0,3}".prop_map(|curie| (curie, None)),
    ];
    prop::collection::vec(step, 0..30)
}

proptest! {
    #[test]
    fn raw_garbage_is_an_error_and_accepted_objects_are_json(text in NEARLY) {
        if let Ok(publish) = raw::decode(&text) {
            prop_assert_eq!(publish.event, &text);
            prop_assert!(check_value(&text).is_ok());
        }
    }

    /// Held against another parser.
    #[test]
    fn raw_objects_are_published_to_their_category(text in objects()) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let once = text.matches("category").count() + text.matches("cate\\u0067ory").count() == 1;
        let decoded = raw::decode(&text);
        let topic = decoded.as_ref().map(|publish| &*publish.topic);
        match &value["category"] {
            _ if !once => {}
            Value::String(category) => prop_assert_eq!(topic.unwrap(), category),
            Value::Number(number) => prop_assert_eq!(topic.unwrap().parse().ok(), number.as_f64()),
            _ => prop_assert!(decoded.is_err()),
        }
    }

    #[test]
    fn native_garbage_is_an_error(text in NEARLY) {
        let _not_a_panic = (FromPublisher::decode(&text).is_ok(), FromServer::decode(&text).is_ok());
    }

    #[test]
    fn native_answers_survive_a_round_trip(
        request: u64, sequence: u64, subscribers: u64, nodes in prop::option::of(1u64..), version: u32, text in ".{0,20}",
    ) {
        let position = Some(Position { epoch: request, sequence: sequence % SEQUENCE_MAX });
        let receipt = Receipt { sequence, subscribers, position, stored: Stored::Written, nodes };
        let (code, server) = (ErrorCode::LogUnavailable, Cow::Borrowed(&*text));
        let answers = [
            FromServer::Welcome { version, server: server.clone() },
            FromServer::Receipt { request, receipt },
            FromServer::Error { request: Some(request), code, text: server },
        ];
        for (number, answer) in answers.into_iter().enumerate() {
            let mut encoded = Vec::new();
            match number {
                0 => encode_welcome(&mut encoded, version, &text, 1),
                1 => encode_receipt(&mut encoded, request, receipt),
                _ => encode_error(&mut encoded, Some(request), code, &text),
            }
            let encoded = String::from_utf8(encoded).unwrap();
            let line = encoded.strip_suffix('\n').unwrap();
            prop_assert!(!line.contains('\n'), "a publisher reads line by line");
            prop_assert_eq!(FromServer::decode(line).unwrap(), answer);
            for (cut, _) in line.char_indices() {
                prop_assert!(FromServer::decode(&line[..cut]).is_err());
            }
        }
    }

    /// Held against a plain map.
    #[test]
    fn prefixes_keep_to_their_limits(steps in steps()) {
        let limits = PrefixLimits { count_max: 3, bytes_max: 12 };
        let (mut prefixes, mut model) = (Prefixes::default(), HashMap::new());
        for (text, uri) in steps {
            let Some(uri) = uri else {
                let parts = text.split_once(':');
                let known = parts.and_then(|(prefix, rest)| Some(format!("{}{rest}", model.get(prefix)?)));
                let resolved = prefixes.resolve(Cow::Borrowed(&text));
                prop_assert_eq!(&*resolved, known.as_ref().unwrap_or(&text));
                continue;
            };
            let mut next = model.clone();
            next.insert(text.clone(), uri.clone());
            let bytes: usize = next.iter().map(|(prefix, uri)| prefix.len() + uri.len()).sum();
            let expect = if next.len() > 3 {
                Err(PrefixError::TooMany(3))
            } else if bytes > 12 {
                Err(PrefixError::TooLong(12))
            } else {
                model = next;
                Ok(())
            };
            prop_assert_eq!(prefixes.define(&text, &uri, limits), expect);
        }
    }
}
