//! The colours of reports. `output::write_styled` omits them unless standard output is a terminal, or if `NO_COLOR` is
//! set.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// A check that passed.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// A warning.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// A failure or an error.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Headings of tables.
pub(crate) const HEADING: Style = Style::new().bold();

/// Puts a text between the codes of a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
