//! Messages that are one JSON list: WAMP and the native publish protocol.

use serde::de::{Deserialize, Error, IgnoredAny, SeqAccess, Visitor};

/// Decodes a text that is one list.
pub(crate) fn decode<'a, V: Visitor<'a>>(
    text: &'a str,
    visitor: V,
) -> serde_json::Result<V::Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let message = serde::Deserializer::deserialize_seq(&mut deserializer, visitor)?;
    deserializer.end()?;
    Ok(message)
}

/// Reads the next element. The error names the missing one.
pub(crate) fn element<'de, A, T>(list: &mut A, name: &str) -> Result<T, A::Error>
where
    A: SeqAccess<'de>,
    T: Deserialize<'de>,
{
    let next = list.next_element()?;
    next.ok_or_else(|| A::Error::custom(format_args!("the message has no {name}")))
}

/// Skips elements that a later version may have added.
pub(crate) fn skip_rest<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}
