//! `sendMany`: publishes many events together.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ExecuteData};
use pusher::{Batch, Error, Event};

use crate::failure::Failure;
use crate::publishers::Published;
use crate::settings::{OnFailure, Settings};
use crate::{engine, json, object, publish, publishers};

/// The events of a `sendMany`, their receipts, and the setting for failures.
pub(crate) struct Sent<'a> {
    pub(crate) events: &'a ZendHashTable,
    pub(crate) published: Published,
    pub(crate) on_failure: OnFailure,
}

/// Publishes the events of a `sendMany`.
pub(crate) fn send(frame: &mut ExecuteData) -> Result<Sent<'_>, Failure> {
    let arguments = engine::send_many_arguments(frame).ok_or(Failure::Thrown)?;
    let events = arguments.events;
    if events.len() > Batch::EVENTS_MAX {
        return Err(Failure::mistake(&Error::BatchFull));
    }
    let encoded = encode(events)?;
    // User code has run. None runs from here until the receipts.
    let batch = batch(events, &encoded)?;
    let given = object::given(arguments.object);
    let settings = Settings::read(&given).map_err(|error| Failure::mistake(&error))?;
    Ok(Sent {
        events,
        published: publishers::publish_batch(&settings, &batch),
        on_failure: settings.on_failure,
    })
}

/// Number of values of each event in the array of encoded events.
const PARTS: usize = 6;

/// Returns the topic, JSON, id, latest, ttl and excluded session of each event, in order. They are in PHP's memory, because encoding runs user code,
/// which may leave by `longjmp`.
fn encode(events: &ZendHashTable) -> Result<ZBox<ZendHashTable>, Failure> {
    let mut encoded = ZendHashTable::new();
    let mut rest = events.iter();
    while let Some((key, value)) = rest.next_zval() {
        // A copy, because user code may change the target of a reference.
        let event = copy(value);
        let Some(mut parts) = parts(&event) else {
            return Err(not_an_event(&key));
        };
        let (category, id) = (as_text(parts.category)?, as_text(parts.id)?);
        let exclude = as_text(parts.exclude)?;
        let json = json::encode(&mut parts.data).map_err(|failure| failure.about(&name(&key)))?;
        let mut text = Zval::new();
        text.set_zend_string(json);
        for part in [category, text, id, parts.latest, parts.ttl, exclude] {
            // Only a conversion could fail, and there is none.
            let _ = encoded.push(part);
        }
    }
    Ok(encoded)
}

/// The elements of an event. Those that are missing are null.
struct Parts {
    category: Zval,
    data: Zval,
    id: Zval,
    latest: Zval,
    ttl: Zval,
    exclude: Zval,
}

/// `[category, data]` or `[category, data, id]`, each with `latest`, `ttl` and `exclude` or without.
fn parts(event: &Zval) -> Option<Parts> {
    let event = event.array()?;
    let given = [
        event.get_index(0),
        event.get_index(1),
        event.get_index(2),
        event.get("latest"),
        event.get("ttl"),
        event.get("exclude"),
    ];
    let known_count = given.iter().flatten().count();
    let [category, data, id, latest, ttl, exclude] = given;
    let or_null = |part: Option<&Zval>| part.map_or_else(Zval::null, copy);
    let parts = Parts {
        category: copy(category?),
        data: copy(data?),
        id: or_null(id),
        latest: or_null(latest),
        ttl: or_null(ttl),
        exclude: or_null(exclude),
    };
    let is_event = known_count == event.len()
        && is_text(&parts.category)
        && (parts.id.is_null() || is_text(&parts.id))
        && (latest.is_none() || parts.latest.is_bool())
        && (parts.ttl.is_null() || parts.ttl.is_long())
        && (parts.exclude.is_null() || is_text(&parts.exclude));
    is_event.then_some(parts)
}

/// Numbers and `Stringable` objects count as text, as they do for `publish`.
fn is_text(value: &Zval) -> bool {
    let is_stringable = |object: &ZendObject| {
        ClassEntry::try_find("Stringable").is_some_and(|class| object.instance_of(class))
    };
    value.is_string() || value.is_long() || value.object().is_some_and(is_stringable)
}

/// Null stays null. Runs user code: `__toString()`.
fn as_text(mut value: Zval) -> Result<Zval, Failure> {
    if value.is_string() || value.is_null() {
        return Ok(value);
    }
    let text = engine::to_string(&mut value).ok_or(Failure::Thrown)?;
    let mut converted = Zval::new();
    converted.set_zend_string(text);
    Ok(converted)
}

fn copy(value: &Zval) -> Zval {
    value.dereference().shallow_clone()
}

fn not_an_event(key: &Zval) -> Failure {
    let message = format!(
        "must contain only [category, data] and [category, data, id], category and id being \
         strings, optionally with latest => bool, ttl => int and exclude => string, but {} is none",
        name(key)
    );
    engine::first_argument_error(&ZendStr::new(message, false));
    Failure::Thrown
}

/// The name of an event in messages.
fn name(key: &Zval) -> String {
    match key.zend_str() {
        Some(key) => format!("event \"{}\"", key.as_bytes().escape_ascii()),
        None => format!("event {}", key.long().unwrap_or_default()),
    }
}

/// Checks all events and fills a batch.
fn batch(events: &ZendHashTable, encoded: &ZendHashTable) -> Result<Batch, Failure> {
    let mut batch = Batch::new();
    let mut keys = events.iter();
    let mut values = encoded.values();
    while let Some((key, _)) = keys.next_zval() {
        let parts: Vec<&Zval> = values.by_ref().take(PARTS).collect();
        push(&mut batch, &parts).map_err(|failure| failure.about(&name(&key)))?;
    }
    Ok(batch)
}

fn push(batch: &mut Batch, parts: &[&Zval]) -> Result<(), Failure> {
    let [category, json, id, latest, ttl, exclude] = parts else {
        return Ok(());
    };
    let (Some(category), Some(json)) = (category.zend_str(), json.zend_str()) else {
        return Ok(());
    };
    let pushed = batch.push(&Event {
        topic: publish::topic(category)?,
        json: json::text(json)?,
        id: id.zend_str().map(publish::id).transpose()?,
        latest: latest.bool().unwrap_or_default(),
        ttl_s: ttl.long().map(publish::ttl).transpose()?,
        exclude: exclude.zend_str().map(publish::session).transpose()?,
    });
    pushed.map_err(|error| Failure::mistake(&error))
}
