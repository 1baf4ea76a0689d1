//! Standard output. A failed write fails the command, unless the reader has hung up, as `head` does.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Whether anybody reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reader {
    Reads,
    HungUp,
}

/// Prints a line.
pub(crate) fn print(line: impl Display) -> Result<Reader, String> {
    write(format_args!("{line}\n"))
}

/// Prints text as it is.
pub(crate) fn write(text: impl Display) -> Result<Reader, String> {
    let mut stdout = io::stdout().lock();
    of(write!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// The result of writing to standard output.
pub(crate) fn of(written: io::Result<()>) -> Result<Reader, String> {
    match written {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::HungUp),
        Err(error) => Err(format!("cannot write to standard output: {error}")),
    }
}
