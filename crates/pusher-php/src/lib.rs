//! The PHP extension `pusher`: `Pusher::publish($category, $data)`.
//!
//! A thin layer on libpusher's Rust API. It converts PHP's values, publishes, and converts the result back. The
//! stub `php/stubs/pusher.stub.php` documents the interface for PHP programmers; a test compares it with the loaded
//! extension.
//!
//! | module | contents |
//! |---|---|
//! | `pusher_class` | the class `Pusher` |
//! | `publish` | one publish |
//! | `position` | the position of pushd's log |
//! | `ticket` | `ticket`: tickets for private topics |
//! | `ticket_settings` | the ini entries of tickets |
//! | `cookie` | the cookie with the ticket |
//! | `page` | the page's request, and its response headers |
//! | `users` | `revoke` and `presence` |
//! | `send_many` | `sendMany`: many publishes together |
//! | `deferred` | `defer`: events that are published after the page |
//! | `failure` | a failed publish as a warning or an exception |
//! | `json` | the data as JSON, by `json_encode` |
//! | `settings` | the ini entries, and an object's options in place of them |
//! | `secret` | hides the token from `var_dump` |
//! | `publishers` | the publishers of this process (or thread), one per address, and their counters |
//! | `breaker` | after a publish that hung, fails the next ones at once for a while |
//! | `object` | the properties of a `Pusher` object |
//! | `receipt` | the class `PusherReceipt` |
//! | `exception` | the class `PusherException` |
//! | `class` | registration, which all classes share |
//! | `info` | the section in phpinfo() |
//! | `engine` | bindings that ext-php-rs does not have; most of the unsafe code |
//!
//! # Invariants
//! - Loading the extension opens, starts and allocates nothing, because Apache and FPM fork afterwards.
//! - State is per thread, except the number of changes of ini entries, and a child process makes its own. There is no lock.
//! - Nothing with a Rust destructor is alive while PHP may run user code: see `engine`.
//! - A panic becomes PHP's `Error`. During start the extension does not load. It never aborts.

mod breaker;
mod class;
mod cookie;
mod deferred;
mod engine;
mod exception;
mod failure;
mod info;
mod json;
mod object;
mod page;
mod position;
mod publish;
mod publishers;
mod pusher_class;
mod receipt;
mod secret;
mod send_many;
mod settings;
mod ticket;
mod ticket_settings;
mod users;

use std::panic::catch_unwind;

use ext_php_rs::builders::{ModuleBuilder, ModuleStartup};
use ext_php_rs::error::Result;
use ext_php_rs::ffi::{ZEND_RESULT_CODE_FAILURE, ZEND_RESULT_CODE_SUCCESS};
use ext_php_rs::zend::{ModuleEntry, StaticModuleEntry};

/// PHP calls this first, and reads the extension's description from the result.
#[unsafe(no_mangle)]
extern "C" fn get_module() -> *mut ModuleEntry {
    static MODULE: StaticModuleEntry = StaticModuleEntry::new();
    MODULE.get_or_init(|| {
        let module = ModuleBuilder::new("pusher", env!("CARGO_PKG_VERSION"))
            .startup_function(startup)
            .request_startup_function(deferred::begin)
            .request_shutdown_function(deferred::end)
            .info_function(info::print);
        let built: Result<(_, ModuleStartup, _)> = module.try_into();
        let (entry, _nothing_left_to_start, owned) = built.expect("the name has no NUL");
        (entry, owned)
    })
}

/// MINIT. A panic has printed its text on stderr; PHP adds the name of the module that did not start.
extern "C" fn startup(_module_type: i32, module_number: i32) -> i32 {
    match catch_unwind(|| register(module_number)) {
        Ok(Ok(())) => ZEND_RESULT_CODE_SUCCESS,
        Ok(Err(_)) | Err(_) => ZEND_RESULT_CODE_FAILURE,
    }
}

fn register(module_number: i32) -> Result<()> {
    settings::register(module_number);
    ticket_settings::register(module_number);
    exception::register()?;
    receipt::register()?;
    pusher_class::register()
}
