//! PHP's own web server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use xtask::http;
use xtask::process::{Background, wait_until};

use super::{PORT_TRIES, Php};
use crate::WAIT_MS;
use crate::log::Log;
use crate::ports::free_addresses;

/// A running `php -S`. It stops when this value is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its address.
    pub address: SocketAddr,
    /// The process.
    pub process: Background,
    log: Log,
}

impl Server {
    /// Serves `docroot`, and waits for the first answer.
    #[track_caller]
    pub fn start(php: &Php, docroot: &Path, environment: &[(&str, String)]) -> Self {
        for _ in 0..PORT_TRIES {
            if let Some(server) = Self::try_start(php, docroot, environment) {
                return server;
            }
        }
        panic!("PHP's web server does not start");
    }

    // `None`: it ended, because another process has taken the port.
    fn try_start(php: &Php, docroot: &Path, environment: &[(&str, String)]) -> Option<Self> {
        let [address] = free_addresses();
        let mut command = php.command();
        command
            .args(["-S", &address.to_string(), "-t"])
            .arg(docroot)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process =
            Background::start("php -S", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
        let log = Log::follow(process.child().stderr.take().expect("stderr is piped"));
        let ready = wait_until(WAIT_MS, || {
            !matches!(process.exited(), Ok(None)) || http::get(address, "/").is_ok()
        });
        let runs = matches!(process.exited(), Ok(None));
        assert!(
            ready,
            "php -S does not answer after {WAIT_MS} ms; its log:\n{}",
            log.text()
        );
        runs.then_some(Self {
            address,
            process,
            log,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of php -S\n{}\n---", self.log.text());
        }
    }
}
