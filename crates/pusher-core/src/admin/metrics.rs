//! The metrics in the Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use super::process;
use crate::config::Limits;
use crate::context::Context;
use crate::stats::{Figure, Value};

/// `Content-Type` of that format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text of all metric families.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _written = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _written = writeln!(self.0, "{name}{labels} {value}");
    }

    /// Adds a value that can fall.
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    /// Adds a value that only grows.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    fn figure(&mut self, figure: &Figure) {
        self.family(figure.metric, figure.metric_type, figure.help);
        match &figure.value {
            Value::Number(number) => self.sample(figure.metric, "", number),
            Value::ByLabel { label, counts } => {
                for (value, count) in counts {
                    self.sample(figure.metric, &format!("{{{label}=\"{value}\"}}"), count);
                }
            }
        }
    }
}

/// Returns the current metrics. Slow if there are many sessions.
pub(crate) fn metrics(context: &Context) -> String {
    let (stats, limits) = (context.hub.stats(), context.live.limits());
    let mut page = Page::default();
    about_process(&mut page, context);
    about_certificate(&mut page, context);
    for figure in stats.figures() {
        page.figure(&figure);
    }
    about_limits(&mut page, &limits);
    page.0
}

fn about_process(page: &mut Page, context: &Context) {
    page.family("pushd_info", "gauge", "Name and version of the server.");
    let ident = context.server_ident.replace('\\', "\\\\");
    let ident = ident.replace('"', "\\\"").replace('\n', "\\n");
    page.sample("pushd_info", &format!("{{ident=\"{ident}\"}}"), 1);
    if let Ok(started) = context.started.duration_since(UNIX_EPOCH) {
        let help = "When the server started, in seconds since 1970.";
        let started = started.as_secs_f64();
        page.gauge("process_start_time_seconds", help, started);
    }
    if let Some(len) = process::resident_len() {
        let help = "Memory of the process that is in RAM.";
        page.gauge("process_resident_memory_bytes", help, len);
    }
    let silence = context.silent_for().as_secs_f64();
    let help = "Time since the slowest event loop last ran its timer. About 1 is normal.";
    page.gauge("pushd_event_loop_silence_seconds", help, silence);
    if let Some(dropped) = context.log_lines_dropped.get() {
        let help = "Log lines that were dropped because they were not read fast enough.";
        page.counter("pushd_log_lines_dropped_total", help, dropped.load(Relaxed));
    }
}

fn about_certificate(page: &mut Page, context: &Context) {
    let certificate = context.live.certificate();
    let not_after = certificate.and_then(|certificate| certificate.not_after());
    let Some(Ok(not_after)) = not_after.map(|end| end.duration_since(UNIX_EPOCH)) else {
        return;
    };
    let help = "When the certificate of the public listener expires, in seconds since 1970.";
    let seconds = not_after.as_secs();
    page.gauge("pushd_certificate_expiry_timestamp_seconds", help, seconds);
}

/// Adds the limits of some figures, so that an alert can compare both.
fn about_limits(page: &mut Page, limits: &Limits) {
    page.gauge(
        "pushd_browsers_max",
        "The limit connections-max.",
        limits.connections_max,
    );
    page.gauge(
        "pushd_publishers_max",
        "The limit publishers-max.",
        limits.publishers_max,
    );
    page.gauge(
        "pushd_backlog_max_bytes",
        "The limit backlog-len-max, at which publishers wait.",
        limits.backlog_len_max,
    );
    page.gauge(
        "pushd_log_max_bytes",
        "The limit history-len-max, at which the oldest events of the log are dropped.",
        limits.history_len_max,
    );
}
