//! `Pusher::ticket`: signs a ticket, and sets its cookie.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use pusher::c_api::codes;
use pusher::{Error, TICKET_TTL_S_MAX, TicketRequest, sign_ticket};

use crate::engine::TicketArguments;
use crate::exception::PusherError;
use crate::failure::Failure;
use crate::ticket_settings::{KEY_FILE, TicketSettings};
use crate::{cookie, engine, json};

/// Signs the ticket of `Pusher::ticket`. Runs user code: encodes `info` first, and may warn at the end.
pub(crate) fn sign(frame: &mut ExecuteData) -> Result<ZBox<ZendStr>, Failure> {
    let TicketArguments {
        topics,
        ttl,
        sub,
        info,
        cookie,
    } = engine::ticket_arguments(frame).ok_or(Failure::Thrown)?;
    check_types(topics)?;
    let info = match info {
        Some(info) if info.array().is_some_and(|info| !info.is_empty()) => {
            Some(json::encode_or(info, |reason| {
                mistake(codes::PUSH_EJSON, &reason)
            })?)
        }
        _ => None,
    };
    let (ticket, line) = {
        let settings = TicketSettings::read().map_err(|error| Failure::mistake(&error))?;
        let ticket = sign_with(&settings, topics, ttl, sub, info.as_deref())?;
        let line = cookie
            .then(|| cookie::line(&settings, &ticket, ttl))
            .flatten()
            .map(|line| ZendStr::new(line, false));
        (ZendStr::new(ticket, false), line)
    };
    if let Some(line) = line {
        cookie::set(&line);
    }
    Ok(ticket)
}

fn sign_with(
    settings: &TicketSettings,
    topics: &ZendHashTable,
    ttl: i64,
    sub: Option<&ZendStr>,
    info: Option<&ZendStr>,
) -> Result<String, Failure> {
    let topics = topics
        .values()
        .filter_map(|topic| topic.dereference().zend_str());
    let topics: Vec<&str> = topics
        .map(|topic| text(topic, codes::PUSH_ETOPIC, "a topic"))
        .collect::<Result<_, _>>()?;
    let ttl_s = u64::try_from(ttl).map_err(|_| {
        let reason = format!("the ttl of a ticket is 1 to {TICKET_TTL_S_MAX} seconds, not {ttl}");
        mistake(codes::PUSH_ECONFIG, &reason)
    })?;
    let request = TicketRequest {
        topics: &topics,
        ttl_s,
        sub: sub
            .map(|sub| text(sub, codes::PUSH_EINVAL, "sub"))
            .transpose()?,
        info: info.map(json::text).transpose()?,
    };
    sign_ticket(&settings.key_file, &request).map_err(|error| {
        Failure::mistake(&match error {
            Error::Config { reason, .. } => Error::Config {
                setting: KEY_FILE,
                reason,
            },
            error => error,
        })
    })
}

/// Throws a `TypeError` if a topic is not a string.
fn check_types(topics: &ZendHashTable) -> Result<(), Failure> {
    let mut topics = topics.values().map(Zval::dereference);
    if topics.all(Zval::is_string) {
        return Ok(());
    }
    engine::first_argument_error(&ZendStr::new("must contain only strings", false));
    Err(Failure::Thrown)
}

fn text<'a>(text: &'a ZendStr, code: i32, name: &str) -> Result<&'a str, Failure> {
    text.as_str()
        .map_err(|_| mistake(code, &format!("{name} is not valid UTF-8")))
}

fn mistake(code: i32, reason: &str) -> Failure {
    Failure::Mistake(PusherError {
        code,
        message: format!("no ticket was signed: {reason}"),
    })
}
