//! The figures in Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use super::process;
use crate::config::Limits;
use crate::context::Context;
use crate::stats::{Counts, Kind, Stats};

/// What a page of this is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything, a family each few lines.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _written = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _written = writeln!(self.0, "{name}{labels} {value}");
    }

    /// How much there is of something now.
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    /// What only grows.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    /// The same, each kind by itself.
    fn counters<K: Kind>(&mut self, name: &str, label: &str, help: &str, counts: &Counts<K>) {
        self.family(name, "counter", help);
        for (kind, count) in counts.iter() {
            let labels = format!("{{{label}=\"{}\"}}", kind.label());
            self.sample(name, &labels, count);
        }
    }
}

/// The page of this moment. Takes a while where there are many sessions.
pub(crate) fn metrics(context: &Context) -> String {
    let (stats, limits) = (context.hub.stats(), context.live.limits());
    let mut page = Page::default();
    about_process(&mut page, context);
    about_certificate(&mut page, context);
    about_browsers(&mut page, &stats, &limits);
    about_publishers(&mut page, &stats, &limits);
    about_events(&mut page, &stats, &limits);
    page.0
}

fn about_process(page: &mut Page, context: &Context) {
    page.family("pushd_info", "gauge", "What the server calls itself.");
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
    let help = "How long the slowest event loop has not gone round; about 1 is as it should be.";
    page.gauge("pushd_event_loop_silence_seconds", help, silence);
    if let Some(dropped) = context.log_lines_dropped.get() {
        let help = "Lines of the log that were dropped because nobody read them fast enough.";
        page.counter("pushd_log_lines_dropped_total", help, dropped.load(Relaxed));
    }
}

fn about_certificate(page: &mut Page, context: &Context) {
    let certificate = context.live.certificate();
    let not_after = certificate.and_then(|certificate| certificate.not_after());
    let Some(Ok(not_after)) = not_after.map(|end| end.duration_since(UNIX_EPOCH)) else {
        return;
    };
    let help = "When the public door's certificate ends, in seconds since 1970.";
    let seconds = not_after.as_secs();
    page.gauge("pushd_certificate_expiry_timestamp_seconds", help, seconds);
}

fn about_browsers(page: &mut Page, stats: &Stats, limits: &Limits) {
    page.gauge(
        "pushd_browsers",
        "Connections of the public door, with a session or shaking hands.",
        stats.browsers,
    );
    page.gauge(
        "pushd_browsers_max",
        "The limit connections-max.",
        limits.connections_max,
    );
    page.counter(
        "pushd_browsers_accepted_total",
        "Connections that the public door took in.",
        stats.browsers_accepted,
    );
    page.counters(
        "pushd_browsers_refused_total",
        "reason",
        "Browsers that got no session.",
        &stats.browsers_refused,
    );
    page.gauge("pushd_sessions", "Sessions of WAMP.", stats.sessions);
    page.counter(
        "pushd_sessions_opened_total",
        "Sessions that have begun.",
        stats.sessions_opened,
    );
    page.gauge(
        "pushd_topics",
        "Topics that have a subscriber.",
        stats.topics,
    );
    page.counters(
        "pushd_violations_total",
        "reason",
        "Sessions that were closed for what they said.",
        &stats.violations,
    );
    page.counters(
        "pushd_slow_consumers_total",
        "reason",
        "Browsers that were dropped since they did not take their events.",
        &stats.slow_consumers,
    );
    page.counter(
        "pushd_pings_unanswered_total",
        "Browsers that were dropped since they did not answer a ping.",
        stats.pings_unanswered,
    );
    page.gauge(
        "pushd_outboxes",
        "Browsers for which something waits.",
        stats.outboxes,
    );
    page.gauge(
        "pushd_outboxes_bytes",
        "What waits in all outboxes.",
        stats.outboxes_len,
    );
}

fn about_publishers(page: &mut Page, stats: &Stats, limits: &Limits) {
    page.gauge(
        "pushd_publishers",
        "Connections of the private door.",
        stats.publishers,
    );
    page.gauge(
        "pushd_publishers_max",
        "The limit publishers-max.",
        limits.publishers_max,
    );
    page.counter(
        "pushd_publishers_accepted_total",
        "Connections that the private door took in.",
        stats.publishers_accepted,
    );
    page.counter(
        "pushd_publishers_gave_way_total",
        "Idle publishers that were closed to make room for others.",
        stats.publishers_gave_way,
    );
    page.counters(
        "pushd_publishers_refused_total",
        "reason",
        "Publishers that were refused, or whose connection the server ended.",
        &stats.publishers_refused,
    );
    page.counters(
        "pushd_publishes_refused_total",
        "reason",
        "Messages of publishers that nobody got.",
        &stats.publishes_refused,
    );
    page.gauge(
        "pushd_unfinished_bytes",
        "Messages that publishers have begun and not finished.",
        stats.unfinished_len,
    );
}

fn about_events(page: &mut Page, stats: &Stats, limits: &Limits) {
    page.counters(
        "pushd_events_total",
        "source",
        "Events that were taken in, by how they came.",
        &stats.events,
    );
    page.counter(
        "pushd_event_bytes_total",
        "Bytes of these events, as JSON.",
        stats.event_bytes,
    );
    page.counter(
        "pushd_deliveries_total",
        "Events times the browsers that each went to.",
        stats.deliveries,
    );
    page.counter(
        "pushd_delivery_bytes_total",
        "Bytes of these deliveries, as WebSocket frames.",
        stats.delivery_bytes,
    );
    page.counter(
        "pushd_deliveries_dropped_total",
        "Events that waited for a slow consumer and were replaced by later ones.",
        stats.deliveries_dropped,
    );
    page.gauge(
        "pushd_backlog_bytes",
        "Events that are accepted and not yet on their way: the most of any thread.",
        stats.backlog_len,
    );
    page.gauge(
        "pushd_backlog_max_bytes",
        "The limit backlog-len-max, at which publishers wait.",
        limits.backlog_len_max,
    );
    page.gauge(
        "pushd_events_memory_bytes",
        "Events in memory, in backlog and outboxes.",
        stats.events_len,
    );
}
