//! The users of tickets: `Pusher::revoke` and `presence`.

use std::rc::Rc;

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, ZendStr};
use ext_php_rs::zend::ExecuteData;
use pusher::Error;
use pusher::c_api::codes;

use crate::exception::PusherError;
use crate::failure::Failure;
use crate::settings::{Given, Settings};
use crate::{engine, json, publishers};

/// Answers `Pusher::revoke`: the number of sessions.
pub(crate) fn revoke(frame: &mut ExecuteData) -> Result<i64, Failure> {
    let sub = engine::text_argument(frame).ok_or(Failure::Thrown)?;
    let sub = text(sub, codes::PUSH_EINVAL, "no ticket was revoked: sub")?;
    let settings = settings()?;
    let sessions = publishers::ask(&settings, |publisher| publisher.revoke(sub))?;
    Ok(as_int(sessions))
}

/// Answers `Pusher::presence`.
pub(crate) fn presence(frame: &mut ExecuteData) -> Result<ZBox<ZendHashTable>, Failure> {
    let topic = engine::text_argument(frame).ok_or(Failure::Thrown)?;
    let topic = text(
        topic,
        codes::PUSH_ETOPIC,
        "presence was not requested: the topic",
    )?;
    let (count, members, on_failure) = {
        let settings = settings()?;
        let presence = publishers::ask(&settings, |publisher| publisher.presence(topic))?;
        // The array may not fit into memory_limit: then nothing of Rust's may be alive.
        let members = ZendStr::new(presence.members, false);
        (as_int(presence.count), members, settings.on_failure)
    };
    let Some(members) = engine::json_decode(&members, json::DEPTH_MAX) else {
        let error = PusherError {
            code: codes::PUSH_EPROTOCOL,
            message: "pushd's list of members is nested too deeply for PHP".to_owned(),
        };
        return Err(Failure::Failed(error, on_failure));
    };
    let mut presence = ZendHashTable::new();
    // They can't fail: neither value is converted.
    let _ = presence.insert("count", count);
    let _ = presence.insert("members", members);
    Ok(presence)
}

fn settings() -> Result<Rc<Settings>, Failure> {
    Settings::read(&Given::default()).map_err(|error| Failure::mistake(&error))
}

/// PHP has no unsigned integers.
fn as_int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn text<'a>(text: &'a ZendStr, code: i32, name: &str) -> Result<&'a str, Failure> {
    text.as_str().map_err(|_| {
        let reason = format!("{name} is not valid UTF-8");
        Failure::mistake(&Error::Argument { code, reason })
    })
}
