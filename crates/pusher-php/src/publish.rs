//! The way of one publish.

use ext_php_rs::types::ZendStr;
use ext_php_rs::zend::ExecuteData;
use pusher::{Error, Receipt};

use crate::failure::Failure;
use crate::settings::Settings;
use crate::{engine, json, publishers, pusher_class};

/// Publishes what `Pusher::publish` or `send` was called with.
pub(crate) fn receipt_for(frame: &mut ExecuteData) -> Result<Receipt, Failure> {
    let arguments = engine::publish_arguments(frame).ok_or(Failure::Thrown)?;
    let topic = topic(arguments.category)?;
    let event = json::encode(arguments.data)?;
    // User code has run. From here to the receipt there is none.
    let event = json::text(&event)?;
    let given = pusher_class::given(arguments.object);
    let settings = Settings::read(&given).map_err(|error| Failure::mistake(&error))?;
    publishers::publish(&settings, topic, event)
}

fn topic(category: &ZendStr) -> Result<&str, Failure> {
    category.as_str().map_err(|_| {
        let reason = "the category is not valid UTF-8".to_owned();
        Failure::mistake(&Error::Topic { reason })
    })
}
