//! Starts pushd, and waits for programs that answer HTTP.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::port::{Port, local, name_taken_port};
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
    flags: &[String],
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
    let ready = wait_for(&mut daemon, local(push_port), "/pusher.js");
    let ports = [Port::push(push_port), Port::publish(publish_port)];
    name_taken_port(ready, daemon, &ports)
}

/// Waits until a part answers.
pub(super) fn wait_for(process: &mut Background, address: SocketAddr, path: &str) -> Result<()> {
    wait_within(READY_MS, process, address, path)
}

fn wait_within(
    limit_ms: u64,
    process: &mut Background,
    address: SocketAddr,
    path: &str,
) -> Result<()> {
    let mut ended = None;
    let answered = wait_until(limit_ms, || {
        ended = process.exited().ok().flatten();
        ended.is_some() || (process.listens(address.port()) && http::get(address, path).is_ok())
    });
    match ended {
        Some(status) => bail!("{} ended at once: {status}", process.name),
        None if !answered => bail!(
            "{} does not answer on {address} after {limit_ms} ms",
            process.name
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    #[test]
    fn the_answer_of_another_program_does_not_count() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = other.local_addr().unwrap();
        // It ends with the test.
        thread::spawn(move || {
            for mut stream in other.incoming().flatten() {
                let _request = stream.read(&mut [0; 1024]);
                let _answer = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            }
        });
        assert_eq!(http::get(address, "/").unwrap().status, 200);
        let mut part = Background::start("part", Command::new("sleep").arg("60")).unwrap();
        let error = wait_within(100, &mut part, address, "/").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("part does not answer on {address} after 100 ms")
        );
    }
}
