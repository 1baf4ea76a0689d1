//! The command that starts each server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::certificate::Certificate;
use super::kind::Kind;
use super::programs::Programs;
use crate::process::{self, CLIENT_CPU, SERVER_CPU};

/// The id and the key of the application of Pusher Channels.
pub const CHANNELS_APP: &str = "1:bench";
/// The key of the application of Pusher Channels.
pub const CHANNELS_KEY: &str = "bench";
/// The secret of the application of Pusher Channels.
pub const CHANNELS_SECRET: &str = "0123456789abcdef";
/// The key file with which tickets are signed and verified.
pub const TICKET_KEYS: &str = "bench 0123456789abcdef0123456789abcdef";

pub(super) fn redis_socket(programs: &Programs) -> PathBuf {
    programs.scratch.join("redis.sock")
}

pub(super) fn redis_url(programs: &Programs) -> String {
    format!("unix://{}", redis_socket(programs).display())
}

/// Returns the command that starts a server with these addresses.
pub(super) fn command(
    kind: Kind,
    programs: &Programs,
    web: SocketAddr,
    publish: SocketAddr,
) -> Result<Command> {
    let node = |script: &str| {
        let mut command = pinned(Path::new("node"));
        command.arg(programs.node_folder.join(script));
        command.args([web.port().to_string(), publish.port().to_string()]);
        command
    };
    let floor = |how: &str| {
        let mut command = pinned(&programs.floor);
        command.args([&web.to_string(), &publish.to_string(), how]);
        command
    };
    Ok(match kind {
        Kind::Floor => floor("write"),
        Kind::FloorBatch => floor("batch"),
        Kind::UWebSockets => node("uwebsockets.js"),
        Kind::UWebSocketsTls => {
            let certificate = Certificate::make(&programs.scratch)?;
            let mut command = node("uwebsockets.js");
            command.arg(certificate.chain).arg(certificate.key);
            command
        }
        Kind::Ws => node("ws.js"),
        Kind::SocketIo => node("socket.io.js"),
        Kind::Soketi => soketi(programs, web)?,
        Kind::Nchan | Kind::NchanTls => nginx(kind, programs, web, publish)?,
        Kind::Nats => nats(programs, web, publish)?,
        _ => pushd(kind, programs, web, publish)?,
    })
}

fn pushd(kind: Kind, programs: &Programs, web: SocketAddr, publish: SocketAddr) -> Result<Command> {
    let mut command = match kind {
        Kind::Unpinned => on_processors(&programs.pushd, &[SERVER_CPU, CLIENT_CPU]),
        _ => pinned(&programs.pushd),
    };
    command.args(["--listen", &web.to_string()]);
    command.args(["--publish-listen", &publish.to_string()]);
    match kind {
        Kind::NoHistory => {
            command.args(["--history-len-max", "0B"]);
        }
        Kind::Ticket | Kind::Everything => {
            let file = programs.scratch.join("ticket.keys");
            fs::write(&file, TICKET_KEYS)?;
            command.arg("--ticket-key-file").arg(file);
            command.args(["--private-topics", "*"]);
            if kind == Kind::Everything {
                command.args(["--history", "*", "--presence", "*"]);
            }
        }
        Kind::Redis => {
            command.arg("--redis").arg(redis_url(programs));
        }
        Kind::Channels => {
            let secret = programs.scratch.join("secret");
            fs::write(&secret, CHANNELS_SECRET)?;
            command.arg("--pusher-app");
            command.arg(format!("{CHANNELS_APP}:{}", secret.display()));
        }
        Kind::Compressed => {
            command.args(["--compression-len-min", "1"]);
        }
        Kind::PushdTls => {
            let certificate = Certificate::make(&programs.scratch)?;
            command.arg("--tls-certificate").arg(certificate.chain);
            command.arg("--tls-key").arg(certificate.key);
        }
        Kind::Unpinned => {
            command.args(["--threads", "2"]);
        }
        Kind::NoIoUring => {
            command.args(["--io-uring", "never"]);
        }
        Kind::Disk => {
            let folder = programs.scratch.join("state");
            if folder.exists() {
                fs::remove_dir_all(&folder)?; // A log of the last run.
            }
            command.arg("--state-dir").arg(folder);
        }
        _ => {}
    }
    Ok(command)
}

fn nats(programs: &Programs, web: SocketAddr, publish: SocketAddr) -> Result<Command> {
    let path = programs.scratch.join("nats.conf");
    let configuration =
        format!("listen: \"{publish}\"\nwebsocket {{ listen: \"{web}\", no_tls: true }}\n");
    fs::write(&path, configuration)?;
    let mut command = pinned(Path::new("nats-server"));
    command.arg("-c").arg(path);
    Ok(command)
}

fn soketi(programs: &Programs, web: SocketAddr) -> Result<Command> {
    let modules = programs
        .soketi
        .as_ref()
        .context("Soketi is not installed")?;
    let (id, key) = CHANNELS_APP.split_once(':').unwrap_or_default();
    let mut command = pinned(Path::new("node"));
    command
        .arg(modules.join("@soketi/soketi/bin/server.js"))
        .arg("start")
        .env("SOKETI_HOST", web.ip().to_string())
        .env("SOKETI_PORT", web.port().to_string())
        .env("SOKETI_METRICS_ENABLED", "0")
        .env("SOKETI_DEFAULT_APP_ID", id)
        .env("SOKETI_DEFAULT_APP_KEY", key)
        .env("SOKETI_DEFAULT_APP_SECRET", CHANNELS_SECRET);
    Ok(command)
}

/// Starts the program on the server's processor. Most servers read the number of processors at their start.
fn pinned(program: &Path) -> Command {
    on_processors(program, &[SERVER_CPU])
}

/// Starts the program on these processors. Without the list, it would get those of this process.
fn on_processors(program: &Path, processors: &[usize]) -> Command {
    if !process::can_pin() {
        return Command::new(program);
    }
    let list: Vec<_> = processors.iter().map(usize::to_string).collect();
    let mut command = Command::new("taskset");
    command.args(["-c", &list.join(",")]).arg(program);
    command
}

/// Configures one process that stores only the last event. Each WebSocket gets the events from its connection on.
fn nginx(kind: Kind, programs: &Programs, web: SocketAddr, publish: SocketAddr) -> Result<Command> {
    let folder = programs.scratch.join(kind.name());
    fs::create_dir_all(&folder)?;
    let (ssl, tls) = match kind {
        Kind::NchanTls => ("ssl", nginx_tls(&Certificate::make(&folder)?)),
        _ => ("", String::new()),
    };
    let place = folder.display();
    let configuration = format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr error;
        include /etc/nginx/modules-enabled/*nchan*.conf;
        events {{ worker_connections 20000; }}
        http {{
            access_log off; client_max_body_size 4m; keepalive_requests 1000000000; tcp_nodelay on;
            client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;
            scgi_temp_path {place}/scgi;
            server {{
                listen {web} {ssl} backlog=4096; {tls}
                location ~ ^/(t[0-9]+)$ {{
                    nchan_subscriber websocket; nchan_channel_id $1;
                    nchan_subscriber_first_message newest;
                }}
            }}
            server {{
                listen {publish};
                location ~ ^/(t[0-9]+)$ {{
                    nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 1;
                }}
            }}
        }}\n"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, configuration)?;
    let mut command = pinned(Path::new("/usr/sbin/nginx"));
    command.args(["-e", "stderr", "-c"]).arg(path);
    Ok(command)
}

fn nginx_tls(certificate: &Certificate) -> String {
    format!(
        "ssl_protocols TLSv1.3; ssl_certificate {}; ssl_certificate_key {};",
        certificate.chain.display(),
        certificate.key.display()
    )
}
