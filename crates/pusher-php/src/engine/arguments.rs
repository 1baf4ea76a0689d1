//! The arguments of the methods, as PHP parses them.

use std::ffi::{c_char, c_int};
use std::ptr;

use ext_php_rs::ffi::{ZEND_RESULT_CODE_SUCCESS as SUCCESS, zend_long};
use ext_php_rs::types::{ZendHashTable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;
use pusher::TICKET_TTL_S;

unsafe extern "C" {
    fn zend_parse_parameters(num_args: u32, type_spec: *const c_char, ...) -> c_int;
}

/// Parses the arguments of a call into variables, whose types must be those that `$types` makes PHP write. `None`: PHP
/// has thrown an exception.
macro_rules! parse {
    ($frame:ident, $types:literal $(, $variable:ident)*) => {{
        let count = $frame.This.u2.num_args;
        let parsed = zend_parse_parameters(count, $types.as_ptr() $(, &raw mut $variable)*);
        (parsed == SUCCESS).then_some(())
    }};
}

/// The arguments of `publish`, `send` and `defer`, borrowed from the call's frame. PHP converts them by its own rules
/// (strict or weak types) and throws the errors.
pub(crate) struct PublishArguments<'a> {
    pub(crate) category: &'a ZendStr,
    pub(crate) data: &'a mut Zval,
    pub(crate) id: Option<&'a ZendStr>,
    pub(crate) latest: bool,
    pub(crate) ttl: Option<i64>,
    pub(crate) exclude: Option<&'a ZendStr>,
    /// `$this`, if there is one.
    pub(crate) object: Option<&'a ZendObject>,
}

/// Returns `None` if PHP has thrown an exception. Runs user code: `__toString` of an object that is passed as the category.
pub(crate) fn publish_arguments(frame: &mut ExecuteData) -> Option<PublishArguments<'_>> {
    let mut category: *mut ZendStr = ptr::null_mut();
    let mut data: *mut Zval = ptr::null_mut();
    let mut id: *mut ZendStr = ptr::null_mut();
    let mut latest = false;
    let mut ttl: zend_long = 0;
    let mut has_no_ttl = true;
    let mut exclude: *mut ZendStr = ptr::null_mut();
    // SAFETY: `num_args` is the member of the union that is in use in a call's frame; "S" writes a
    // zend_string pointer and "z" a zval pointer, both into the frame's own arguments; "S!" writes
    // null for null; "b" writes a bool, "l!" a zend_long and a bool, which is true for null. If an
    // argument is missing, its variables stay unchanged.
    unsafe {
        parse!(
            frame,
            c"Sz|S!bl!S!",
            category,
            data,
            id,
            latest,
            ttl,
            has_no_ttl,
            exclude
        )
    }?;
    // SAFETY: after success all of them point into the frame's arguments, which outlive `'_`, and no other code uses
    // them while an internal function runs.
    let (category, data) = unsafe { (category.as_ref()?, data.as_mut()?) };
    // SAFETY: the same.
    let (id, exclude) = unsafe { (id.as_ref(), exclude.as_ref()) };
    Some(PublishArguments {
        category,
        data,
        id,
        latest,
        ttl: (!has_no_ttl).then_some(ttl),
        exclude,
        object: frame.This.object(),
    })
}

/// The arguments of `sendMany`, borrowed from the call's frame.
pub(crate) struct SendManyArguments<'a> {
    pub(crate) events: &'a ZendHashTable,
    pub(crate) object: Option<&'a ZendObject>,
}

/// Returns `None` if PHP has thrown an exception.
pub(crate) fn send_many_arguments(frame: &mut ExecuteData) -> Option<SendManyArguments<'_>> {
    let mut events: *mut Zval = ptr::null_mut();
    // SAFETY: as in `publish_arguments`; "a" writes a pointer to an array.
    unsafe { parse!(frame, c"a", events) }?;
    // SAFETY: as in `publish_arguments`. The frame's reference keeps the array unchanged.
    let events = unsafe { events.as_ref()?.array()? };
    Some(SendManyArguments {
        events,
        object: frame.This.object(),
    })
}

/// The arguments of `ticket`, borrowed from the call's frame.
pub(crate) struct TicketArguments<'a> {
    pub(crate) topics: &'a ZendHashTable,
    pub(crate) ttl: i64,
    pub(crate) sub: Option<&'a ZendStr>,
    /// An array, if it is given.
    pub(crate) info: Option<&'a mut Zval>,
    pub(crate) cookie: bool,
}

/// Runs user code and returns `None` as [`publish_arguments`] does.
pub(crate) fn ticket_arguments(frame: &mut ExecuteData) -> Option<TicketArguments<'_>> {
    let mut topics: *mut Zval = ptr::null_mut();
    let mut ttl = zend_long::try_from(TICKET_TTL_S).unwrap_or_default();
    let mut sub: *mut ZendStr = ptr::null_mut();
    let mut info: *mut Zval = ptr::null_mut();
    let mut cookie = true;
    // SAFETY: as in `publish_arguments`; "a" writes a pointer to an array, and "l" a zend_long.
    unsafe { parse!(frame, c"a|lS!ab", topics, ttl, sub, info, cookie) }?;
    // SAFETY: null, or into the frame's arguments as in `publish_arguments`. Both arrays are arguments of their own.
    let (topics, sub, info) = unsafe { (topics.as_ref()?.array()?, sub.as_ref(), info.as_mut()) };
    Some(TicketArguments {
        topics,
        ttl,
        sub,
        info,
        cookie,
    })
}

/// The only argument of a static method, a string. Runs user code and returns `None` as [`publish_arguments`] does.
pub(crate) fn text_argument(frame: &mut ExecuteData) -> Option<&ZendStr> {
    let mut text: *mut ZendStr = ptr::null_mut();
    // SAFETY: as in `publish_arguments`.
    unsafe { parse!(frame, c"S", text) }?;
    // SAFETY: as in `publish_arguments`.
    unsafe { text.as_ref() }
}

/// `$this`, if there is one, of a method without arguments. Returns `None` if PHP has thrown an exception.
pub(crate) fn no_arguments(frame: &mut ExecuteData) -> Option<Option<&ZendObject>> {
    // SAFETY: as in `publish_arguments`; nothing is written.
    unsafe { parse!(frame, c"") }?;
    Some(frame.This.object())
}

/// The arguments of `new Pusher`, borrowed from the call's frame.
pub(crate) struct ConstructorArguments<'a> {
    pub(crate) object: &'a mut ZendObject,
    pub(crate) address: Option<&'a ZendStr>,
    /// An array, if it is given.
    pub(crate) options: Option<&'a Zval>,
}

/// Runs user code and returns `None` as [`publish_arguments`] does.
pub(crate) fn constructor_arguments(frame: &mut ExecuteData) -> Option<ConstructorArguments<'_>> {
    let mut address: *mut ZendStr = ptr::null_mut();
    let mut options: *mut Zval = ptr::null_mut();
    // SAFETY: as in `publish_arguments`; "a" writes a pointer to an array.
    unsafe { parse!(frame, c"|S!a", address, options) }?;
    // SAFETY: null, or into the frame's arguments as in `publish_arguments`.
    let (address, options) = unsafe { (address.as_ref(), options.as_ref()) };
    Some(ConstructorArguments {
        object: frame.This.object_mut()?,
        address,
        options,
    })
}
