//! PHP with and without the extension, in each server that runs PHP.

mod fpm;
mod server;

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use xtask::apache::{Apache, Site};

pub use fpm::Fpm;
pub use server::Server;

use crate::ports::free_port;
use crate::program::{self, Ended};
use crate::{WAIT_MS, artefact, workspace};

/// Time limit for a script.
const SCRIPT_MS: u64 = 30_000;
/// Number of attempts, with new free ports, if another process takes the port first.
const PORT_TRIES: u32 = 5;

/// A PHP and its settings.
#[derive(Debug, Clone, Default)]
pub struct Php {
    ini: Vec<String>,
    /// The processes of an Apache, if the test decides about them.
    children: Option<u32>,
}

impl Php {
    /// Returns a PHP without the extension.
    pub fn plain() -> Self {
        Self::default()
    }

    /// Returns a PHP with the extension, which publishes to `push_address` (`tcp://...`).
    #[track_caller]
    pub fn with_extension(push_address: impl Display) -> Self {
        Self::plain()
            .set("extension", artefact("libpusher_php.so").display())
            .set("pusher.address", push_address)
    }

    /// Returns a PHP with the classes in plain PHP, which publish to `push_address` (`tcp://...`).
    pub fn with_fallback(push_address: impl Display) -> Self {
        let fallback = workspace().root.join("php/src/pusher.php");
        Self::plain()
            .set("auto_prepend_file", fallback.display())
            .set("pusher.address", push_address)
    }

    /// Adds an ini setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Display) -> Self {
        self.ini.push(format!("{name}={value}"));
        self
    }

    /// Lets Apache serve pages with this number of processes.
    #[must_use]
    pub fn in_children(self, children: u32) -> Self {
        Self {
            children: Some(children),
            ..self
        }
    }

    /// Runs `code` (without the opening tag) on the command line.
    #[track_caller]
    pub fn run(&self, code: &str) -> Ended {
        program::run(self.command().args(["-r", code]), SCRIPT_MS)
    }

    /// Runs `code`, which must succeed, and returns its output.
    #[track_caller]
    pub fn print(&self, code: &str) -> String {
        self.run(code).success()
    }

    /// Returns PHP's command line with the settings.
    pub fn command(&self) -> Command {
        let php = xtask::build::php().unwrap_or_else(|error| panic!("{error}"));
        let mut command = Command::new(php);
        for setting in ["display_errors=stderr", "html_errors=0"] {
            command.args(["-d", setting]);
        }
        for setting in &self.ini {
            command.args(["-d", setting]);
        }
        command
    }

    /// Starts a private Apache with mod_php that serves `application`. `docroot` is relative to it.
    #[track_caller]
    pub fn apache(
        &self,
        application: &Path,
        docroot: &str,
        environment: &[(&str, String)],
    ) -> Apache {
        for _ in 1..PORT_TRIES {
            match self.try_apache(application, docroot, environment) {
                Ok(apache) => return apache,
                Err(error) if error.contains("Address already in use") => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.try_apache(application, docroot, environment)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_apache(
        &self,
        application: &Path,
        docroot: &str,
        environment: &[(&str, String)],
    ) -> Result<Apache, String> {
        let site = Site {
            application,
            docroot,
            port: free_port(),
            ini: &self.ini,
            environment,
            children: self.children,
        };
        Apache::start(&site).map_err(|error| format!("{error:#}"))
    }
}

/// A web application for one test.
#[derive(Debug)]
pub struct Application(TempDir);

impl Application {
    /// Writes `files`, pairs of name and content.
    #[track_caller]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pusher-application-")
            // The server's user must be able to read it.
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("a file can be written");
        }
        Self(folder)
    }

    /// Copies a file or a folder into it, because the server's user may be unable to read the checkout.
    #[track_caller]
    pub fn copy_in(&self, source: &Path) {
        let mut command = Command::new("cp");
        command.arg("-r").arg(source).arg(self.path());
        program::run(&mut command, WAIT_MS).success();
    }

    /// Returns its folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
