//! The one place that writes to the terminal.

use std::fmt::Display;
use std::io::{self, Write};

/// Tells the reader something, on standard output. Whoever does not read it does not want it.
pub fn say(line: impl Display) {
    let _closed = writeln!(io::stdout(), "{line}");
}

/// A heading for a step that may take a while.
pub fn step(line: impl Display) {
    say(format_args!("\n==> {line}"));
}
