//! PREFIX and CURIEs: abbreviations of URIs, defined by a session.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::limits::{PREFIX_BYTES_MAX, PREFIXES_MAX};

/// The prefixes that one session has defined. Small, and allocates nothing while it is empty, because every session has
/// one.
#[derive(Debug, Default)]
pub struct Prefixes {
    defined: Option<Box<Defined>>,
}

#[derive(Debug, Default)]
struct Defined {
    uris: BTreeMap<Box<str>, Box<str>>,
    bytes: usize,
}

/// Limits of one session's prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixLimits {
    /// Most prefixes.
    pub count_max: usize,
    /// Most bytes of all prefixes and URIs together.
    pub bytes_max: usize,
}

impl Default for PrefixLimits {
    fn default() -> Self {
        Self {
            count_max: PREFIXES_MAX,
            bytes_max: PREFIX_BYTES_MAX,
        }
    }
}

/// A PREFIX that exceeds the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// More than [`PrefixLimits::count_max`].
    #[error("more than {0} prefixes")]
    TooMany(usize),
    /// Together more bytes than [`PrefixLimits::bytes_max`].
    #[error("more than {0} bytes of prefixes")]
    TooLong(usize),
}

impl Prefixes {
    /// Defines or redefines a prefix.
    pub fn define(
        &mut self,
        prefix: &str,
        uri: &str,
        limits: PrefixLimits,
    ) -> Result<(), PrefixError> {
        let Defined { uris, bytes } = &mut **self.defined.get_or_insert_default();
        let known = uris.get(prefix);
        if known.is_none() && uris.len() >= limits.count_max {
            return Err(PrefixError::TooMany(limits.count_max));
        }
        let old_len = known.map_or(0, |old| prefix.len() + old.len());
        let new_bytes = *bytes - old_len + prefix.len() + uri.len();
        if new_bytes > limits.bytes_max {
            return Err(PrefixError::TooLong(limits.bytes_max));
        }
        *bytes = new_bytes;
        uris.insert(prefix.into(), uri.into());
        Ok(())
    }

    /// Returns the prefixes and their URIs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let defined = self.defined.iter().flat_map(|defined| &defined.uris);
        defined.map(|(prefix, uri)| (&**prefix, &**uri))
    }

    /// Expands a CURIE: replaces the part before the first colon with its URI, and appends the part after the colon. If the
    /// part before the colon is not a prefix, returns the text unchanged.
    pub fn resolve<'a>(&self, uri: Cow<'a, str>) -> Cow<'a, str> {
        let Some(defined) = &self.defined else {
            return uri;
        };
        let parts = uri.split_once(':');
        let known = parts.and_then(|(prefix, rest)| Some((defined.uris.get(prefix)?, rest)));
        match known {
            None => uri,
            Some((start, rest)) => Cow::Owned(format!("{start}{rest}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(prefixes: &mut Prefixes, prefix: &str, uri: &str) -> Result<(), PrefixError> {
        prefixes.define(prefix, uri, PrefixLimits::default())
    }

    #[test]
    fn curies() {
        let mut prefixes = Prefixes::default();
        define(&mut prefixes, "ex", "http://example.com/simple#").unwrap();
        define(&mut prefixes, "", "empty-").unwrap();
        for (curie, uri) in [
            ("ex:event", "http://example.com/simple#event"),
            ("ex:", "http://example.com/simple#"),
            ("ex:a:b", "http://example.com/simple#a:b"),
            ("ex", "ex"),
            ("other:event", "other:event"),
            ("http://example.com/", "http://example.com/"),
            (":x", "empty-x"),
            ("", ""),
        ] {
            assert_eq!(prefixes.resolve(curie.into()), uri, "{curie}");
        }
        define(&mut prefixes, "ex", "new/").unwrap();
        assert_eq!(prefixes.resolve("ex:1".into()), "new/1");
        let mut defined: Vec<_> = prefixes.iter().collect();
        defined.sort_unstable();
        assert_eq!(defined, [("", "empty-"), ("ex", "new/")]);
    }

    #[test]
    fn number_has_a_limit() {
        let mut prefixes = Prefixes::default();
        for i in 0..PREFIXES_MAX {
            define(&mut prefixes, &i.to_string(), "u").unwrap();
        }
        assert_eq!(
            define(&mut prefixes, "more", "u"),
            Err(PrefixError::TooMany(PREFIXES_MAX))
        );
        assert_eq!(define(&mut prefixes, "1", "changed"), Ok(()));
    }

    #[test]
    fn bytes_have_a_limit() {
        let mut prefixes = Prefixes::default();
        let fits = "u".repeat(PREFIX_BYTES_MAX - 1);
        assert_eq!(define(&mut prefixes, "p", &fits), Ok(()));
        assert_eq!(
            define(&mut prefixes, "p", &fits),
            Ok(()),
            "takes the old's place"
        );
        assert_eq!(
            define(&mut prefixes, "q", ""),
            Err(PrefixError::TooLong(PREFIX_BYTES_MAX))
        );
        assert_eq!(
            define(&mut prefixes, "p", &format!("{fits}u")),
            Err(PrefixError::TooLong(PREFIX_BYTES_MAX))
        );
        assert_eq!(define(&mut prefixes, "p", ""), Ok(()));
        assert_eq!(define(&mut prefixes, "q", "u"), Ok(()));
    }
}
