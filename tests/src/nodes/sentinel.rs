//! Sentinels, which watch a Redis server and promote its replica.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use super::redis::PROGRAM;
use super::resp::{Client, Reply};
use crate::WAIT_MS;
use crate::log::Log;
use crate::ports::free_port;

/// The name of the watched server.
pub const MASTER: &str = "site";

/// Sentinels that must agree that the server is down.
const QUORUM: usize = 2;

/// A running Sentinel. It stops when this value is dropped, and prints its log if the test failed.
#[derive(Debug)]
pub struct Sentinel {
    process: Background,
    log: Log,
    folder: TempDir,
    port: u16,
}

impl Sentinel {
    /// Starts three Sentinels, and waits until they know each other and the replica.
    #[track_caller]
    pub fn start_three(master: SocketAddr) -> [Self; 3] {
        let sentinels = [(); 3].map(|()| Self::start(master));
        for sentinel in &sentinels {
            for (field, wanted) in [("num-other-sentinels", "2"), ("num-slaves", "1")] {
                let is_known = || sentinel.field(field).as_deref() == Some(wanted);
                assert!(wait_until(WAIT_MS, is_known), "{field} is not {wanted}");
            }
        }
        sentinels
    }

    #[track_caller]
    fn start(master: SocketAddr) -> Self {
        let folder = TempDir::new().expect("a folder");
        let port = free_port();
        let (ip, master_port) = (master.ip(), master.port());
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {folder}\nunixsocket {folder}/redis.sock\n\
             sentinel monitor {MASTER} {ip} {master_port} {QUORUM}\n\
             sentinel down-after-milliseconds {MASTER} 1000\n\
             sentinel failover-timeout {MASTER} 5000\n",
            folder = folder.path().display()
        );
        // A Sentinel writes its state to its configuration.
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(PROGRAM);
        command
            .arg(file)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Background::start("a Sentinel", &mut command)
            .unwrap_or_else(|error| panic!("{error:#}: run `cargo xtask build`"));
        let log = Log::follow(process.child().stdout.take().expect("it is piped"));
        let sentinel = Self {
            process,
            log,
            folder,
            port,
        };
        let answers = || sentinel.field("name").is_some();
        assert!(wait_until(WAIT_MS, answers), "a Sentinel does not answer");
        sentinel
    }

    /// Returns the address of the server behind these Sentinels for the setting `redis`.
    pub fn url(sentinels: &[Self]) -> String {
        let hosts = sentinels
            .iter()
            .map(|one| format!("127.0.0.1:{}", one.port));
        let hosts: Vec<_> = hosts.collect();
        format!("redis+sentinel://{}/{MASTER}", hosts.join(","))
    }

    /// Waits until this Sentinel names the server at `address`.
    #[track_caller]
    pub fn wait_for_master(&self, address: SocketAddr) {
        let port = Some(address.port().to_string());
        let is_master = || self.field("port") == port;
        assert!(wait_until(4 * WAIT_MS, is_master), "no failover");
    }

    /// Kills it with SIGKILL.
    #[track_caller]
    pub fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait(WAIT_MS).expect("it was killed");
    }

    /// Returns a field of what it knows of the server.
    fn field(&self, name: &str) -> Option<String> {
        let socket = self.folder.path().join("redis.sock");
        let mut client = Client::connect(&socket).ok()?;
        let reply = client.try_call(&["SENTINEL", "MASTER", MASTER]).ok()?;
        let mut fields = reply.array().chunks_exact(2);
        let field = fields.find(|field| field[0].text() == name)?;
        field.get(1).map(Reply::text).map(str::to_owned)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the log of a Sentinel\n{}\n---", self.log.text());
        }
    }
}
