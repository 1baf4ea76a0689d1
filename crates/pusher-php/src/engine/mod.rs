//! Functions of PHP that ext-php-rs has no binding for, each behind a safe wrapper.
//!
//! **`longjmp`.** `exit()` in user code, a fatal error and `memory_limit` leave with a `longjmp`, which skips Rust's
//! destructors. A caller of a function that is marked "Runs user code" must not hold anything that a destructor
//! releases: no borrow, no lock, no Rust memory. Memory of PHP's is allowed: the end of the request frees it.

mod arguments;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ext_php_rs::boxed::ZBox;
use ext_php_rs::ffi::{
    E_WARNING, HashTable, IS_UNDEF, ZEND_RESULT_CODE_SUCCESS as SUCCESS, php_error_docref,
    zend_class_entry, zend_ini_entry, zend_long, zend_property_info, zend_read_property, zend_type,
};
use ext_php_rs::flags::{DataType, PropertyFlags};
use ext_php_rs::types::{ZendCallable, ZendObject, ZendStr, Zval};
use ext_php_rs::zend::{ClassEntry, ModuleEntry, SapiModule, ZendType};

pub(crate) use arguments::{
    PublishArguments, TicketArguments, constructor_arguments, no_arguments, publish_arguments,
    send_many_arguments, text_argument, ticket_arguments,
};

unsafe extern "C" {
    fn php_json_encode_ex(
        buf: *mut SmartStr,
        value: *mut Zval,
        options: c_int,
        depth: zend_long,
    ) -> c_int;
    fn zval_try_get_string_func(value: *mut Zval) -> *mut ZendStr;
    fn zend_argument_type_error(arg_num: u32, format: *const c_char, ...);
    fn zend_add_attribute(
        attributes: *mut *mut HashTable,
        name: *mut ZendStr,
        argument_count: u32,
        flags: u32,
        offset: u32,
        line: u32,
    ) -> *mut c_void;
    fn php_output_write(text: *const c_char, len: usize) -> usize;
    fn php_output_get_start_filename() -> *const c_char;
    fn php_output_get_start_lineno() -> c_int;
    fn sapi_flush();
    fn zend_ini_string(name: *const c_char, name_len: usize, original: c_int) -> *const c_char;
    fn display_ini_entries(module: *mut ModuleEntry);
    fn php_check_open_basedir_ex(path: *const c_char, warn: c_int) -> c_int;
    fn zend_declare_typed_property(
        class: *mut zend_class_entry,
        name: *mut ZendStr,
        default: *mut Zval,
        flags: c_int,
        doc_comment: *mut ZendStr,
        property_type: zend_type,
    ) -> *mut zend_property_info;
    fn zend_update_property(
        scope: *mut zend_class_entry,
        object: *mut ZendObject,
        name: *const c_char,
        name_len: usize,
        value: *mut Zval,
    );
    fn php_json_decode_ex(
        result: *mut Zval,
        text: *const c_char,
        len: usize,
        options: zend_long,
        depth: zend_long,
    ) -> c_int;
    static spl_ce_RuntimeException: *mut zend_class_entry;
}

/// PHP's limit for paths on Linux, with the NUL.
const MAXPATHLEN: usize = 4096;

/// `ZEND_ACC_READONLY`, which ext-php-rs does not define.
const ACC_READONLY: u32 = 1 << 7;

/// `ZEND_ATTRIBUTE_PERSISTENT`: an attribute of an internal class.
const ATTRIBUTE_PERSISTENT: u32 = 1;

const JSON_OBJECT_AS_ARRAY: zend_long = 1;

/// PHP's growing string; the text is null as long as nothing was written.
#[repr(C)]
struct SmartStr {
    text: *mut ZendStr,
    allocated: usize,
}

/// Converts a value to a string by PHP's rules. Returns `None` if PHP has thrown. Runs user code: `__toString()`.
pub(crate) fn to_string(value: &mut Zval) -> Option<ZBox<ZendStr>> {
    // SAFETY: the value is valid for the call, which gives null or a string that is ours to release.
    unsafe {
        let text = zval_try_get_string_func(value);
        (!text.is_null()).then(|| ZBox::from_raw(text))
    }
}

/// Throws a `TypeError` about the called function's first argument.
pub(crate) fn first_argument_error(message: &ZendStr) {
    // SAFETY: a function is being called; the text is NUL-terminated and copied.
    unsafe { zend_argument_type_error(1, c"%s".as_ptr(), message.val.as_ptr()) }
}

/// Runs user code: `jsonSerialize()`, property hooks. `None`: it failed, or that code has thrown.
/// The error is the one that `json_last_error()` tells, also beside `Some`.
pub(crate) fn json_encode(data: &mut Zval, flags: i32, depth_max: i64) -> Option<ZBox<ZendStr>> {
    let mut out = SmartStr {
        text: ptr::null_mut(),
        allocated: 0,
    };
    // SAFETY: both are valid for the call; the encoder leaves the text either null or a string of
    // PHP's allocator that is ours, without the NUL at its end, for which there is room.
    let (encoded, text) = unsafe {
        let encoded = php_json_encode_ex(&raw mut out, data, flags, depth_max);
        let text = (!out.text.is_null()).then(|| {
            let end = (&raw mut (*out.text).val)
                .cast::<c_char>()
                .add((*out.text).len);
            end.write(0);
            ZBox::from_raw(out.text)
        });
        (encoded, text)
    };
    // A failure leaves half a document behind: `text` is dropped here.
    text.filter(|_| encoded == SUCCESS)
}

/// Decodes JSON, with objects as arrays. `None`: it is not JSON, or nested too deeply.
pub(crate) fn json_decode(text: &ZendStr, depth_max: i64) -> Option<Zval> {
    let mut value = Zval::new();
    // SAFETY: the result can be written. The parser needs the NUL behind the text, which every zend_string has.
    let decoded = unsafe {
        php_json_decode_ex(
            &raw mut value,
            text.val.as_ptr(),
            text.len,
            JSON_OBJECT_AS_ARRAY,
            depth_max,
        )
    };
    (decoded == SUCCESS).then_some(value)
}

/// A copy of an ini setting, empty if it is set to nothing.
pub(crate) fn ini_value(name: &CStr) -> Vec<u8> {
    ini_text(name, 0)
}

/// Returns the value of a setting in php.ini or on the command line, without later changes by the page or the web
/// server.
pub(crate) fn ini_original(name: &CStr) -> Vec<u8> {
    ini_text(name, 1)
}

fn ini_text(name: &CStr, original: c_int) -> Vec<u8> {
    // SAFETY: the name is valid for the call; PHP answers null or a NUL-terminated text that stays
    // until the setting changes, which nobody does meanwhile.
    unsafe {
        let value = zend_ini_string(name.as_ptr(), name.count_bytes(), original);
        match value.is_null() {
            true => Vec::new(),
            false => CStr::from_ptr(value).to_bytes().to_vec(),
        }
    }
}

/// Whether `open_basedir` allows a path. A path of `MAXPATHLEN` bytes or more is not allowed: PHP would raise a notice. May
/// leave by `longjmp`, because PHP allocates memory (`memory_limit`).
pub(crate) fn is_in_open_basedir(path: &CStr) -> bool {
    // SAFETY: the path is valid for the call, which raises no warning.
    path.count_bytes() < MAXPATHLEN && unsafe { php_check_open_basedir_ex(path.as_ptr(), 0) == 0 }
}

/// Number of changes of the extension's ini entries, by all threads.
static INI_CHANGES: AtomicUsize = AtomicUsize::new(0);

/// Returns a counter that each change of an ini entry increments.
pub(crate) fn ini_changes() -> usize {
    INI_CHANGES.load(Ordering::Relaxed)
}

/// Lets a setting have any value: it is checked when it is read. Without such a function PHP's
/// `ini_restore()` does nothing.
pub(crate) unsafe extern "C" fn ini_accept(
    _entry: *mut zend_ini_entry,
    _value: *mut ZendStr,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _stage: c_int,
) -> c_int {
    INI_CHANGES.fetch_add(1, Ordering::Relaxed);
    SUCCESS
}

/// The name of PHP's interface to the web server: `apache2handler`, `fpm-fcgi`, `cli`.
pub(crate) fn sapi_name() -> &'static CStr {
    // SAFETY: null, or a NUL-terminated text that lives as long as the process.
    unsafe {
        let name = SapiModule::get().name;
        match name.is_null() {
            true => c"",
            false => CStr::from_ptr(name),
        }
    }
}

/// Raises an `E_WARNING`. Runs user code: an error handler.
///
/// The message is PHP's memory so that nothing is lost when that handler does not come back.
pub(crate) fn warn(message: &ZendStr) {
    // SAFETY: a zend_string's text is NUL-terminated, and PHP copies it before anything else.
    unsafe {
        php_error_docref(
            ptr::null(),
            E_WARNING.cast_signed(),
            c"%s".as_ptr(),
            message.val.as_ptr(),
        );
    }
}

/// Calls a function without arguments, if there is one of this name. Runs user code.
pub(crate) fn call_if_there(function: &'static str) {
    if let Ok(callable) = ZendCallable::try_from_name(function) {
        // Its result does not matter, and neither does a failure.
        let _ = callable.try_call(Vec::new());
    }
}

/// Sends the page's output to the browser, if the server allows it. Runs user code: a callback for headers. Leaves by
/// `longjmp` if the browser has gone.
pub(crate) fn flush_page() {
    // SAFETY: it does nothing if the server has no such function.
    unsafe { sapi_flush() }
}

/// Prints as a page does. Runs user code: a callback of an output buffer.
pub(crate) fn print(text: &'static str) {
    // SAFETY: the text is valid for its length.
    unsafe { php_output_write(text.as_ptr().cast(), text.len()) };
}

/// Returns the file and the line that printed the first output. `None`: nothing was printed.
pub(crate) fn output_start() -> Option<(String, i32)> {
    // SAFETY: null, or a NUL-terminated text, which is copied at once.
    unsafe {
        let file = php_output_get_start_filename();
        (!file.is_null()).then(|| {
            let file = CStr::from_ptr(file).to_string_lossy().into_owned();
            (file, php_output_get_start_lineno())
        })
    }
}

/// Keeps a parameter of the constructor, counted from 0, out of stack traces, as the attribute does
/// in a user's class.
pub(crate) fn hide_from_traces(class: &mut ClassEntry, parameter: u32) {
    let name = ZendStr::new_interned(b"SensitiveParameter", true).into_raw();
    // SAFETY: the class is being registered and has a constructor. PHP counts parameters from 1
    // here, 0 being the function itself.
    unsafe {
        let attributes = &raw mut (*class.constructor).common.attributes;
        zend_add_attribute(attributes, name, 0, ATTRIBUTE_PERSISTENT, parameter + 1, 0);
    }
}

/// The table of the module's ini entries, for phpinfo().
pub(crate) fn print_ini_entries(module: *mut ModuleEntry) {
    // SAFETY: called with the module that PHP passed to the info function.
    unsafe { display_ini_entries(module) }
}

/// PHP's `RuntimeException`. It can't be looked up by name yet when modules start.
pub(crate) fn runtime_exception() -> &'static ClassEntry {
    // SAFETY: SPL is always built in and starts before any loaded module, so the pointer is set.
    unsafe { &*spl_ce_RuntimeException }
}

/// Declares a readonly property without a default, as a user's class would have it.
///
/// # Panics
/// If the type is a class whose name has a NUL in it.
pub(crate) fn declare_readonly(
    class: &mut ClassEntry,
    name: &CStr,
    visibility: PropertyFlags,
    (data_type, is_nullable): (DataType, bool),
) {
    let flags = visibility.bits() | ACC_READONLY;
    let property_type = ZendType::empty_from_type(data_type, false, false, is_nullable);
    // A readonly property starts uninitialised; a new Zval would be null.
    let mut uninitialised = Zval::new();
    uninitialised.u1.type_info = IS_UNDEF;
    // SAFETY: the name is persistent and interned, as an internal class needs it, and the class is
    // still being declared.
    unsafe {
        zend_declare_typed_property(
            class,
            ZendStr::new_interned(name.to_bytes(), true).into_raw(),
            &raw mut uninitialised,
            flags.cast_signed(),
            ptr::null_mut(),
            property_type.expect("the class has a name"),
        );
    }
}

/// Initialises all properties of a new object, in the order of their declaration. The values must have the declared types.
pub(crate) fn init_all<const N: usize>(object: &mut ZendObject, values: [Zval; N]) {
    // SAFETY: an object has its class for as long as it lives.
    let declared = unsafe { (*object.ce).default_properties_count };
    assert_eq!(
        usize::try_from(declared),
        Ok(N),
        "one value for each property"
    );
    let object = ptr::from_mut(object);
    // SAFETY: the table begins there. PHP declares it with one place, and allocates one for each property.
    let properties = unsafe { &raw mut (*object).properties_table }.cast::<Zval>();
    for (index, value) in values.into_iter().enumerate() {
        // SAFETY: the table has a place for each declared property. They have no values yet, so none is overwritten.
        unsafe { properties.add(index).write(value) };
    }
}

/// Initialises a readonly property, once per object; the second time PHP throws.
pub(crate) fn init_readonly(object: &mut ZendObject, name: &CStr, value: &mut Zval) {
    // SAFETY: object, name and value are valid for the call, which takes a reference of its own to
    // the value; the scope is the object's own class, which alone may initialise its properties.
    unsafe {
        zend_update_property(object.ce, object, name.as_ptr(), name.count_bytes(), value);
    }
}

/// A property that [`declare_readonly`] declared; null as long as it is not initialised.
pub(crate) fn read_property<'a>(object: &'a ZendObject, name: &CStr) -> Option<&'a Zval> {
    let object = ptr::from_ref(object).cast_mut();
    // PHP writes computed values here. The values of declared properties are in the object.
    let mut computed = Zval::new();
    // SAFETY: as above; a declared property is found without any user code and not changed.
    let value = unsafe {
        zend_read_property(
            (*object).ce,
            object,
            name.as_ptr(),
            name.count_bytes(),
            true,
            &raw mut computed,
        )
    };
    if ptr::eq(value, &raw const computed) {
        return None;
    }
    // SAFETY: it is in the object, or PHP's constant for an uninitialised property.
    unsafe { value.as_ref() }
}
