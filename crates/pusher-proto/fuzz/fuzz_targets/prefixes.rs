//! A session's prefixes keep to their limits, and CURIEs resolve as a plain map would have it.
#![no_main]

use std::borrow::Cow;
use std::collections::HashMap;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use pusher_proto::limits::{PREFIX_BYTES_MAX, PREFIXES_MAX};
use pusher_proto::wamp::{PrefixError, PrefixLimits, Prefixes};

#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Define {
        prefix: &'a str,
        uri: &'a str,
    },
    /// A few bytes of input that take a lot of the limit of bytes.
    DefineLong {
        prefix: u8,
        uri_len: u16,
    },
    /// A few bytes of input that take a lot of the limit of number.
    DefineMany {
        first: u16,
        count: u16,
    },
    Resolve {
        curie: &'a str,
    },
}

#[derive(Default)]
struct Checked {
    prefixes: Prefixes,
    model: HashMap<String, String>,
    /// Of the model.
    bytes: usize,
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let mut checked = Checked::default();
    for step in steps {
        match step {
            Step::Define { prefix, uri } => checked.define(prefix, uri),
            Step::DefineLong { prefix, uri_len } => {
                checked.define(&prefix.to_string(), &"u".repeat(uri_len.into()));
            }
            Step::DefineMany { first, count } => {
                let count = count % (PREFIXES_MAX as u16 + 2);
                for number in 0..count {
                    checked.define(&first.wrapping_add(number).to_string(), "");
                }
            }
            Step::Resolve { curie } => checked.resolve(curie),
        }
    }
});

impl Checked {
    fn define(&mut self, prefix: &str, uri: &str) {
        let old = self.model.get(prefix);
        let old_len = old.map_or(0, |old| prefix.len() + old.len());
        let bytes = self.bytes - old_len + prefix.len() + uri.len();
        let expect = if old.is_none() && self.model.len() == PREFIXES_MAX {
            Err(PrefixError::TooMany(PREFIXES_MAX))
        } else if bytes > PREFIX_BYTES_MAX {
            Err(PrefixError::TooLong(PREFIX_BYTES_MAX))
        } else {
            self.model.insert(prefix.to_owned(), uri.to_owned());
            self.bytes = bytes;
            Ok(())
        };
        let defined = self.prefixes.define(prefix, uri, PrefixLimits::default());
        assert_eq!(defined, expect);
    }

    fn resolve(&self, curie: &str) {
        let parts = curie.split_once(':');
        let known = parts.and_then(|(prefix, rest)| Some((self.model.get(prefix)?, rest)));
        let expect = known.map_or(curie.to_owned(), |(uri, rest)| uri.clone() + rest);
        assert_eq!(self.prefixes.resolve(Cow::Borrowed(curie)), expect);
    }
}
