//! The measured servers, and the way to start each.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::npm;
use xtask::packages::{self, Purpose};
use xtask::ports::free_addresses;
use xtask::process::{Background, run as run_command, wait_until};
use xtask::workspace::Workspace;

use crate::process::{self, SERVER_CPU};

/// The folder with the scripts of the node servers.
const SCRIPTS: &str = "tests/bench/peers";
/// The packages of Soketi.
const SOKETI: &str = "tests/bench/soketi/package.json";
/// The id and the key of the application of Pusher Channels.
pub const CHANNELS_APP: &str = "1:bench";
/// The key of the application of Pusher Channels.
pub const CHANNELS_KEY: &str = "bench";
/// The secret of the application of Pusher Channels.
pub const CHANNELS_SECRET: &str = "0123456789abcdef";
/// Time limit for a server to listen.
const READY_MS: u64 = 15_000;

/// A kind of server, and of subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// pushd.
    Pushd,
    /// The floor, with one write for each subscriber and event.
    Floor,
    /// The floor, with one write for all events of one read.
    FloorBatch,
    /// uWebSockets (C++), by the npm package `uwebsockets`.
    UWebSockets,
    /// nginx with the module nchan.
    Nchan,
    /// nats-server's WebSockets.
    Nats,
    /// The npm package `ws`.
    Ws,
    /// Socket.IO, WebSockets only.
    SocketIo,
    /// Soketi, whose subscribers and publishers speak the Pusher Channels protocol.
    Soketi,
    /// pushd without its log of events.
    NoHistory,
    /// pushd with subscribers that speak `pushd.1`.
    Pushd1,
    /// pushd with subscribers that have a `resume` value in their address.
    Resume,
    /// pushd with subscribers that show a ticket, because all topics are private.
    Ticket,
    /// pushd with subscribers that read Server-Sent Events.
    Sse,
    /// pushd with subscribers that speak the Pusher Channels protocol.
    Channels,
    /// pushd with subscribers that have agreed on compressed messages.
    Compressed,
    /// pushd with its log on disk.
    Disk,
    /// The second of two pushds with a log in Redis. The events are published to the first.
    Redis,
}

/// The key file with which tickets are signed and verified.
pub const TICKET_KEYS: &str = "bench 0123456789abcdef0123456789abcdef";

/// pushd and the servers of others.
pub const OTHERS: &[Kind] = &[
    Kind::Pushd,
    Kind::Floor,
    Kind::FloorBatch,
    Kind::UWebSockets,
    Kind::Nchan,
    Kind::Nats,
    Kind::Ws,
    Kind::SocketIo,
];

/// Servers that are measured only if the command line names them.
pub const NAMED_ONLY: &[Kind] = &[Kind::Soketi];

/// pushd in other ways.
pub const VARIANTS: &[Kind] = &[
    Kind::NoHistory,
    Kind::Pushd1,
    Kind::Resume,
    Kind::Ticket,
    Kind::Sse,
    Kind::Channels,
    Kind::Compressed,
    Kind::Disk,
    Kind::Redis,
];

impl Kind {
    /// Returns the name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pushd => "pushd",
            Self::Floor => "floor",
            Self::FloorBatch => "floor-batch",
            Self::UWebSockets => "uwebsockets",
            Self::Nchan => "nchan",
            Self::Nats => "nats",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::Soketi => "soketi",
            Self::NoHistory => "no-history",
            Self::Pushd1 => "pushd.1",
            Self::Resume => "resume",
            Self::Ticket => "ticket",
            Self::Sse => "sse",
            Self::Channels => "channels",
            Self::Compressed => "compressed",
            Self::Disk => "disk",
            Self::Redis => "redis",
        }
    }

    /// Whether the server is pushd.
    pub fn is_pushd(self) -> bool {
        self == Self::Pushd || VARIANTS.contains(&self)
    }

    /// Returns the group of packages that the server needs.
    fn purpose(self) -> Option<Purpose> {
        match self {
            Self::UWebSockets | Self::Ws | Self::SocketIo | Self::Soketi => Some(Purpose::Node),
            Self::Nchan => Some(Purpose::Nginx),
            Self::Nats => Some(Purpose::Nats),
            Self::Redis => Some(Purpose::Redis),
            _ => None,
        }
    }

    /// Returns the server with this name.
    pub fn find(name: &str) -> Option<Self> {
        let mut all = OTHERS.iter().chain(NAMED_ONLY).chain(VARIANTS).copied();
        all.find(|kind| kind.name() == name)
    }
}

/// The paths of the servers' programs.
#[derive(Debug)]
pub struct Programs {
    /// pushd.
    pub pushd: PathBuf,
    /// The floor.
    pub floor: PathBuf,
    /// The scripts of the node servers, and their `node_modules`.
    pub node_folder: PathBuf,
    /// The folder `node_modules` of Soketi, if it is measured.
    pub soketi: Option<PathBuf>,
    /// A folder for configurations and logs.
    pub scratch: PathBuf,
}

impl Programs {
    /// Returns the programs that `cargo xtask bench` built. Installs the missing packages for the servers.
    pub fn install(workspace: &Workspace, servers: &[Kind]) -> Result<Self> {
        let scratch = workspace.target.join("bench");
        let mut programs = Self {
            pushd: workspace.artefact("pushd")?,
            floor: workspace.artefact("push-floor")?,
            node_folder: scratch.join("node"),
            soketi: None,
            scratch,
        };
        fs::create_dir_all(&programs.node_folder)?;
        let purposes: Vec<_> = servers.iter().filter_map(|kind| kind.purpose()).collect();
        packages::install(&purposes)?;
        if purposes.contains(&Purpose::Node) {
            install_scripts(&workspace.root.join(SCRIPTS), &programs.node_folder)?;
        }
        if servers.contains(&Kind::Soketi) {
            let manifest = workspace.root.join(SOKETI);
            programs.soketi = Some(npm::install(workspace, &manifest, "bench/soketi")?);
        }
        Ok(programs)
    }
}

/// Uses a copy, because npm installs packages beside the scripts.
fn install_scripts(from: &Path, to: &Path) -> Result<()> {
    for script in fs::read_dir(from).with_context(|| format!("can't read {}", from.display()))? {
        let script = script?;
        fs::copy(script.path(), to.join(script.file_name()))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run_command(npm.arg("--no-package-lock").current_dir(to))
}

/// A running server. It stops when this value is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its kind.
    pub kind: Kind,
    /// The address for subscribers.
    pub web: SocketAddr,
    /// The address for the publisher.
    pub publish: SocketAddr,
    /// The unix socket of pushd for publishers.
    pub publish_socket: PathBuf,
    process: Background,
    /// Processes that the server works with.
    _others: Vec<Background>,
}

impl Server {
    /// Starts the server and waits until it listens. `kept` is the number of events that a floor keeps.
    pub fn start(kind: Kind, programs: &Programs, kept: u64) -> Result<Self> {
        let [web, publish, second_publish] = free_addresses()?;
        let publish_socket = programs.scratch.join("publish.sock");
        let (others, own_publish) = match kind {
            Kind::Redis => (first_node(programs, publish)?, second_publish),
            _ => (Vec::new(), publish),
        };
        // Soketi has one port for both.
        let publish = if kind == Kind::Soketi { web } else { publish };
        let mut command = command(kind, programs, web, own_publish)?;
        match kind {
            Kind::Floor | Kind::FloorBatch => {
                command.arg(kept.to_string());
            }
            kind if kind.is_pushd() => {
                let socket = format!("unix:{}", publish_socket.display());
                command.args(["--publish-listen", &socket]);
            }
            _ => {}
        }
        let log = programs.scratch.join(format!("{}.log", kind.name()));
        command
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let mut server = Self {
            kind,
            web,
            publish,
            publish_socket,
            process: Background::start(kind.name(), &mut command)?,
            _others: others,
        };
        let mut has_ended = false;
        let listens = wait_until(READY_MS, || {
            has_ended = !matches!(server.process.exited(), Ok(None));
            has_ended
                || [web, publish]
                    .iter()
                    .all(|address| TcpStream::connect(address).is_ok())
        });
        if has_ended || !listens {
            bail!("{} does not start; see {}", kind.name(), log.display());
        }
        Ok(server)
    }

    /// Returns the process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Starts Redis, and a pushd that publishers connect to. They run on the subscribers' processor.
fn first_node(programs: &Programs, publish: SocketAddr) -> Result<Vec<Background>> {
    let socket = redis_socket(programs);
    let mut redis = Command::new("redis-server");
    redis.args(["--port", "0", "--save", "", "--unixsocket"]);
    redis.arg(&socket).arg("--dir").arg(&programs.scratch);
    let redis = Background::start("redis-server", redis.stdout(Stdio::null()))?;
    if !wait_until(READY_MS, || UnixStream::connect(&socket).is_ok()) {
        bail!("redis-server does not start");
    }
    let mut first = Command::new(&programs.pushd);
    first.args(["--listen", "127.0.0.1:0"]);
    first.args(["--publish-listen", &publish.to_string()]);
    first.arg("--redis").arg(redis_url(programs));
    let first = Background::start("pushd", first.stderr(Stdio::null()))?;
    // In the order in which they end.
    Ok(vec![first, redis])
}

fn redis_socket(programs: &Programs) -> PathBuf {
    programs.scratch.join("redis.sock")
}

fn redis_url(programs: &Programs) -> String {
    format!("unix://{}", redis_socket(programs).display())
}

fn command(
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
    let pushd = || {
        let mut command = pinned(&programs.pushd);
        command.args(["--listen", &web.to_string()]);
        command.args(["--publish-listen", &publish.to_string()]);
        command
    };
    Ok(match kind {
        Kind::Pushd | Kind::Pushd1 | Kind::Resume | Kind::Sse => pushd(),
        Kind::NoHistory => {
            let mut command = pushd();
            command.args(["--history-len-max", "0B"]);
            command
        }
        Kind::Ticket => {
            let file = programs.scratch.join("ticket.keys");
            fs::write(&file, TICKET_KEYS)?;
            let mut command = pushd();
            command.arg("--ticket-key-file").arg(file);
            command.args(["--private-topics", "*"]);
            command
        }
        Kind::Redis => {
            let mut command = pushd();
            command.arg("--redis").arg(redis_url(programs));
            command
        }
        Kind::Channels => {
            let secret = programs.scratch.join("secret");
            fs::write(&secret, CHANNELS_SECRET)?;
            let mut command = pushd();
            command.arg("--pusher-app");
            command.arg(format!("{CHANNELS_APP}:{}", secret.display()));
            command
        }
        Kind::Compressed => {
            let mut command = pushd();
            command.args(["--compression-len-min", "1"]);
            command
        }
        Kind::Disk => {
            let mut command = pushd();
            let folder = programs.scratch.join("state");
            if folder.exists() {
                fs::remove_dir_all(&folder)?; // A log of the last run.
            }
            command.arg("--state-dir").arg(folder);
            command
        }
        Kind::Floor => floor("write"),
        Kind::FloorBatch => floor("batch"),
        Kind::UWebSockets => node("uwebsockets.js"),
        Kind::Ws => node("ws.js"),
        Kind::SocketIo => node("socket.io.js"),
        Kind::Soketi => soketi(programs, web)?,
        Kind::Nchan => nginx(&programs.scratch.join("nginx"), web, publish)?,
        Kind::Nats => {
            let path = programs.scratch.join("nats.conf");
            fs::write(
                &path,
                format!("listen: \"{publish}\"\nwebsocket {{ listen: \"{web}\", no_tls: true }}\n"),
            )?;
            let mut command = pinned(Path::new("nats-server"));
            command.arg("-c").arg(path);
            command
        }
    })
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
    if !process::can_pin() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &SERVER_CPU.to_string()]).arg(program);
    command
}

/// Configures one process that stores only the last event. Each WebSocket gets the events from its connection on.
fn nginx(folder: &Path, web: SocketAddr, publish: SocketAddr) -> Result<Command> {
    fs::create_dir_all(folder)?;
    let place = folder.display();
    let configuration = format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr error;
        include /etc/nginx/modules-enabled/*nchan*.conf;
        events {{ worker_connections 20000; }}
        http {{
            access_log off; keepalive_requests 1000000000; tcp_nodelay on;
            client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;
            scgi_temp_path {place}/scgi;
            server {{
                listen {web} backlog=4096;
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
