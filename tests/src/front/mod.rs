//! Web servers with HTTPS in front of pushd: Debian's nginx, Apache, Caddy and HAProxy, each with a small site.

mod apache;
mod caddy;
mod config;
mod haproxy;
mod nginx;
mod requests;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

use crate::ports::free_addresses;
use crate::{WAIT_MS, program};

use config::Ports;

pub use apache::{Mpm, PROXY_MODULES};

/// Number of attempts, with new free ports, if another process takes a port first.
const PORT_TRIES: u32 = 5;
/// The log of each web server, in its folder.
const LOG: &str = "error.log";
/// A page that loads the client from its own site, and shows each event of topic `t`.
pub const PAGE: &str = "<!doctype html><meta charset=utf-8><link rel=icon href=data:,><ul id=list></ul>\
    <script src=/push/pusher.js></script><script>\
    const pusher = new Pusher(null, {backoffMaxMs: 500});\
    pusher.subscribe('t', event => { list.appendChild(document.createElement('li')).textContent = event.n; });\
    </script>";

/// A running web server. It stops when this value is dropped.
#[derive(Debug)]
pub struct Front {
    /// The port of `localhost` with HTTPS.
    pub https: u16,
    /// The port with HTTP.
    pub http: u16,
    // Declared before the folder: it stops before its files are removed.
    process: Background,
    folder: TempDir,
    kind: Kind,
}

/// The program, and its modules.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Nginx,
    Apache(Mpm, &'static [&'static str]),
    Caddy,
    Haproxy,
}

/// What `systemctl reload` does.
enum Reload {
    Signal(Signal),
    Command(Command),
}

impl Kind {
    fn write(self, folder: &Path, ports: Ports, lines: &str) {
        match self {
            Self::Nginx => nginx::write(folder, ports, lines),
            Self::Apache(mpm, modules) => apache::write(folder, ports, mpm, modules, lines),
            Self::Caddy => caddy::write(folder, ports, lines),
            Self::Haproxy => haproxy::write(folder, ports, lines),
        }
    }

    fn command(self, folder: &Path) -> Command {
        match self {
            Self::Nginx => nginx::command(folder),
            Self::Apache(..) => apache::command(folder),
            Self::Caddy => caddy::command(folder),
            Self::Haproxy => haproxy::command(folder),
        }
    }

    fn reload(self, folder: &Path) -> Reload {
        match self {
            Self::Nginx => Reload::Signal(Signal::SIGHUP),
            Self::Apache(..) => Reload::Signal(Signal::SIGUSR1),
            Self::Caddy => Reload::Command(caddy::reload_command(folder)),
            Self::Haproxy => Reload::Signal(Signal::SIGUSR2),
        }
    }
}

impl Front {
    /// Starts nginx with these lines in the site's server block.
    #[track_caller]
    pub fn nginx(lines: &str) -> Self {
        Self::start(Kind::Nginx, lines)
    }

    /// Starts Apache with these lines in the site's virtual host, and these modules besides those of every site.
    #[track_caller]
    pub fn apache(mpm: Mpm, modules: &'static [&'static str], lines: &str) -> Self {
        Self::start(Kind::Apache(mpm, modules), lines)
    }

    /// Starts Caddy with these lines in the site's block.
    #[track_caller]
    pub fn caddy(lines: &str) -> Self {
        Self::start(Kind::Caddy, lines)
    }

    /// Starts HAProxy with these lines at the end of the site's frontend.
    #[track_caller]
    pub fn haproxy(lines: &str) -> Self {
        Self::start(Kind::Haproxy, lines)
    }

    #[track_caller]
    fn start(kind: Kind, lines: &str) -> Self {
        for _ in 1..PORT_TRIES {
            match Self::try_start(kind, lines) {
                Ok(front) => return front,
                Err(error) if is_port_taken(&error) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Self::try_start(kind, lines).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_start(kind: Kind, lines: &str) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("pusher-front-")
            // The server's user must be able to enter the folder.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let site = folder.path().join("site");
        fs::create_dir(&site).expect("a folder can be made");
        fs::write(site.join("index.html"), PAGE).expect("a file can be written");
        certify(folder.path());
        let [https, http] = free_addresses().map(|address| address.port());
        let ports = Ports { https, http };
        kind.write(folder.path(), ports, lines);
        // nginx and Apache append to this file, too.
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.path().join(LOG))
            .expect("a file can be made");
        let mut command = kind.command(folder.path());
        command
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut process =
            Background::start("web server", &mut command).map_err(|error| format!("{error:#}"))?;
        let address = ([127, 0, 0, 1], ports.http).into();
        let ready = wait_until(WAIT_MS, || {
            !matches!(process.exited(), Ok(None)) || http::get(address, "/").is_ok()
        });
        let runs = matches!(process.exited(), Ok(None));
        let front = Self {
            https: ports.https,
            http: ports.http,
            process,
            folder,
            kind,
        };
        if ready && runs {
            Ok(front)
        } else {
            Err(format!(
                "the web server does not answer; its log:\n{}",
                front.log()
            ))
        }
    }

    /// Changes the lines in the site's configuration, and reloads it as `systemctl reload` does. May return before the web
    /// server has done that.
    #[track_caller]
    pub fn reload(&mut self, lines: &str) {
        let ports = Ports {
            https: self.https,
            http: self.http,
        };
        self.kind.write(self.folder.path(), ports, lines);
        match self.kind.reload(self.folder.path()) {
            Reload::Signal(signal) => self.process.signal(signal),
            Reload::Command(mut command) => {
                program::run(&mut command, WAIT_MS).success();
            }
        }
    }

    /// Returns an address of the site.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https)
    }

    /// Returns the path of the certificate, for clients that must trust it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Returns the web server's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the web server's log\n{}\n---", self.log());
        }
    }
}

/// Returns whether the web server did not start because another process has a port.
fn is_port_taken(log: &str) -> bool {
    log.to_lowercase().contains("address already in use")
}

/// Writes a self-signed certificate for `localhost`.
fn certify(folder: &Path) {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(folder.join("certificate.pem"), certified.cert.pem()).expect("a file can be written");
    fs::write(
        folder.join("key.pem"),
        certified.signing_key.serialize_pem(),
    )
    .expect("a file can be written");
}
