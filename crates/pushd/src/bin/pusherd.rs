//! The daemon under its second name, since `pushd` is a builtin in bash.

use std::process::ExitCode;

fn main() -> ExitCode {
    pushd::main()
}
