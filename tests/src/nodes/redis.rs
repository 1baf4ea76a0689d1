//! redis-server, on a unix socket in a folder of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use super::issuer::Issuer;
use super::resp::{Client, Reply};
use crate::WAIT_MS;
use crate::daemon::freeze;
use crate::log::Log;
use crate::ports::free_port;

/// The program. Debian's service of the same package is never used.
pub(super) const PROGRAM: &str = "redis-server";

/// A running server. It stops when this value is dropped, and prints its log if the test failed.
#[derive(Debug)]
pub struct Redis {
    process: Background,
    log: Log,
    setup: Setup,
}

/// A server that has ended. It can start again with the same folder.
#[derive(Debug)]
pub struct Stopped(Setup);

#[derive(Debug)]
struct Setup {
    folder: TempDir,
    /// 0 without TCP.
    port: u16,
    options: Vec<String>,
}

impl Setup {
    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    #[track_caller]
    fn start(self) -> Redis {
        // Left by a killed server.
        let _none = std::fs::remove_file(self.socket());
        let mut command = Command::new(PROGRAM);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .args(["--save", "", "--repl-diskless-sync-delay", "0"])
            .args(&self.options)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped());
        let mut process = Background::start(PROGRAM, &mut command)
            .unwrap_or_else(|error| panic!("{error:#}: run `cargo xtask build`"));
        let log = Log::follow(process.child().stdout.take().expect("it is piped"));
        let redis = Redis {
            process,
            log,
            setup: self,
        };
        // Before it has loaded its files, it answers with an error.
        let answers = wait_until(WAIT_MS, || {
            let client = Client::connect(&redis.setup.socket());
            client.is_ok_and(|mut client| match client.try_call(&["PING"]) {
                Ok(_) => true,
                Err(error) => error.starts_with("NOAUTH"),
            })
        });
        assert!(answers, "{PROGRAM} does not answer");
        redis
    }
}

impl Redis {
    /// Starts a server that keeps nothing on disk.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more options.
    #[track_caller]
    pub fn start_with(options: &[&str]) -> Self {
        setup(0, options).start()
    }

    /// Starts a server that listens on a TCP port, too.
    #[track_caller]
    pub fn start_on_tcp(options: &[&str]) -> Self {
        setup(free_port(), options).start()
    }

    /// Starts a server that listens on a TCP port with TLS, and with a certificate of this issuer.
    #[track_caller]
    pub fn start_with_tls(issuer: &Issuer, options: &[&str]) -> Self {
        let port = free_port();
        let tls = issuer.options(port);
        let all: Vec<&str> = tls
            .iter()
            .map(String::as_str)
            .chain(options.iter().copied())
            .collect();
        setup(port, &all).start()
    }

    /// Returns its address for the setting `redis`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.setup.socket().display())
    }

    /// Returns its TCP address.
    pub fn address(&self) -> SocketAddr {
        assert_ne!(self.setup.port, 0, "it has no TCP port");
        SocketAddr::from(([127, 0, 0, 1], self.setup.port))
    }

    /// Connects to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(&self.setup.socket()).expect("it listens")
    }

    /// Sends one command on a new connection. It must succeed.
    #[track_caller]
    pub fn call(&self, command: &[&str]) -> Reply {
        self.client().call(command)
    }

    /// Returns the clients that use TCP: their ids, and their last commands.
    #[track_caller]
    pub fn tcp_clients(&self) -> BTreeMap<String, String> {
        let list = self.call(&["CLIENT", "LIST", "TYPE", "normal"]);
        let lines = list.text().lines();
        let lines = lines.filter(|line| line.contains("addr=127.0.0.1:"));
        let client = |line: &str| {
            let field = |name| line.split(' ').find_map(|field| field.strip_prefix(name));
            Some((field("id=")?.to_owned(), field("cmd=")?.to_owned()))
        };
        lines.filter_map(client).collect()
    }

    /// Closes the connections of all clients.
    #[track_caller]
    pub fn kill_clients(&self) {
        self.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    }

    /// Makes this server a replica of another one, and waits until it has a copy.
    #[track_caller]
    pub fn follow(&self, main: SocketAddr) {
        let port = main.port().to_string();
        self.call(&["REPLICAOF", "127.0.0.1", &port]);
        self.wait_until_it_follows(main);
    }

    /// Waits until this server is a replica of another one, and has a copy.
    #[track_caller]
    pub fn wait_until_it_follows(&self, main: SocketAddr) {
        let port = format!("master_port:{}\r\n", main.port());
        let is_up = wait_until(4 * WAIT_MS, || {
            // A Sentinel that makes it a replica closes all connections.
            let info = self.client().try_call(&["INFO", "replication"]);
            info.is_ok_and(|info| {
                let info = info.text();
                info.contains(&port) && info.contains("master_link_status:up")
            })
        });
        assert!(is_up, "the replica has no copy");
    }

    /// Stops it as a debugger does: it keeps its connections and does nothing.
    #[track_caller]
    pub fn freeze(&mut self) {
        freeze(&mut self.process);
    }

    /// Continues the stopped server.
    pub fn thaw(&mut self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Kills it with SIGKILL.
    #[track_caller]
    pub fn kill(mut self) -> Stopped {
        self.process.signal(Signal::SIGKILL);
        self.process.wait(WAIT_MS).expect("it was killed");
        let unused = Setup {
            folder: TempDir::new().expect("a folder"),
            port: 0,
            options: Vec::new(),
        };
        Stopped(std::mem::replace(&mut self.setup, unused))
    }
}

impl Stopped {
    /// Starts it again, at the same addresses and with the same folder.
    #[track_caller]
    pub fn start_again(self) -> Redis {
        self.0.start()
    }

    /// Returns the address that it will have.
    pub fn url(&self) -> String {
        format!("unix://{}", self.0.socket().display())
    }
}

/// Returns a server that has not started yet.
#[track_caller]
pub fn not_started() -> Stopped {
    Stopped(setup(0, &[]))
}

#[track_caller]
fn setup(port: u16, options: &[&str]) -> Setup {
    Setup {
        folder: TempDir::new().expect("a folder"),
        port,
        options: options.iter().map(ToString::to_string).collect(),
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {PROGRAM}'s log\n{}\n---", self.log.text());
        }
    }
}
