//! The position of pushd's log.

use ext_php_rs::zend::ExecuteData;
use pusher::{Position, Publisher};

use crate::failure::Failure;
use crate::settings::Settings;
use crate::{engine, object, publishers};

/// Answers `Pusher::position` or `currentPosition`.
pub(crate) fn position_for(frame: &mut ExecuteData) -> Result<Position, Failure> {
    let object = engine::no_arguments(frame).ok_or(Failure::Thrown)?;
    let settings = Settings::read(&object::given(object));
    let settings = settings.map_err(|error| Failure::mistake(&error))?;
    publishers::ask(&settings, Publisher::position)
}
