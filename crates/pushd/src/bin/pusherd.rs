//! The daemon under its second name, since `pushd` is a builtin in bash.
//!
//! On Unix this is a small program that becomes the `pushd` beside it. With the daemon in it, it would take as long to build
//! as `pushd`.

use std::process::ExitCode;

#[cfg(not(unix))]
fn main() -> ExitCode {
    pushd::main()
}

#[cfg(unix)]
fn main() -> ExitCode {
    use std::io::Write;

    let error = unix::become_pushd();
    let _closed = writeln!(std::io::stderr(), "pusherd: {error}");
    ExitCode::FAILURE
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// Returns only after an error.
    pub(super) fn become_pushd() -> String {
        let own = match env::current_exe() {
            Ok(own) => own,
            Err(error) => return format!("cannot find the program pushd: {error}"),
        };
        let pushd = own.with_file_name("pushd");
        if pushd == own {
            return "this is not the program pushd, but a copy of pusherd".to_owned();
        }
        let mut command = Command::new(&pushd);
        let arguments = env::args_os().skip(1);
        let error = command.arg0("pusherd").args(arguments).exec();
        format!("cannot start {}: {error}", pushd.display())
    }
}
