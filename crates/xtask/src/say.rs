//! All output of xtask to the terminal.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line on standard output. A closed output is not an error.
pub fn say(line: impl Display) {
    let _closed = writeln!(io::stdout(), "{line}");
}

/// Prints a heading for a step that may take a while.
pub fn step(line: impl Display) {
    say(format_args!("\n==> {line}"));
}
