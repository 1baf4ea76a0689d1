//! The ini entries of tickets. They are read and checked at each `Pusher::ticket`.

use std::ffi::CStr;
use std::path::PathBuf;

use ext_php_rs::zend::{IniEntryDef, IniEntryDefs};
use pusher::{Error, default_key_file};

use crate::engine;
use crate::settings::ini_entry;

pub(crate) const KEY_FILE: &str = "pusher.ticket_key_file";
const PUSH_URL: &str = "pusher.push_url";
const DOMAIN: &str = "pusher.ticket_domain";

static ENTRIES: IniEntryDefs<4> = IniEntryDefs::new([
    ini_entry(c"pusher.ticket_key_file", c""),
    ini_entry(c"pusher.push_url", c""),
    ini_entry(c"pusher.ticket_domain", c""),
    IniEntryDef::end(),
]);

pub(crate) fn register(module_number: i32) {
    IniEntryDef::register(ENTRIES.as_slice(), module_number);
}

/// The settings of one ticket.
pub(crate) struct TicketSettings {
    pub(crate) key_file: PathBuf,
    pub(crate) push_url: PushUrl,
    /// The cookie's domain, if it must be another than the page's host.
    pub(crate) domain: Option<String>,
}

/// Where browsers connect, as far as the cookie needs it.
pub(crate) struct PushUrl {
    /// Whether it is `wss` or `https`.
    pub(crate) is_secure: bool,
    /// In lower case, without the port. `None`: the page's host.
    pub(crate) host: Option<String>,
    pub(crate) path: String,
}

impl TicketSettings {
    /// # Errors
    /// `Error::Config` with the setting's name, its value and the allowed values.
    pub(crate) fn read() -> Result<Self, Error> {
        let key_file = parse(KEY_FILE, c"pusher.ticket_key_file", parse_key_file)?;
        let push_url = parse(PUSH_URL, c"pusher.push_url", parse_url)?;
        let domain = parse(DOMAIN, c"pusher.ticket_domain", |text| {
            parse_domain(text, &push_url)
        })?;
        Ok(Self {
            key_file,
            push_url,
            domain,
        })
    }
}

fn parse<T>(
    setting: &'static str,
    ini: &'static CStr,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Error> {
    let value = engine::ini_value(ini);
    let text = str::from_utf8(&value);
    let parsed = text
        .map_err(|_| format!("\"{}\" is not valid UTF-8", value.escape_ascii()))
        .and_then(parse);
    parsed.map_err(|reason| Error::Config { setting, reason })
}

/// An empty text means the key file of pushd's packages.
fn parse_key_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Ok(default_key_file()),
        text if text.starts_with('/') && !text.contains(char::is_control) => Ok(text.into()),
        text => Err(format!(
            "\"{}\" is not an absolute path, as in {}",
            text.escape_debug(),
            default_key_file().display()
        )),
    }
}

/// An empty text means the page's host, and every path.
fn parse_url(text: &str) -> Result<PushUrl, String> {
    let wrong = || {
        format!(
            "\"{}\" is neither a URL, as in wss://push.example.com/push, nor a path, as in /push",
            text.escape_debug()
        )
    };
    let (is_secure, rest) = match text.split_once("://") {
        None => (false, text),
        Some(("wss" | "https", rest)) => (true, rest),
        Some(("ws" | "http", rest)) => (false, rest),
        Some(_) => return Err(wrong()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let has_host = rest.len() < text.len();
    let host = has_host.then(|| without_port(authority).to_ascii_lowercase());
    let is_path = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b";?#\"\\".contains(&byte));
    let has_valid_host = match &host {
        Some(host) => is_host(host),
        None => authority.is_empty(),
    };
    if !is_path || !has_valid_host {
        return Err(wrong());
    }
    Ok(PushUrl {
        is_secure,
        host,
        path: if path.is_empty() { "/" } else { path }.to_owned(),
    })
}

/// Returns the host in `host:port`. An IPv6 address keeps its brackets.
pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_host(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte)),
        None => {
            let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(is_name_byte)
        }
    }
}

/// An empty text means no domain: the browser returns the cookie to the page's host only.
fn parse_domain(text: &str, push_url: &PushUrl) -> Result<Option<String>, String> {
    let domain = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    if text.is_empty() {
        return Ok(None);
    }
    let host = push_url.host.as_deref().unwrap_or_default();
    let parent = host.strip_suffix(&*domain);
    let is_parent = parent.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if is_host(&domain) && is_parent {
        return Ok(Some(domain));
    }
    Err(format!(
        "\"{}\" is neither the host in {PUSH_URL} nor a parent domain of it",
        text.escape_debug()
    ))
}
