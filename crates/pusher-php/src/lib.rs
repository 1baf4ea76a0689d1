//! The PHP extension `pusher`: `Pusher::publish($category, $data)`.
//!
//! Thin on libpusher's Rust API: PHP's values in, one publish, PHP's values out. What users of PHP
//! see of it is written down in `php/stubs/pusher.stub.php`, which a test holds against the loaded
//! extension.
//!
//! | module | what |
//! |---|---|
//! | `pusher_class` | the class `Pusher` |
//! | `publish` | the way of one publish |
//! | `send_many` | the way of many publishes together |
//! | `deferred` | what is published when the page is done |
//! | `failure` | what PHP is told when it fails |
//! | `json` | the data as `json_encode` writes it |
//! | `settings` | the ini entries, and what an object has in place of them |
//! | `secret` | options that `var_dump` must not show |
//! | `publishers` | this process's (or thread's) publishers, one an address, and what they counted |
//! | `breaker` | after a publish that hung, the next ones fail at once for a while |
//! | `receipt` | the class `PusherReceipt` |
//! | `exception` | the class `PusherException` |
//! | `class` | what these have in common |
//! | `info` | the section in phpinfo() |
//! | `engine` | functions of PHP that ext-php-rs has no binding for; most of the unsafe code |
//!
//! # Invariants
//! - Loading the extension opens, starts and reserves nothing: Apache and FPM fork afterwards.
//! - State is per thread and a child process makes its own: there is no lock.
//! - Nothing with a Rust destructor is alive while PHP may run user code: see `engine`.
//! - A panic becomes PHP's `Error`, or an extension that does not load; never an abort.

mod breaker;
mod class;
mod deferred;
mod engine;
mod event;
mod exception;
mod failure;
mod info;
mod json;
mod object;
mod publish;
mod publishers;
mod pusher_class;
mod receipt;
mod secret;
mod send_many;
mod settings;

use std::panic::catch_unwind;

use ext_php_rs::builders::{ModuleBuilder, ModuleStartup};
use ext_php_rs::error::Result;
use ext_php_rs::ffi::{ZEND_RESULT_CODE_FAILURE, ZEND_RESULT_CODE_SUCCESS};
use ext_php_rs::zend::{ModuleEntry, StaticModuleEntry};

/// What PHP calls first, to get to know the extension.
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

/// MINIT. The panic's own text is on stderr by then; PHP adds which module did not start.
extern "C" fn startup(_module_type: i32, module_number: i32) -> i32 {
    match catch_unwind(|| register(module_number)) {
        Ok(Ok(())) => ZEND_RESULT_CODE_SUCCESS,
        Ok(Err(_)) | Err(_) => ZEND_RESULT_CODE_FAILURE,
    }
}

fn register(module_number: i32) -> Result<()> {
    settings::register(module_number);
    exception::register()?;
    receipt::register()?;
    pusher_class::register()
}
