//! Hides an option's value from `var_dump` and similar functions.

use ext_php_rs::convert::IntoZval;
use ext_php_rs::types::{ZendObject, Zval};
use ext_php_rs::zend::ClassEntry;

use crate::engine;

/// PHP's class for hidden values. It returns the value only from `getValue()`.
const CLASS: &str = "SensitiveParameterValue";

/// Wraps a value. Before PHP 8.2 the class does not exist, and the value is not wrapped.
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

/// Unwraps a value. Returns any other value unchanged.
pub(crate) fn reveal(value: &Zval) -> &Zval {
    let hidden = value.object().filter(|object| {
        ClassEntry::try_find(CLASS).is_some_and(|class| object.instance_of(class))
    });
    hidden
        .and_then(|object| engine::read_property(object, c"value"))
        .unwrap_or(value)
}
