//! How many values a setting has, and what a kind of value is.

use std::marker::PhantomData;

use toml::Value;

/// A kind of value.
pub(super) trait Kind {
    type Value;

    /// The error says what is wrong with the text, which it does not repeat.
    fn parse(text: &str) -> Result<Self::Value, String>;

    fn show(value: &Self::Value) -> Value;
}

/// How many values a setting has.
pub(super) trait Shape {
    type Value;
    const IS_LIST: bool;

    /// Of one text, unless it is a list.
    fn parse(texts: &[&str]) -> Result<Self::Value, String>;

    /// `None` if there is no value.
    fn show(value: &Self::Value) -> Option<Value>;
}

/// One value.
pub(super) struct One<K>(PhantomData<K>);

/// One value, or none by default.
pub(super) struct Maybe<K>(PhantomData<K>);

/// Any number of values.
pub(super) struct Any<K>(PhantomData<K>);

/// One value or several.
pub(super) struct Some1<K>(PhantomData<K>);

impl<K: Kind> Shape for One<K> {
    type Value = K::Value;
    const IS_LIST: bool = false;

    fn parse(texts: &[&str]) -> Result<K::Value, String> {
        match texts {
            [text] => K::parse(text),
            _ => Err("one value is wanted, not a list".to_owned()),
        }
    }

    fn show(value: &K::Value) -> Option<Value> {
        Some(K::show(value))
    }
}

impl<K: Kind> Shape for Maybe<K> {
    type Value = Option<K::Value>;
    const IS_LIST: bool = false;

    fn parse(texts: &[&str]) -> Result<Self::Value, String> {
        One::<K>::parse(texts).map(Some)
    }

    fn show(value: &Self::Value) -> Option<Value> {
        value.as_ref().map(K::show)
    }
}

impl<K: Kind> Shape for Any<K> {
    type Value = Vec<K::Value>;
    const IS_LIST: bool = true;

    fn parse(texts: &[&str]) -> Result<Self::Value, String> {
        texts.iter().map(|text| K::parse(text)).collect()
    }

    fn show(values: &Self::Value) -> Option<Value> {
        Some(Value::Array(values.iter().map(K::show).collect()))
    }
}

impl<K: Kind> Shape for Some1<K> {
    type Value = Vec<K::Value>;
    const IS_LIST: bool = true;

    fn parse(texts: &[&str]) -> Result<Self::Value, String> {
        if texts.is_empty() {
            return Err("at least one value is wanted".to_owned());
        }
        Any::<K>::parse(texts)
    }

    fn show(values: &Self::Value) -> Option<Value> {
        Any::<K>::show(values)
    }
}
