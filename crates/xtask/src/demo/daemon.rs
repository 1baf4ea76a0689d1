//! Starts pushd, and waits for programs that answer HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::http;
use crate::process::{Background, wait_until};
use crate::workspace::Workspace;

/// Limit for the time from a part's start to its first answer.
pub(super) const READY_MS: u64 = 15_000;

/// Starts pushd, and waits until it answers.
pub(super) fn daemon(
    workspace: &Workspace,
    name: &str,
    push_port: u16,
    publish_port: u16,
    flags: &[&str],
) -> Result<Background> {
    let mut command = Command::new(workspace.artefact("pushd")?);
    command
        .args(["--listen", &local(push_port).to_string()])
        .args(["--publish-listen", &local(publish_port).to_string()])
        .args(flags)
        .stdin(Stdio::null())
        // The environment may have settings for this machine's own pushd, a token for instance.
        .env("PUSHD_CONFIG", "/dev/null")
        .env_remove("LD_LIBRARY_PATH");
    let mut daemon = Background::start(name, &mut command)?;
    // pushd opens both listeners before it serves either one.
    wait_for(&mut daemon, local(push_port), "/pusher.js")?;
    Ok(daemon)
}

/// Waits until a part answers.
pub(super) fn wait_for(process: &mut Background, address: SocketAddr, path: &str) -> Result<()> {
    let mut ended = None;
    let answered = wait_until(READY_MS, || {
        ended = process.exited().ok().flatten();
        ended.is_some() || http::get(address, path).is_ok()
    });
    match ended {
        Some(status) => bail!("{} ended at once: {status}", process.name),
        None if !answered => bail!(
            "{} does not answer on {address} after {READY_MS} ms",
            process.name
        ),
        None => Ok(()),
    }
}

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
