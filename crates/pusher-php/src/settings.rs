//! The ini entries, and the options of a `Pusher` object in place of them.
//!
//! They are checked at each publish, because a page may change them with `ini_set`, and Apache per directory. Ini entries
//! that have not changed since the last publish are not read again.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ext_php_rs::ffi::zend_ini_entry;
use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::types::{ZendHashTable, ZendStr};
use ext_php_rs::zend::{IniEntryDef, IniEntryDefs};
use pusher::{
    Address, AddressError, Error, Options, SPOOL_TTL_S_MAX, TIMEOUT_MAX, TIMEOUT_MIN, Token,
    TokenError,
};

use crate::{engine, secret};

/// A setting: an ini entry, and the option of a `Pusher` object that overrides it.
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
/// Its value is never shown.
const TOKEN: Entry = Entry {
    ini: c"pusher.token",
    name: "token",
};

const SPOOL: Entry = Entry {
    ini: c"pusher.spool",
    name: "spool",
};
const SPOOL_TTL: Entry = Entry {
    ini: c"pusher.spool_ttl",
    name: "spool_ttl",
};

/// Keys of the second argument of `new Pusher`.
const OPTIONS: [&Entry; 6] = [
    &TIMEOUT_MS,
    &RETRY_MS,
    &ON_FAILURE,
    &TOKEN,
    &SPOOL,
    &SPOOL_TTL,
];

/// Longest time that the breaker may stay open. 0 means that it never opens.
const RETRY_MAX: Duration = Duration::from_secs(3600);

static ENTRIES: IniEntryDefs<8> = IniEntryDefs::new([
    entry(&ADDRESS, c"tcp://127.0.0.1:5555"),
    entry(&TIMEOUT_MS, c"250"),
    entry(&RETRY_MS, c"1000"),
    entry(&ON_FAILURE, c"warning"),
    IniEntryDef {
        displayer: Some(print_hidden),
        ..entry(&TOKEN, c"")
    },
    entry(&SPOOL, c""),
    entry(&SPOOL_TTL, c"300"),
    IniEntryDef::end(),
]);

const fn entry(entry: &Entry, default: &'static CStr) -> IniEntryDef {
    ini_entry(entry.ini, default)
}

/// An ini entry that pages may change. It is checked when it is read.
pub(crate) const fn ini_entry(name: &'static CStr, default: &'static CStr) -> IniEntryDef {
    IniEntryDef {
        on_modify: Some(engine::ini_accept),
        ..IniEntryDef::new(name, default, IniEntryPermission::All)
    }
}

/// Printed by phpinfo() instead of the token. (`ini_get()` still returns the token.)
unsafe extern "C" fn print_hidden(_entry: *mut zend_ini_entry, _which: i32) {
    // A panic must not reach PHP. The row is then empty.
    let _ = catch_unwind(|| engine::print("(not shown)"));
}

/// The settings of one publish.
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) token: Option<Token>,
    pub(crate) timeout: Duration,
    /// How long publishes fail at once after one that failed slowly.
    pub(crate) retry: Duration,
    pub(crate) on_failure: OnFailure,
    /// The directory for events that pushd cannot accept now.
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_ttl_s: u32,
}

/// The result of a publish that failed for another reason than a caller's mistake.
#[derive(Clone, Copy)]
pub(crate) enum OnFailure {
    /// `E_WARNING`, and null.
    Warning,
    /// A `PusherException`.
    Exception,
    /// Null.
    Silent,
}

impl OnFailure {
    /// The same after the page's code has ended, when an exception could not be caught.
    pub(crate) fn no_exception(self) -> Self {
        match self {
            Self::Warning | Self::Exception => Self::Warning,
            Self::Silent => Self::Silent,
        }
    }
}

impl Entry {
    fn ini_name(&self) -> &'static str {
        self.ini.to_str().unwrap_or_default()
    }
}

pub(crate) fn register(module_number: i32) {
    IniEntryDef::register(ENTRIES.as_slice(), module_number);
}

/// The arguments of `new Pusher`, which override the ini entries.
#[derive(Default)]
pub(crate) struct Given<'a> {
    pub(crate) address: Option<&'a ZendStr>,
    pub(crate) options: Option<&'a ZendHashTable>,
}

thread_local! {
    /// The settings without arguments, and [`engine::ini_changes`] when they were read.
    static CACHED: RefCell<Option<(usize, Rc<Settings>)>> = const { RefCell::new(None) };
}

impl Settings {
    /// Reads the given arguments, and the ini entries for the others.
    ///
    /// # Errors
    /// `Error::Config` with the setting's name, its value and the allowed values.
    pub(crate) fn read(given: &Given) -> Result<Rc<Self>, Error> {
        if given.address.is_some() || given.options.is_some() {
            return Self::parse(given).map(Rc::new);
        }
        let changes = engine::ini_changes();
        let cached = CACHED.with_borrow(|cached| match cached {
            Some((at, settings)) if *at == changes => Some(settings.clone()),
            _ => None,
        });
        if let Some(settings) = cached {
            return Ok(settings);
        }
        // Without a borrow: it may leave by `longjmp`.
        let settings = Rc::new(Self::parse(given)?);
        // `open_basedir` decides about any other spool, and may change.
        let is_lasting = engine::ini_value(SPOOL.ini) == engine::ini_original(SPOOL.ini);
        CACHED.set(is_lasting.then(|| (changes, settings.clone())));
        Ok(settings)
    }

    fn parse(given: &Given) -> Result<Self, Error> {
        Ok(Self {
            address: given.parse(&ADDRESS, parse_address)?,
            token: given.parse(&TOKEN, parse_token)?,
            timeout: given.parse(&TIMEOUT_MS, |text| parse_ms(text, TIMEOUT_MIN, TIMEOUT_MAX))?,
            retry: given.parse(&RETRY_MS, |text| parse_ms(text, Duration::ZERO, RETRY_MAX))?,
            on_failure: given.parse(&ON_FAILURE, parse_on_failure)?,
            spool: given.parse(&SPOOL, parse_allowed_spool)?,
            spool_ttl_s: given.parse(&SPOOL_TTL, parse_ttl)?,
        })
    }

    /// Returns the options for libpusher.
    pub(crate) fn options(&self) -> Options {
        Options {
            token: self.token.clone(),
            timeout: self.timeout,
            spool_dir: self.spool.clone(),
            spool_ttl_s: self.spool_ttl_s,
            ..Options::new(self.address.clone())
        }
    }
}

impl Given<'_> {
    /// # Errors
    /// `Error::Config` for an unknown option.
    pub(crate) fn check_names(&self) -> Result<(), Error> {
        let Some(options) = self.options else {
            return Ok(());
        };
        let mut rest = options.iter();
        while let Some((key, _)) = rest.next_zval() {
            let name = match key.zend_str() {
                Some(name) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
                None => key.long().unwrap_or_default().to_string(),
            };
            if !OPTIONS.iter().any(|option| option.name == name) {
                let names = OPTIONS.map(|option| option.name).join(", ");
                let reason = format!("\"{}\" is none of {names}", name.escape_debug());
                let setting = "options";
                return Err(Error::Config { setting, reason });
            }
        }
        Ok(())
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
            parse(text.map_err(|_| match entry.name == TOKEN.name {
                true => TokenError.to_string(),
                false => format!("\"{}\" is not valid UTF-8", value.escape_ascii()),
            })?)
        });
        parsed.map_err(|reason| Error::Config { setting, reason })
    }

    /// Returns the given value as text, in the form of an ini entry.
    fn value(&self, entry: &Entry) -> Option<Result<Vec<u8>, String>> {
        if entry.name == ADDRESS.name {
            return self.address.map(|address| Ok(address.as_bytes().to_vec()));
        }
        let value = secret::reveal(self.options?.get(entry.name)?.dereference());
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

/// An empty text means no token: php.ini has no other way to say so.
fn parse_token(text: &str) -> Result<Option<Token>, String> {
    match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|error: TokenError| error.to_string()),
    }
}

fn parse_ms(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    // Digits only: "+5" would do for Rust.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| is_number);
    parsed
        .map(Duration::from_millis)
        .filter(|time| (min..=max).contains(time))
        .ok_or_else(|| {
            let (min, max) = (min.as_millis(), max.as_millis());
            let text = text.escape_debug();
            format!("\"{text}\" is not a number of milliseconds from {min} to {max}")
        })
}

/// `open_basedir` limits the directories that a page can name, as it limits PHP's own functions. The directory of php.ini
/// is the administrator's choice.
fn parse_allowed_spool(text: &str) -> Result<Option<PathBuf>, String> {
    let spool = parse_spool(text)?;
    if spool.is_some() && text.as_bytes() != engine::ini_original(SPOOL.ini) {
        let path = CString::new(text).unwrap_or_default();
        if !engine::is_in_open_basedir(&path) {
            let text = text.escape_debug();
            return Err(format!("\"{text}\" is outside of open_basedir"));
        }
    }
    Ok(spool)
}

/// An empty text means no spool.
fn parse_spool(text: &str) -> Result<Option<PathBuf>, String> {
    match text {
        "" => Ok(None),
        text if text.starts_with('/') && !text.contains('\0') => Ok(Some(text.into())),
        text => Err(format!(
            "\"{}\" is not an absolute path, as in /var/spool/pushd",
            text.escape_debug()
        )),
    }
}

fn parse_ttl(text: &str) -> Result<u32, String> {
    // Digits only, as in `parse_ms`.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| is_number);
    parsed
        .filter(|ttl_s| (1..=SPOOL_TTL_S_MAX).contains(ttl_s))
        .ok_or_else(|| {
            let text = text.escape_debug();
            format!("\"{text}\" is not a number of seconds from 1 to {SPOOL_TTL_S_MAX}")
        })
}

/// Checks the argument `ttl` of a publish.
pub(crate) fn ttl_of(argument: i64) -> Result<u32, Error> {
    let parsed = parse_ttl(&argument.to_string());
    let setting = "ttl";
    parsed.map_err(|reason| Error::Config { setting, reason })
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
