//! The ini entries, and what an object of `Pusher` has in place of them. They are read and checked
//! at each publish, since a page may change them with `ini_set` and Apache per directory; that is
//! next to nothing beside the way to pushd and back.

use std::ffi::CStr;
use std::time::Duration;

use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::types::{ArrayKey, ZendHashTable, ZendStr};
use ext_php_rs::zend::{IniEntryDef, IniEntryDefs};
use pusher::{Address, AddressError, Error, TIMEOUT_MAX, TIMEOUT_MIN};

use crate::engine;

/// A setting: an ini entry, which an object of `Pusher` may have of its own.
struct Entry {
    ini: &'static CStr,
    /// Without the prefix: the option's name.
    name: &'static str,
}

const ADDRESS: Entry = Entry {
    ini: c"pusher.address",
    name: "address",
};
const TIMEOUT_MS: Entry = Entry {
    ini: c"pusher.timeout_ms",
    name: "timeout_ms",
};
const RETRY_MS: Entry = Entry {
    ini: c"pusher.retry_ms",
    name: "retry_ms",
};
const ON_FAILURE: Entry = Entry {
    ini: c"pusher.on_failure",
    name: "on_failure",
};

/// What the second argument of `new Pusher` may have.
const OPTIONS: [&Entry; 3] = [&TIMEOUT_MS, &RETRY_MS, &ON_FAILURE];

/// Longest time for which publishes are not tried; 0 is: always try.
const RETRY_MAX: Duration = Duration::from_secs(3600);

static ENTRIES: IniEntryDefs<5> = IniEntryDefs::new([
    IniEntryDef::new(
        ADDRESS.ini,
        c"tcp://127.0.0.1:5555",
        IniEntryPermission::All,
    ),
    IniEntryDef::new(TIMEOUT_MS.ini, c"250", IniEntryPermission::All),
    IniEntryDef::new(RETRY_MS.ini, c"1000", IniEntryPermission::All),
    IniEntryDef::new(ON_FAILURE.ini, c"warning", IniEntryPermission::All),
    IniEntryDef::end(),
]);

/// What counts for a publish at this moment.
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) timeout: Duration,
    /// How long publishes are not tried after one that failed slowly.
    pub(crate) retry: Duration,
    pub(crate) on_failure: OnFailure,
}

/// What becomes of a publish that failed through no fault of the caller's.
#[derive(Clone, Copy)]
pub(crate) enum OnFailure {
    /// `E_WARNING`, and null.
    Warning,
    /// A `PusherException`.
    Exception,
    /// Null.
    Silent,
}

impl Entry {
    fn ini_name(&self) -> &'static str {
        self.ini.to_str().unwrap_or_default()
    }
}

pub(crate) fn register(module_number: i32) {
    IniEntryDef::register(ENTRIES.as_slice(), module_number);
}

/// What an object of `Pusher` was given in place of the ini entries.
#[derive(Default)]
pub(crate) struct Given<'a> {
    pub(crate) address: Option<&'a ZendStr>,
    pub(crate) options: Option<&'a ZendHashTable>,
}

impl Settings {
    /// What is given, and the ini entries for the rest.
    ///
    /// # Errors
    /// `Error::Config` that names the setting, its value and what it may be.
    pub(crate) fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self {
            address: given.parse(&ADDRESS, parse_address)?,
            timeout: given.parse(&TIMEOUT_MS, |text| parse_ms(text, TIMEOUT_MIN, TIMEOUT_MAX))?,
            retry: given.parse(&RETRY_MS, |text| parse_ms(text, Duration::ZERO, RETRY_MAX))?,
            on_failure: given.parse(&ON_FAILURE, parse_on_failure)?,
        })
    }
}

impl Given<'_> {
    /// # Errors
    /// `Error::Config` for an option that there is not.
    pub(crate) fn check_names(&self) -> Result<(), Error> {
        let known = |key: &ArrayKey| OPTIONS.iter().any(|option| key.to_string() == option.name);
        let mut keys = self.options.iter().flat_map(|options| options.iter());
        match keys.find(|(key, _)| !known(key)) {
            None => Ok(()),
            Some((key, _)) => Err(Error::Config {
                setting: "options",
                reason: format!(
                    "\"{}\" is none of {}",
                    key.to_string().escape_debug(),
                    OPTIONS.map(|option| option.name).join(", ")
                ),
            }),
        }
    }

    fn parse<T>(
        &self,
        entry: &'static Entry,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Error> {
        let (setting, value) = match self.value(entry) {
            Some(given) => (entry.name, given),
            None => (entry.ini_name(), Ok(engine::ini_value(entry.ini))),
        };
        let parsed = value.and_then(|value| {
            let text = str::from_utf8(&value);
            parse(text.map_err(|_| format!("\"{}\" is not valid UTF-8", value.escape_ascii()))?)
        });
        parsed.map_err(|reason| Error::Config { setting, reason })
    }

    /// As text, like an ini entry.
    fn value(&self, entry: &Entry) -> Option<Result<Vec<u8>, String>> {
        if entry.name == ADDRESS.name {
            return self.address.map(|address| Ok(address.as_bytes().to_vec()));
        }
        let value = self.options?.get(entry.name)?.dereference();
        Some(match (value.zend_str(), value.long()) {
            (Some(text), _) => Ok(text.as_bytes().to_vec()),
            (None, Some(number)) => Ok(number.to_string().into_bytes()),
            (None, None) => Err(format!(
                "must be an int or a string, not {}",
                value.get_type()
            )),
        })
    }
}

fn parse_address(text: &str) -> Result<Address, String> {
    text.parse()
        .map_err(|error: AddressError| error.to_string())
}

fn parse_ms(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let parsed = text.parse().map(Duration::from_millis);
    parsed
        .ok()
        .filter(|time| (min..=max).contains(time))
        .ok_or_else(|| {
            let (min, max) = (min.as_millis(), max.as_millis());
            let text = text.escape_debug();
            format!("\"{text}\" is not a number of milliseconds from {min} to {max}")
        })
}

fn parse_on_failure(text: &str) -> Result<OnFailure, String> {
    match text {
        "warning" => Ok(OnFailure::Warning),
        "exception" => Ok(OnFailure::Exception),
        "silent" => Ok(OnFailure::Silent),
        _ => Err(format!(
            "\"{}\" is none of warning, exception, silent",
            text.escape_debug()
        )),
    }
}
