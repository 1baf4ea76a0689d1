//! PREFIX and CURIEs: a session's own abbreviations.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::limits::{PREFIX_BYTES_MAX, PREFIXES_MAX};

/// The prefixes that one session has defined. Takes no memory while there are none.
#[derive(Debug, Default)]
pub struct Prefixes {
    uris: BTreeMap<Box<str>, Box<str>>,
    bytes: usize,
}

/// A PREFIX beyond the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// More than [`PREFIXES_MAX`].
    #[error("more than {PREFIXES_MAX} prefixes")]
    TooMany,
    /// All together more than [`PREFIX_BYTES_MAX`].
    #[error("more than {PREFIX_BYTES_MAX} bytes of prefixes")]
    TooLong,
}

impl Prefixes {
    /// Defines a prefix, or gives it a new meaning.
    pub fn define(&mut self, prefix: &str, uri: &str) -> Result<(), PrefixError> {
        let known = self.uris.get(prefix);
        if known.is_none() && self.uris.len() == PREFIXES_MAX {
            return Err(PrefixError::TooMany);
        }
        let old_len = known.map_or(0, |old| prefix.len() + old.len());
        let bytes = self.bytes - old_len + prefix.len() + uri.len();
        if bytes > PREFIX_BYTES_MAX {
            return Err(PrefixError::TooLong);
        }
        self.bytes = bytes;
        self.uris.insert(prefix.into(), uri.into());
        Ok(())
    }

    /// The full URI of a CURIE: what stands before the first colon is looked up, what stands
    /// behind it is appended as it is. Anything else is a URI already.
    pub fn resolve<'a>(&self, uri: Cow<'a, str>) -> Cow<'a, str> {
        if self.uris.is_empty() {
            return uri;
        }
        let parts = uri.split_once(':');
        let known = parts.and_then(|(prefix, rest)| Some((self.uris.get(prefix)?, rest)));
        match known {
            None => uri,
            Some((start, rest)) => Cow::Owned(format!("{start}{rest}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curies() {
        let mut prefixes = Prefixes::default();
        prefixes.define("ex", "http://example.com/simple#").unwrap();
        prefixes.define("", "empty-").unwrap();
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
        prefixes.define("ex", "new/").unwrap();
        assert_eq!(prefixes.resolve("ex:1".into()), "new/1");
    }

    #[test]
    fn number_has_a_limit() {
        let mut prefixes = Prefixes::default();
        for i in 0..PREFIXES_MAX {
            prefixes.define(&i.to_string(), "u").unwrap();
        }
        assert_eq!(prefixes.define("more", "u"), Err(PrefixError::TooMany));
        assert_eq!(prefixes.define("1", "changed"), Ok(()));
    }

    #[test]
    fn bytes_have_a_limit() {
        let mut prefixes = Prefixes::default();
        let fits = "u".repeat(PREFIX_BYTES_MAX - 1);
        assert_eq!(prefixes.define("p", &fits), Ok(()));
        assert_eq!(prefixes.define("p", &fits), Ok(()), "takes the old's place");
        assert_eq!(prefixes.define("q", ""), Err(PrefixError::TooLong));
        assert_eq!(
            prefixes.define("p", &format!("{fits}u")),
            Err(PrefixError::TooLong)
        );
        assert_eq!(prefixes.define("p", ""), Ok(()));
        assert_eq!(prefixes.define("q", "u"), Ok(()));
    }
}
