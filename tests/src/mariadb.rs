//! A private MariaDB, on a unix socket.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use crate::WAIT_MS;
use crate::log::Log;
use crate::program;

/// Time limit for the start. Making the system tables takes seconds.
const INSTALL_MS: u64 = 60_000;

/// A running server with an empty database. It stops when this value is dropped.
#[derive(Debug)]
pub struct MariaDb {
    _process: Background,
    folder: TempDir,
    log: Log,
}

impl MariaDb {
    /// The name of the database. Its only user is `root`, without a password.
    pub const DATABASE: &str = "test";

    /// Starts the server.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pusher-mariadb-")
            // The web server's user must be able to reach the socket.
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let mut install = with_data("mariadb-install-db", folder.path());
        install.args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
        program::run(&mut install, INSTALL_MS).success();
        let mut command = with_data("mariadbd", folder.path());
        command
            .arg(format!("--socket={}", socket(folder.path()).display()))
            .args(["--skip-networking", "--innodb-flush-log-at-trx-commit=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process =
            Background::start("MariaDB", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
        let log = Log::follow(process.child().stderr.take().expect("stderr is piped"));
        let server = Self {
            _process: process,
            folder,
            log,
        };
        let create = format!("CREATE DATABASE IF NOT EXISTS {}", Self::DATABASE);
        let created = wait_until(WAIT_MS, || {
            let ended = program::run(&mut server.client("mysql", &create), WAIT_MS);
            ended.status.success()
        });
        assert!(
            created,
            "MariaDB does not start; its log:\n{}",
            server.log.text()
        );
        server
    }

    /// Returns the path of the socket.
    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Returns the result of a query, without column names.
    #[track_caller]
    pub fn query(&self, query: &str) -> String {
        let mut client = self.client(Self::DATABASE, query);
        program::run(&mut client, WAIT_MS)
            .success()
            .trim()
            .to_owned()
    }

    fn client(&self, database: &str, query: &str) -> Command {
        let mut command = Command::new("mariadb");
        command
            .args(["--no-defaults", "--user=root", "--skip-column-names"])
            .arg(format!("--socket={}", self.socket().display()))
            .args([database, "--execute", query]);
        command
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of MariaDB\n{}\n---", self.log.text());
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("m.sock")
}

fn with_data(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", folder.join("data").display()))
        // A folder of its own, because a starting server deletes temporary tables that it finds, including those of
        // other servers.
        .env("TMPDIR", folder)
        .env_remove("LD_LIBRARY_PATH");
    if nix::unistd::geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}
