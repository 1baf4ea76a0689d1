//! The running service.
#![allow(
    unsafe_code,
    reason = "the macro of windows-service reads the arguments that Windows passes"
)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use windows_service::{define_windows_service, service_dispatcher};

use crate::serve;
use crate::service_control::{self, SERVICE};
use crate::settings::{Settings, Sources};

/// The settings, for the thread in which Windows runs the service.
static SETTINGS: Mutex<Option<(Sources, Settings)>> = Mutex::new(None);

define_windows_service!(service_main, main);

/// Serves until the service is stopped. Fails if this process was not started as a service.
pub(super) fn run(sources: Sources, settings: Settings) -> windows_service::Result<()> {
    let mut slot = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    *slot = Some((sources, settings));
    drop(slot);
    service_dispatcher::start(SERVICE, service_main)
}

fn main(_: Vec<OsString>) {
    if service_control::begin().is_err() {
        // Windows hears of nothing, and ends the process.
        return;
    }
    let mut slot = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let settings = slot.take();
    drop(slot);
    let code = settings.map(|(sources, settings)| serve::run(sources, settings));
    service_control::ended(code == Some(ExitCode::SUCCESS));
}
