//! The one place that writes to the terminal.

/// Tells the reader something, on standard output.
#[expect(
    clippy::print_stdout,
    reason = "xtask talks to the person who typed it"
)]
pub fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

/// A heading for a step that may take a while.
pub fn step(line: impl std::fmt::Display) {
    say(format_args!("\n==> {line}"));
}
