//! The measured servers, and the way to start each.

mod certificate;
mod command;
mod kind;
mod programs;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use xtask::ports::free_addresses;
use xtask::process::{Background, wait_until};

pub use command::{CHANNELS_APP, CHANNELS_KEY, CHANNELS_SECRET, TICKET_KEYS};
use command::{command, redis_socket, redis_url};
pub use kind::{Kind, NAMED_ONLY, OTHERS, VARIANTS};
pub use programs::Programs;

/// Time limit for a server to listen.
const READY_MS: u64 = 15_000;

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
