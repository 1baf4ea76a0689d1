//! Raw JSON, as the recipe's `entry.php` writes it to port 5555.
//!
//! A message is one complete JSON object. It may arrive in any chunks, and several may follow each other. The member
//! `category` (a string, or a number, which stands for its decimal text) is the topic, and the **whole object** is the
//! event. There is no answer. [`JsonStream`](crate::JsonStream) finds the objects, [`decode`] reads one.

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::publish::{Publish, TopicText};

/// An object that cannot be published. The server drops it and closes the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RawError(String);

/// Reads one object. Does not check the topic.
pub fn decode(text: &str) -> Result<Publish<'_>, RawError> {
    // serde_json's error would quote the value, which may be confidential.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(RawError(
            "not an object with a member \"category\"".to_owned(),
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let topic = deserializer
        .deserialize_map(CategoryVisitor)
        .and_then(|topic| deserializer.end().map(|()| topic))
        .map_err(|error| RawError(error.to_string()))?;
    Ok(Publish {
        topic: topic.0,
        event: text,
    })
}

struct CategoryVisitor;

impl<'de> Visitor<'de> for CategoryVisitor {
    type Value = TopicText<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with a member \"category\"")
    }

    /// Of several members of the same name the last one counts, as in PHP's `json_decode`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut category = None;
        while let Some(TopicText(key)) = map.next_key()? {
            if key == "category" {
                category = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        category.ok_or_else(|| A::Error::custom("the object has no member \"category\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_object_is_the_event() {
        for (text, topic) in [
            (r#"{"category":"kittens","a":{},"b":1.0}"#, "kittens"),
            (r#"{"a":[{"category":"no"}],"category":7}"#, "7"),
            (r#"{"category":7.0}"#, "7"),
            (r#"{"category":-1}"#, "-1"),
            (r#"{"category":"","n":123456789012345678901234567890}"#, ""),
            (r#"{"category":"\u65b0\/"}"#, "新/"),
            (r#"{"cat\u0065gory":"escaped key"}"#, "escaped key"),
            (r#"{"category":"first","category":"last"}"#, "last"),
        ] {
            let publish = decode(text).unwrap();
            assert_eq!(
                (publish.topic.as_ref(), publish.event),
                (topic, text),
                "{text}"
            );
        }
    }

    #[test]
    fn errors_name_the_mistake() {
        for (text, part) in [
            ("{}", "no member \"category\""),
            ("[1]", "not an object with a member"),
            ("\"confidential\"", "not an object with a member"),
            (r#"{"category":null}"#, "a topic (a string or a number)"),
            (r#"{"category":true}"#, "a topic"),
            (r#"{"category":["a"]}"#, "a topic"),
            (r#"{"category":{"a":1}}"#, "a topic"),
            (r#"{"category":"a",}"#, "trailing comma"),
            (r#"{"category":"a","b":tru}"#, "expected"),
        ] {
            let error = decode(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
