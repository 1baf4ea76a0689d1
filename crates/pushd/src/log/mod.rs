//! The log, on standard error: for people, for programs, or for systemd's journal.
//!
//! | module | contents |
//! |---|---|
//! | `levels` | the setting `log` |
//! | `queue` | lines that wait for the log thread |
//! | `stderr` | writes to standard error |
//! | `file` | writes to a file, for a service of Windows |

#[cfg(any(windows, test))]
mod file;
mod levels;
mod queue;
mod stderr;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, Format as Lines, Full};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, Layer as Output, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

pub(crate) use levels::Levels;
use queue::{Queue, Sink};

/// Longest time that the process waits at its end until the log lines are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The format of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// [`Journald`](Self::Journald) where standard error goes to the journal, else
    /// [`Human`](Self::Human).
    #[default]
    Auto,
    /// Time, level, message.
    Human,
    /// A JSON object.
    Json,
    /// `<level>` of syslog and the message. The journal adds the time.
    Journald,
}

const FORMATS: [(&str, Format); 4] = [
    ("auto", Format::Auto),
    ("human", Format::Human),
    ("json", Format::Json),
    ("journald", Format::Journald),
];

/// A text that is not a [`Format`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the formats are auto, human, json and journald")]
pub(crate) struct FormatError;

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let known = FORMATS.iter().find(|(name, _)| *name == text);
        known.map(|(_, format)| *format).ok_or(FormatError)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = FORMATS.iter().find(|(_, format)| format == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

/// Changes the levels of the log.
#[derive(Debug, Clone)]
pub(crate) struct Filter(reload::Handle<Targets, Registry>);

impl Filter {
    pub(crate) fn set(&self, levels: &Levels) {
        if let Err(error) = self.0.reload(levels.targets()) {
            tracing::error!(%error, "cannot change the log levels");
        }
    }
}

/// The log of the process.
pub(crate) struct Log {
    pub(crate) filter: Filter,
    queue: Queue,
}

impl Log {
    /// Starts the log. Until [`start_thread`](Self::start_thread), each thread writes its own lines.
    pub(crate) fn start(format: Format, levels: &Levels) -> io::Result<Self> {
        let queue = Queue::new(sink()?);
        let (targets, handle) = reload::Layer::new(levels.targets());
        let output = output(format, Writer(queue.clone()));
        tracing_subscriber::registry()
            .with(output.with_filter(targets))
            .init();
        // The standard hook writes to standard error itself, and blocks if nobody reads.
        panic::set_hook(Box::new(log_panic));
        let filter = Filter(handle);
        Ok(Self { filter, queue })
    }

    /// Starts the log thread. From then on, logging never blocks.
    pub(crate) fn start_thread(&self) -> io::Result<()> {
        self.queue.start(|lines| {
            tracing::error!(
                lines,
                "log lines were dropped: standard error was not read fast enough"
            );
        })
    }

    /// Returns the counter of dropped lines.
    pub(crate) fn dropped(&self) -> Arc<AtomicU64> {
        self.queue.dropped()
    }

    /// Waits until all lines are written, at most for [`FLUSH_TIMEOUT`].
    pub(crate) fn flush(&self) {
        let _is_flushed = self.queue.flush(FLUSH_TIMEOUT);
    }
}

/// Returns the function that writes a line.
fn sink() -> io::Result<Sink> {
    #[cfg(windows)]
    if crate::service_control::is_running() {
        return Ok(Box::new(file::sink(crate::paths::log_file())?));
    }
    Ok(Box::new(stderr::sink()?))
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload_as_str().unwrap_or("a value that is not text");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => tracing::error!(thread, at, %backtrace, "panicked: {message}"),
        _ => tracing::error!(thread, at, "panicked: {message}"),
    }
}

/// Passes each log line to the queue.
#[derive(Clone)]
struct Writer(Queue);

impl io::Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn output(format: Format, writer: Writer) -> Box<dyn Layer<Registry> + Send + Sync> {
    if format == Format::Auto && goes_to_journal() {
        return output(Format::Journald, writer);
    }
    let lines = Output::new()
        .with_writer(writer)
        .log_internal_errors(false)
        .with_target(false);
    match format {
        // A console of Windows shows the codes of colours as text, unless a program asks it not to.
        Format::Auto | Format::Human => lines
            .with_ansi(cfg!(unix) && io::stderr().is_terminal())
            .boxed(),
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

/// Writes the level before a line, as in sd-daemon(3).
struct WithPriority(Lines<Full, ()>);

impl<S, N> FormatEvent<S, N> for WithPriority
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: format::Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// Returns the level's number in syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Returns whether standard error is the stream that systemd opened for the journal. The device and inode numbers in
/// `JOURNAL_STREAM` are compared, see systemd.exec(5): a child with its output elsewhere inherits the variable too.
#[cfg(unix)]
fn goes_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    nix::sys::stat::fstat(io::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(not(unix))]
fn goes_to_journal() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn panic_is_logged() {
        let (written, lines) = mpsc::channel();
        let queue = Queue::new(Box::new(move |line| {
            written
                .send(String::from_utf8_lossy(line).into_owned())
                .unwrap();
            Ok(())
        }));
        let log = tracing_subscriber::registry().with(output(Format::Journald, Writer(queue)));
        let (default, test) = (panic::take_hook(), thread::current().id());
        panic::set_hook(Box::new(move |info| match thread::current().id() == test {
            true => log_panic(info),
            false => default(info),
        }));
        let caught = tracing::subscriber::with_default(log, || {
            panic::catch_unwind(|| panic!("no {}", "kittens"))
        });
        assert!(caught.is_err());
        let line = lines.try_recv().unwrap();
        assert!(
            line.starts_with("<3>panicked: no kittens thread="),
            "{line}"
        );
        assert!(
            line.contains(" at=\"crates/pushd/src/log/mod.rs:"),
            "{line}"
        );
    }
}
