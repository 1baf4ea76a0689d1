//! `cargo xtask arm64`: builds pushd and libpusher for Linux on arm64, and tries both in an emulator.
//!
//! The emulator runs single programs with this machine's kernel. It shows that they start, connect and publish, and nothing
//! about their speed on a real processor.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::http;
use crate::packages::{self, Purpose};
use crate::ports::free_addresses;
use crate::process::{Background, run as run_command, wait_until};
use crate::say::{say, step};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Rust's name of the system.
const TARGET: &str = "aarch64-unknown-linux-gnu";
const GCC: &str = "aarch64-linux-gnu-gcc";
/// Where Debian's cross compiler has the C library of arm64.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
const EMULATOR: &str = "qemu-aarch64-static";

/// Time limit for the start of the emulated daemon, in ms.
const START_MS: u64 = 60_000;

/// Builds, and tries what was built.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Arm64])?;
    let target = workspace.target.join("arm64");
    let toolchain = Toolchain::unpack(&target)?;
    step("Building for arm64 (release)");
    // Two calls, as for this machine: one would unify the features.
    for package in ["pushd", "libpusher"] {
        toolchain.build(
            workspace,
            TARGET,
            package,
            &[("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", GCC)],
        )?;
    }
    let built = target.join(TARGET).join("release");
    step("Trying it in an emulator");
    try_it(workspace, &built)?;
    say(format_args!(
        "pushd and libpusher for arm64 are in {}",
        built.display()
    ));
    Ok(())
}

/// Starts the daemon, lets the doctor connect, and publishes from C.
fn try_it(workspace: &Workspace, built: &Path) -> Result<()> {
    let pushd = built.join("pushd");
    let [public, publish] = free_addresses()?;
    let publish_listen = format!("--publish-listen={publish}");
    let mut daemon = emulated(&pushd);
    daemon
        .args(["--config=/dev/null", &publish_listen])
        .arg(format!("--listen={public}"))
        .stdin(Stdio::null());
    let mut daemon = Background::start("pushd", &mut daemon)?;
    let is_up = wait_until(START_MS, || {
        !matches!(daemon.exited(), Ok(None)) || http::get(publish, "/readyz").is_ok()
    });
    ensure!(
        is_up && matches!(daemon.exited(), Ok(None)),
        "pushd for arm64 does not answer at {publish}"
    );
    run_command(
        emulated(&pushd)
            .args(["--config=/dev/null", &publish_listen, "doctor"])
            .arg(format!("ws://{public}/")),
    )?;
    let publisher = compile(workspace, built)?;
    run_command(
        emulated(&publisher)
            .args(["kittensCategory", "{\"title\":\"A kitten\"}"])
            .env("PUSH_ADDRESS", format!("tcp://{publish}")),
    )?;
    let status = daemon.stop()?;
    ensure!(status.success(), "pushd for arm64 ended with {status}");
    Ok(())
}

/// Compiles the C program of the tests that publishes, with libpusher in it.
fn compile(workspace: &Workspace, built: &Path) -> Result<PathBuf> {
    let program = built.join("publish");
    run_command(
        Command::new(GCC)
            .arg("-I")
            .arg(workspace.root.join("include"))
            .arg("-o")
            .arg(&program)
            .arg(workspace.root.join("tests/c/publish.c"))
            .arg(built.join("libpusher.a"))
            .args(["-lpthread", "-ldl", "-lm"]),
    )?;
    Ok(program)
}

fn emulated(program: &Path) -> Command {
    let mut command = Command::new(EMULATOR);
    command.args(["-L", LIBRARIES]).arg(program);
    command
}
