//! Standard output, standard error and exit codes. A failed write fails the command, unless the reader has hung up, as
//! `head` does.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::style::{BAD, paint};

/// Exit code if the daemon or a command cannot do its work.
pub(crate) const FAILURE: u8 = 1;

/// Exit code if the flags, the environment or the configuration file are wrong.
pub(crate) const USAGE: u8 = 2;

/// Whether the reader of standard output still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reader {
    Reads,
    HungUp,
}

/// Standard output cannot be written to: the disk is full, for instance.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct OutputError(io::Error);

/// Prints a line.
pub(crate) fn print(line: impl Display) -> Result<Reader, OutputError> {
    write(format_args!("{line}\n"))
}

/// Prints text as it is.
pub(crate) fn write(text: impl Display) -> Result<Reader, OutputError> {
    let mut stdout = io::stdout().lock();
    check(write!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Prints text that has [styles](crate::style). Only terminals get them.
pub(crate) fn write_styled(text: impl Display) -> Result<Reader, OutputError> {
    let mut stdout = anstream::stdout().lock();
    check(write!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Converts the result of a write to standard output.
pub(crate) fn check(written: io::Result<()>) -> Result<Reader, OutputError> {
    match written {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::HungUp),
        Err(error) => Err(OutputError(error)),
    }
}

/// Prints a line on standard error, after the name of the program.
pub(crate) fn say(line: impl Display) {
    // If standard error is closed, there is nobody to tell.
    let _closed = writeln!(io::stderr(), "pushd: {line}");
}

/// Prints an error and returns the exit code.
pub(crate) fn fail(code: u8, error: impl Display) -> ExitCode {
    let name = paint(BAD, "pushd:");
    let _closed = writeln!(anstream::stderr(), "{name} {error}");
    ExitCode::from(code)
}

/// Escapes control characters. Text from the network must not move the cursor of a terminal or add lines to a log.
pub(crate) fn escape(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape("猫\u{1b}[2J\n\u{9b}1m"), "猫\\u{1b}[2J\\n\\u{9b}1m");
    }
}
