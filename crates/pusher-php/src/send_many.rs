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

/// Returns the topic, JSON and id of each event, in order. They are in PHP's memory, because encoding runs user code,
/// which may leave by `longjmp`.
fn encode(events: &ZendHashTable) -> Result<ZBox<ZendHashTable>, Failure> {
    let mut encoded = ZendHashTable::new();
    let mut rest = events.iter();
    while let Some((key, value)) = rest.next_zval() {
        // A copy, because user code may change the target of a reference.
        let event = copy(value);
        let Some((category, mut data, id)) = parts(&event) else {
            return Err(not_an_event(&key));
        };
        let (category, id) = (as_text(category)?, as_text(id)?);
        let json = json::encode(&mut data).map_err(|failure| failure.about(&name(&key)))?;
        let mut text = Zval::new();
        text.set_zend_string(json);
        for part in [category, text, id] {
            // Only a conversion could fail, and there is none.
            let _ = encoded.push(part);
        }
    }
    Ok(encoded)
}

/// `[category, data]` or `[category, data, id]`.
fn parts(event: &Zval) -> Option<(Zval, Zval, Zval)> {
    let event = event.array()?;
    let (category, data) = (copy(event.get_index(0)?), copy(event.get_index(1)?));
    let id = match event.len() {
        2 => Zval::null(),
        3 => copy(event.get_index(2)?),
        _ => return None,
    };
    (is_text(&category) && (id.is_null() || is_text(&id))).then_some((category, data, id))
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
         strings, but {} is none",
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
    let mut parts = encoded.values();
    while let (Some((key, _)), Some(category), Some(json), Some(id)) =
        (keys.next_zval(), parts.next(), parts.next(), parts.next())
    {
        push(&mut batch, category, json, id).map_err(|failure| failure.about(&name(&key)))?;
    }
    Ok(batch)
}

fn push(batch: &mut Batch, category: &Zval, json: &Zval, id: &Zval) -> Result<(), Failure> {
    let (Some(category), Some(json)) = (category.zend_str(), json.zend_str()) else {
        return Ok(());
    };
    let topic = publish::topic(category)?;
    let id = id.zend_str().map(publish::id).transpose()?;
    let pushed = batch.push(&Event {
        id,
        ..Event::new(topic, json::text(json)?)
    });
    pushed.map_err(|error| Failure::mistake(&error))
}
