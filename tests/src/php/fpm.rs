//! php-fpm. Tests send it requests by FastCGI, without a web server.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use super::{Php, SCRIPT_MS};
use crate::WAIT_MS;
use crate::log::Log;
use crate::program;

const PROGRAM: &str = "/usr/sbin/php-fpm8.2";

/// A running php-fpm. It stops when this value is dropped.
#[derive(Debug)]
pub struct Fpm {
    /// The master process.
    pub process: Background,
    folder: TempDir,
    log: Log,
}

impl Fpm {
    /// Starts php-fpm with `workers` processes, and waits until it listens.
    #[track_caller]
    pub fn start(php: &Php, workers: u32) -> Self {
        Self::start_with(php, workers, "")
    }

    /// Starts php-fpm with more lines in its `[global]` section.
    #[track_caller]
    pub fn start_with(php: &Php, workers: u32, global: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pusher-fpm-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let configuration = folder.path().join("fpm.conf");
        fs::write(&configuration, text(folder.path(), workers, global))
            .expect("a file can be written");
        let mut command = Command::new(PROGRAM);
        command
            .args(["--nodaemonize", "--fpm-config"])
            .arg(&configuration);
        for setting in &php.ini {
            command.args(["-d", setting]);
        }
        command
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process =
            Background::start("php-fpm", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
        let log = Log::follow(process.child().stderr.take().expect("stderr is piped"));
        let mut fpm = Self {
            process,
            folder,
            log,
        };
        fpm.wait_until_ready();
        fpm
    }

    #[track_caller]
    fn wait_until_ready(&mut self) {
        let socket = self.socket();
        // The socket file exists a moment before php-fpm listens.
        let ready = wait_until(WAIT_MS, || {
            UnixStream::connect(&socket).is_ok() || !matches!(self.process.exited(), Ok(None))
        });
        assert!(
            ready && matches!(self.process.exited(), Ok(None)),
            "php-fpm does not start; its log:\n{}",
            self.log.text()
        );
    }

    /// Returns the page (headers and body) of `script`.
    #[track_caller]
    pub fn get(&self, script: &Path, query: &str) -> String {
        let mut command = Command::new("cgi-fcgi");
        command
            .args(["-bind", "-connect"])
            .arg(self.socket())
            .env("REQUEST_METHOD", "GET")
            .env("QUERY_STRING", query)
            .env("SCRIPT_FILENAME", script)
            .env("SCRIPT_NAME", "/script.php");
        program::run(&mut command, SCRIPT_MS).success()
    }

    /// Waits until the log contains `text`.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        let found = self
            .log
            .find(WAIT_MS, |line| line.contains(text).then_some(()));
        assert!(
            found.is_some(),
            "php-fpm has not logged `{text}` after {WAIT_MS} ms"
        );
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("fpm.sock")
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of php-fpm\n{}\n---", self.log.text());
        }
    }
}

fn text(folder: &Path, workers: u32, global: &str) -> String {
    let folder = folder.display();
    // If root starts php-fpm, its configuration must name a user.
    let user = if nix::unistd::geteuid().is_root() {
        "user = www-data\ngroup = www-data\n"
    } else {
        ""
    };
    format!(
        "[global]\nerror_log = /proc/self/fd/2\n{global}\
         [site]\nlisten = {folder}/fpm.sock\n{user}pm = static\npm.max_children = {workers}\n\
         catch_workers_output = yes\n"
    )
}
