//! Runs programs for Windows on Linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::paths;
use crate::process::run as run_command;
use crate::workspace::Workspace;

/// A library that Windows has and wine 8 does not: Rust asks it for random bytes.
const RANDOM: &str = "#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T len) { return SystemFunction036(data, (ULONG)len); }
";

/// Returns the folder of wine's settings and of its disk C.
pub fn prefix(workspace: &Workspace) -> PathBuf {
    paths::target(workspace).join("wine")
}

/// Makes wine's folder, and adds what wine lacks to the folder of the programs.
pub(super) fn prepare(workspace: &Workspace) -> Result<()> {
    let folder = paths::folder(workspace);
    let source = paths::target(workspace).join("random.c");
    fs::write(&source, RANDOM)?;
    run_command(
        Command::new("x86_64-w64-mingw32-gcc")
            .args(["-shared", "-o"])
            .arg(folder.join("bcryptprimitives.dll"))
            .arg(&source)
            .arg("-ladvapi32"),
    )?;
    let prefix = prefix(workspace);
    if !prefix.join("system.reg").is_file() {
        run_command(command(&prefix, "wineboot").arg("--init"))?;
    }
    Ok(())
}

/// Returns a command that runs a program in wine. No window is opened, and wine's own messages are not shown.
pub fn command(prefix: &Path, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("wine");
    command
        .arg(program.as_ref())
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
        .env_remove("DISPLAY")
        .stdin(Stdio::null());
    command
}
