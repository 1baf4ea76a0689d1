//! One publish, from the arguments to the receipt.

use ext_php_rs::types::ZendStr;
use ext_php_rs::zend::ExecuteData;
use pusher::{Error, Event, Receipt};

use crate::engine::PublishArguments;
use crate::failure::Failure;
use crate::settings::{Settings, ttl_of};
use crate::{engine, json, object, publishers};

/// Publishes the arguments of `Pusher::publish` or `send`.
pub(crate) fn receipt_for(frame: &mut ExecuteData) -> Result<Receipt, Failure> {
    let arguments = engine::publish_arguments(frame).ok_or(Failure::Thrown)?;
    let given = object::given(arguments.object);
    with_event(arguments, |event| {
        let settings = Settings::read(&given).map_err(|error| Failure::mistake(&error))?;
        publishers::publish(&settings, event)
    })
}

/// Encodes the data, which runs user code, and then calls `publish`, which must not.
pub(crate) fn with_event<T>(
    arguments: PublishArguments,
    publish: impl FnOnce(&Event) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let topic = topic(arguments.category)?;
    let id = arguments.id.map(id).transpose()?;
    let ttl_s = arguments.ttl.map(ttl).transpose()?;
    let exclude = arguments.exclude.map(session).transpose()?;
    let encoded = json::encode(arguments.data)?;
    let json = json::text(&encoded)?;
    publish(&Event {
        topic,
        json,
        id,
        latest: arguments.latest,
        ttl_s,
        exclude,
    })
}

pub(crate) fn topic(category: &ZendStr) -> Result<&str, Failure> {
    category.as_str().map_err(|_| {
        let reason = "the category is not valid UTF-8".to_owned();
        Failure::mistake(&Error::Topic { reason })
    })
}

pub(crate) fn id(id: &ZendStr) -> Result<&str, Failure> {
    id.as_str().map_err(|_| {
        let reason = "the id is not valid UTF-8".to_owned();
        Failure::mistake(&Error::Id { reason })
    })
}

pub(crate) fn session(session: &ZendStr) -> Result<&str, Failure> {
    session.as_str().map_err(|_| {
        let reason = "exclude is not valid UTF-8".to_owned();
        Failure::mistake(&Error::Exclude { reason })
    })
}

pub(crate) fn ttl(ttl: i64) -> Result<u32, Failure> {
    ttl_of(ttl).map_err(|error| Failure::mistake(&error))
}
