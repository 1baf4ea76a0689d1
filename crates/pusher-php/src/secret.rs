//! Options that `var_dump` and its like must not show.

use ext_php_rs::convert::IntoZval;
use ext_php_rs::types::{ZendObject, Zval};
use ext_php_rs::zend::ClassEntry;

use crate::engine;

/// PHP's own class for it, which shows its value to nobody who does not ask for it.
const CLASS: &str = "SensitiveParameterValue";

/// The value, wrapped. (Before PHP 8.2 there is no such class, and the value stays as it is.)
pub(crate) fn hide(value: &Zval) -> Zval {
    let Some(class) = ClassEntry::try_find(CLASS) else {
        return value.shallow_clone();
    };
    let mut object = ZendObject::new(class);
    engine::init_readonly(&mut object, c"value", &mut value.shallow_clone());
    let mut hidden = Zval::new();
    // It can't fail: an object is stored as it is.
    let _ = object.set_zval(&mut hidden, false);
    hidden
}

/// What was wrapped; any other value as it is.
pub(crate) fn reveal(value: &Zval) -> &Zval {
    let hidden = value.object().filter(|object| {
        ClassEntry::try_find(CLASS).is_some_and(|class| object.instance_of(class))
    });
    hidden
        .and_then(|object| engine::read_property(object, c"value"))
        .unwrap_or(value)
}
