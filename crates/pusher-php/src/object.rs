//! The properties of a `Pusher` object.

use std::ffi::CStr;

use ext_php_rs::types::{ZendObject, Zval};

use crate::engine;
use crate::settings::Given;

pub(crate) const ADDRESS: &CStr = c"address";
pub(crate) const OPTIONS: &CStr = c"options";

/// Returns the arguments that the object was made with. Empty for the static `publish`.
pub(crate) fn given(object: Option<&ZendObject>) -> Given<'_> {
    let property = |name| object.and_then(|object| engine::read_property(object, name));
    Given {
        address: property(ADDRESS).and_then(Zval::zend_str),
        options: property(OPTIONS).and_then(Zval::array),
    }
}
