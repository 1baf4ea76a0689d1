//! `cargo xtask demo`: runs pushd and the blog until Ctrl-C.

mod daemon;
mod nodes;
mod port;
mod tickets;

use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::apache::{Apache, Site};
use crate::args::Demo;
use crate::build;
use crate::packages::{self, Purpose};
use crate::process::Background;
use crate::say::{say, step};
use crate::workspace::Workspace;
use daemon::{daemon, wait_for};
use nodes::Nodes;
use port::{Port, local, name_taken_port};
use tickets::Keys;

/// Interval between two checks that each part still runs.
const WATCH_MS: u64 = 200;

/// The application's folder, and the document root in it.
pub const BLOG: (&str, &str) = ("php/blog", "public");

/// Installs, builds and starts everything. Returns after Ctrl-C or SIGTERM, when every process has ended.
pub fn run(workspace: &Workspace, options: &Demo) -> Result<()> {
    // Checked twice: before installing and building, which can take a quarter of an hour, and after.
    check_ports(options)?;
    let mut purposes = vec![Purpose::Build, Purpose::Blog];
    if options.apache {
        purposes.push(Purpose::Apache);
    }
    if options.nodes > 1 {
        purposes.extend([Purpose::Redis, Purpose::LoadBalancer]);
    }
    packages::install(&purposes)?;
    build::release(workspace)?;
    check_ports(options)?;

    let stop = on_stop_signal()?;
    step("Starting pushd and the blog");
    // Dropped in reverse order. The blog ends first, so no page finds the daemon gone.
    let keys = Keys::make(options)?;
    let mut push = Push::start(workspace, options, &keys)?;
    let mut web = Web::start(workspace, options, &keys)?;
    announce(workspace, options)?;
    let mut parts = push.processes();
    parts.push(web.process());
    let outcome = watch(&stop, &mut parts);
    say("\nStopping.");
    outcome
}

fn check_ports(options: &Demo) -> Result<()> {
    let mut ports = vec![
        Port::web(options.web_port),
        Port::push(options.push_port),
        Port::publish(options.publish_port),
    ];
    if options.nodes > 1 {
        for (push_port, publish_port) in nodes::ports(options) {
            ports.extend([Port::push(push_port), Port::publish(publish_port)]);
        }
    }
    ports.iter().try_for_each(Port::check)
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
pub(crate) fn start_daemon(
    workspace: &Workspace,
    options: &Demo,
    flags: &[String],
) -> Result<Background> {
    let (push_port, publish_port) = (options.push_port, options.publish_port);
    daemon(workspace, "pushd", push_port, publish_port, flags)
}

/// What browsers and publishers connect to.
enum Push {
    One(Background),
    Nodes(Nodes),
}

impl Push {
    fn start(workspace: &Workspace, options: &Demo, keys: &Keys) -> Result<Self> {
        Ok(match options.nodes {
            1 => Self::One(start_daemon(workspace, options, &keys.flags())?),
            _ => Self::Nodes(Nodes::start(workspace, options, &keys.flags())?),
        })
    }

    fn processes(&mut self) -> Vec<&mut Background> {
        match self {
            Self::One(daemon) => vec![daemon],
            Self::Nodes(nodes) => nodes.processes(),
        }
    }
}

enum Web {
    Php(Background),
    Apache(Apache),
}

impl Web {
    fn start(workspace: &Workspace, options: &Demo, keys: &Keys) -> Result<Self> {
        let ini = [
            format!("extension={}", workspace.extension()?.display()),
            format!("pusher.address=tcp://{}", local(options.publish_port)),
            format!("pusher.ticket_key_file={}", keys.file.display()),
        ];
        let environment = [("PUSH_PORT", options.push_port.to_string())];
        if options.apache {
            return Apache::start(&Site {
                application: &workspace.root.join(BLOG.0),
                docroot: BLOG.1,
                port: options.web_port,
                ini: &ini,
                environment: &environment,
                children: None,
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
        let ready = wait_for(&mut php, address, "/");
        name_taken_port(ready, php, &[Port::web(options.web_port)]).map(Self::Php)
    }

    fn process(&mut self) -> &mut Background {
        match self {
            Self::Php(process) => process,
            Self::Apache(apache) => &mut apache.process,
        }
    }
}

fn announce(workspace: &Workspace, options: &Demo) -> Result<()> {
    let server = if options.apache { "Apache" } else { "PHP" };
    // With several nodes, the blog publishes at the first one, and the shell at the last one.
    let last_publish_port = options.publish_port + (options.nodes - 1);
    let mut places = String::new();
    if options.nodes > 1 {
        let push = local(options.push_port);
        places.push_str(&format!(
            "    nginx:        ws://{push} for browsers: the load balancer\n"
        ));
        for (number, (push, publish)) in (1..).zip(nodes::ports(options)) {
            let (push, publish) = (local(push), local(publish));
            places.push_str(&format!(
                "    Node {number}:       {publish} for publishers, ws://{push} behind nginx. Status page: http://{publish}/\n"
            ));
        }
    } else {
        let (push, publish) = (local(options.push_port), local(options.publish_port));
        places.push_str(&format!(
            "    Status page:  http://{publish}/\n    \
             pushd:        ws://{push} for browsers, {publish} for publishers\n"
        ));
    }
    say(format_args!(
        "\n    The blog:     http://{blog}/   ({server}, with the extension)\n{places}\n\
         The blog says what to try: a second window, a connection that you cut, who is here, a private comment.\n\
         Or publish from a shell:\n\n    \
         {pusherd} publish --publish-address {publish} kittensCategory '{{\"title\":\"A new kitten\"}}'\n\n\
         Ctrl-C stops everything.",
        blog = local(options.web_port),
        publish = local(last_publish_port),
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

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
