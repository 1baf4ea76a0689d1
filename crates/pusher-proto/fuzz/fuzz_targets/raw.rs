//! A raw JSON object is published whole, under the category that any other JSON parser reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::{JsonError, check_value, raw};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let value = serde_json::from_str::<Value>(text);
    if let Ok(publish) = raw::decode(text) {
        assert_eq!(publish.event, text);
        if let Err(JsonError::Syntax(error)) = check_value(text) {
            panic!("an event that is no JSON: {error}");
        }
        // A `Value` has narrower limits: of depth, of a number's size, of unpaired surrogates.
        if let Ok(value) = &value {
            check_topic(&value["category"], &publish.topic);
        }
    }
    // Without repeated members there is nothing to argue about.
    if let Ok(Value::Object(members)) = value {
        let text = Value::Object(members.clone()).to_string();
        let is_topic = |value: &Value| value.is_string() || value.is_number();
        let is_wanted = members.get("category").is_some_and(is_topic);
        assert_eq!(raw::decode(&text).is_ok(), is_wanted, "{text}");
    }
});

fn check_topic(category: &Value, topic: &str) {
    match category {
        Value::String(text) => assert_eq!(text, topic),
        Value::Number(number) => assert_eq!(number.as_f64(), topic.parse().ok()),
        other => panic!("{other} as a topic"),
    }
}
