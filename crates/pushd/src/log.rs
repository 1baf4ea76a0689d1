//! The log, on standard error: for people, for programs, or for systemd's journal.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format as Lines, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, Layer as Output};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// [`Journald`](Self::Journald) where standard error goes to the journal, else
    /// [`Human`](Self::Human).
    #[default]
    Auto,
    /// Time, level, what happened.
    Human,
    /// A JSON object.
    Json,
    /// `<level>` of syslog, what happened; the journal has a time of its own.
    Journald,
}

const FORMATS: [(&str, Format); 4] = [
    ("auto", Format::Auto),
    ("human", Format::Human),
    ("json", Format::Json),
    ("journald", Format::Journald),
];

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = FORMATS.iter().find(|(name, _)| *name == text);
        let format = known.map(|(_, format)| *format);
        format.ok_or_else(|| "auto, human, json and journald are possible".to_owned())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = FORMATS.iter().find(|(_, format)| format == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

/// Changes what is logged.
#[derive(Debug, Clone)]
pub(crate) struct Filter(reload::Handle<Targets, Registry>);

impl Filter {
    pub(crate) fn set(&self, targets: Targets) {
        if let Err(error) = self.0.reload(targets) {
            tracing::error!(%error, "cannot change what is logged");
        }
    }
}

/// Starts the log of the process.
pub(crate) fn start(format: Format, targets: Targets) -> Filter {
    let (targets, handle) = reload::Layer::new(targets);
    tracing_subscriber::registry()
        .with(output(format).with_filter(targets))
        .init();
    Filter(handle)
}

fn output(format: Format) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = Output::new()
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        Format::Auto if goes_to_journal() => output(Format::Journald),
        Format::Auto | Format::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        Format::Journald => lines
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .map_event_format(WithPriority)
            .boxed(),
    }
}

/// A line with its level in front, as sd-daemon(3) has it.
struct WithPriority(Lines<Full, ()>);

impl<S, N> FormatEvent<S, N> for WithPriority
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// The level's number in syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Whether standard error is the stream that systemd made for the journal (`JOURNAL_STREAM`, see
/// systemd.exec(5)): a child whose output goes elsewhere inherits the variable too.
#[cfg(unix)]
fn goes_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(not(unix))]
fn goes_to_journal() -> bool {
    false
}
