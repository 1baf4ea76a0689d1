//! The number of values of a setting: one, at most one, any number, or at least one.

use std::marker::PhantomData;

use toml::Value;

use super::value_error::ValueError;

/// The syntax of a value.
pub(super) trait Kind {
    type Value;

    /// Parses a text.
    fn parse(text: &str) -> Result<Self::Value, ValueError>;

    /// Returns the value as TOML.
    fn show(value: &Self::Value) -> Value;
}

/// The number of values of a setting.
pub(super) trait Shape {
    type Value;
    const IS_LIST: bool;

    /// Parses one text, or any number for a list.
    fn parse(texts: &[&str]) -> Result<Self::Value, ValueError>;

    /// Returns the value as TOML. `None` if there is no value.
    fn show(value: &Self::Value) -> Option<Value>;
}

/// One value.
pub(super) struct One<K>(PhantomData<K>);

/// At most one value. The default is none.
pub(super) struct Maybe<K>(PhantomData<K>);

/// Any number of values.
pub(super) struct Any<K>(PhantomData<K>);

/// At least one value.
pub(super) struct Several<K>(PhantomData<K>);

impl<K: Kind> Shape for One<K> {
    type Value = K::Value;
    const IS_LIST: bool = false;

    fn parse(texts: &[&str]) -> Result<K::Value, ValueError> {
        match texts {
            [text] => K::parse(text),
            _ => Err(ValueError::NotAList),
        }
    }

    fn show(value: &K::Value) -> Option<Value> {
        Some(K::show(value))
    }
}

impl<K: Kind> Shape for Maybe<K> {
    type Value = Option<K::Value>;
    const IS_LIST: bool = false;

    fn parse(texts: &[&str]) -> Result<Self::Value, ValueError> {
        One::<K>::parse(texts).map(Some)
    }

    fn show(value: &Self::Value) -> Option<Value> {
        value.as_ref().map(K::show)
    }
}

impl<K: Kind> Shape for Any<K> {
    type Value = Vec<K::Value>;
    const IS_LIST: bool = true;

    fn parse(texts: &[&str]) -> Result<Self::Value, ValueError> {
        texts.iter().map(|text| K::parse(text)).collect()
    }

    fn show(values: &Self::Value) -> Option<Value> {
        Some(Value::Array(values.iter().map(K::show).collect()))
    }
}

impl<K: Kind> Shape for Several<K> {
    type Value = Vec<K::Value>;
    const IS_LIST: bool = true;

    fn parse(texts: &[&str]) -> Result<Self::Value, ValueError> {
        if texts.is_empty() {
            return Err(ValueError::NoValue);
        }
        Any::<K>::parse(texts)
    }

    fn show(values: &Self::Value) -> Option<Value> {
        Any::<K>::show(values)
    }
}
