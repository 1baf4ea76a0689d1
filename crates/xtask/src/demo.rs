//! `cargo xtask demo`: runs pushd and the blog until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apache::{Apache, Site};
use crate::args::Demo;
use crate::packages::{self, Purpose};
use crate::process::{Background, wait_until};
use crate::say::{say, step};
use crate::workspace::Workspace;
use crate::{build, http};

/// Limit for the time from a part's start to its first answer.
const READY_MS: u64 = 15_000;
/// Interval between two checks that each part still runs.
const WATCH_MS: u64 = 200;

/// The application's folder, and the document root in it.
pub const BLOG: (&str, &str) = ("php/blog", "public");

/// Installs, builds and starts everything. Returns after Ctrl-C or SIGTERM, when every process has ended.
pub fn run(workspace: &Workspace, options: &Demo) -> Result<()> {
    check_ports(options)?;
    let mut purposes = vec![Purpose::Build, Purpose::Blog];
    if options.apache {
        purposes.push(Purpose::Apache);
    }
    packages::install(&purposes)?;
    build::release(workspace)?;

    let stop = on_stop_signal()?;
    step("Starting pushd and the blog");
    // Dropped in reverse order. The blog ends first, so no page finds the daemon gone.
    let mut daemon = start_daemon(workspace, options)?;
    let mut web = Web::start(workspace, options)?;
    announce(workspace, options)?;
    let outcome = watch(&stop, &mut [&mut daemon, web.process()]);
    say("\nStopping.");
    outcome
}

// Checked before installing and building, which can take a quarter of an hour.
fn check_ports(options: &Demo) -> Result<()> {
    for (port, flag, name) in [
        (options.web_port, "--web-port", "the blog"),
        (options.push_port, "--push-port", "pushd's public listener"),
        (
            options.publish_port,
            "--publish-port",
            "pushd's publish listener",
        ),
    ] {
        if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            bail!("{name} can't use port {port}: {error}. Choose another one with {flag} N");
        }
    }
    Ok(())
}

fn on_stop_signal() -> Result<Receiver<()>> {
    let (sender, receiver) = sync_channel(1);
    ctrlc::set_handler(move || {
        // If the channel is full, an earlier Ctrl-C is already in it.
        let _ = sender.try_send(());
    })
    .context("can't listen for Ctrl-C")?;
    Ok(receiver)
}

/// Starts pushd on the ports of the options, and waits until it answers.
pub(crate) fn start_daemon(workspace: &Workspace, options: &Demo) -> Result<Background> {
    let mut command = Command::new(workspace.artefact("pushd")?);
    command
        .args(["--listen", &local(options.push_port).to_string()])
        .args(["--publish-listen", &local(options.publish_port).to_string()])
        .stdin(Stdio::null())
        // The environment may have settings for this machine's own pushd, a token for instance.
        .env("PUSHD_CONFIG", "/dev/null")
        .env_remove("LD_LIBRARY_PATH");
    let mut daemon = Background::start("pushd", &mut command)?;
    // pushd opens both listeners before it serves either one.
    wait_for(&mut daemon, local(options.push_port), "/pusher.js")?;
    Ok(daemon)
}

enum Web {
    Php(Background),
    Apache(Apache),
}

impl Web {
    fn start(workspace: &Workspace, options: &Demo) -> Result<Self> {
        let ini = [
            format!("extension={}", workspace.extension()?.display()),
            format!("pusher.address=tcp://{}", local(options.publish_port)),
        ];
        let environment = [("PUSH_PORT", options.push_port.to_string())];
        if options.apache {
            return Apache::start(&Site {
                application: &workspace.root.join(BLOG.0),
                docroot: BLOG.1,
                port: options.web_port,
                ini: &ini,
                environment: &environment,
            })
            .map(Self::Apache);
        }
        let address = local(options.web_port);
        let mut command = Command::new(build::php()?);
        for setting in &ini {
            command.args(["-d", setting]);
        }
        command
            .args(["-S", &address.to_string(), "-t"])
            .arg(workspace.root.join(BLOG.0).join(BLOG.1))
            .envs(environment)
            .stdin(Stdio::null())
            .env_remove("LD_LIBRARY_PATH");
        let mut php = Background::start("PHP's web server", &mut command)?;
        wait_for(&mut php, address, "/")?;
        Ok(Self::Php(php))
    }

    fn process(&mut self) -> &mut Background {
        match self {
            Self::Php(process) => process,
            Self::Apache(apache) => &mut apache.process,
        }
    }
}

fn wait_for(process: &mut Background, address: SocketAddr, path: &str) -> Result<()> {
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

fn announce(workspace: &Workspace, options: &Demo) -> Result<()> {
    let server = if options.apache { "Apache" } else { "PHP" };
    say(format_args!(
        "\n    The blog:     http://{blog}/   ({server}, with the extension)\n    \
         Status page:  http://{publish}/\n    \
         pushd:        ws://{push} for browsers, {publish} for publishers\n\n\
         Open the blog in two windows, and post in one of them: the other shows the post. Or publish from a shell:\n\n    \
         {pusherd} publish --publish-address {publish} kittensCategory '{{\"title\":\"A new kitten\"}}'\n\n\
         Ctrl-C stops everything.",
        blog = local(options.web_port),
        push = local(options.push_port),
        publish = local(options.publish_port),
        pusherd = workspace.artefact("pusherd")?.display(),
    ));
    Ok(())
}

// Waits for the stop signal. A part that ends earlier is an error.
fn watch(stop: &Receiver<()>, parts: &mut [&mut Background]) -> Result<()> {
    loop {
        match stop.recv_timeout(Duration::from_millis(WATCH_MS)) {
            Ok(()) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => bail!("the Ctrl-C handler is gone"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        for part in parts.iter_mut() {
            if let Some(status) = part.exited()? {
                bail!("{} has ended by itself ({status})", part.name);
            }
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_error_names_the_flag() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let options = Demo {
            web_port: port,
            ..Demo::default()
        };
        let error = check_ports(&options).unwrap_err().to_string();
        assert!(
            error.contains(&format!("the blog can't use port {port}")),
            "{error}"
        );
        assert!(error.contains("--web-port"), "{error}");
    }

    #[test]
    fn a_part_that_ends_is_an_error_with_its_name() {
        let (_sender, stop) = sync_channel(1);
        let mut part =
            Background::start("part", Command::new("sh").args(["-c", "exit 7"])).unwrap();
        let error = watch(&stop, &mut [&mut part]).unwrap_err().to_string();
        assert_eq!(error, "part has ended by itself (exit status: 7)");
    }

    #[test]
    fn the_stop_signal_ends_the_demo() {
        let (sender, stop) = sync_channel(1);
        sender.send(()).unwrap();
        let mut part = Background::start("part", Command::new("sleep").arg("60")).unwrap();
        watch(&stop, &mut [&mut part]).unwrap();
    }
}
