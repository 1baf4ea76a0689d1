//! The section in phpinfo().

use std::panic::catch_unwind;
use std::path::Path;

use ext_php_rs::zend::ModuleEntry;
use ext_php_rs::{info_table_end, info_table_row, info_table_start};

use crate::engine;
use crate::publishers::{self, Status};
use crate::settings::{Given, Settings};

/// MINFO. Printing may run user code, in an output buffer's callback. If that leaves by `longjmp`, a short text leaks.
pub(crate) unsafe extern "C" fn print(module: *mut ModuleEntry) {
    // A panic must not reach PHP. The section is then incomplete.
    let _ = catch_unwind(|| {
        print_status();
        engine::print_ini_entries(module);
    });
}

fn print_status() {
    let counters = publishers::counters();
    info_table_start!();
    info_table_row!("Pusher", "enabled");
    info_table_row!("Version", env!("CARGO_PKG_VERSION"));
    for (name, count) in [
        ("Published", counters.published),
        ("Spooled", counters.spooled),
        ("Failed", counters.failed),
        ("Short-circuited", counters.short_circuited),
        ("Deferred", counters.deferred),
    ] {
        info_table_row!(format!("{name} (this process)"), count.to_string());
    }
    match Settings::read(&Given::default()) {
        Ok(settings) => {
            info_table_row!("Spool", spool(settings.spool.as_deref()));
            publishers::status(&settings)
                .iter()
                .for_each(print_connection);
        }
        Err(error) => info_table_row!("Mistake in the settings", error.to_string()),
    }
    info_table_end!();
}

/// Returns the directory, and the reason if this process cannot use it. The check is new: the last failed event, below,
/// may be of another user.
fn spool(dir: Option<&Path>) -> String {
    match dir.map(|dir| (dir.display(), pusher::check_spool(dir))) {
        None => "off".to_owned(),
        Some((dir, Ok(()))) => dir.to_string(),
        Some((dir, Err(failure))) => format!("{dir} (cannot be used: {failure})"),
    }
}

fn print_connection(status: &Status) {
    let state = match &status.open_for {
        Some((left, why)) => {
            let left_ms = left.as_millis();
            format!("closed, breaker open (nothing is tried) for {left_ms} ms: {why}")
        }
        None if status.is_connected => "open".to_owned(),
        None => "closed, the next publish opens it".to_owned(),
    };
    info_table_row!(format!("Connection to {}", status.address), state);
    if let Some(why) = &status.spool_failure {
        let name = format!(
            "Last event for {} that could not be spooled",
            status.address
        );
        info_table_row!(name, why.as_str());
    }
}
