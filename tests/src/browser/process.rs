//! The Chromium process, and how to connect to its DevTools.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use crate::WAIT_MS;

/// The process and its profile. Dropping it stops the process.
#[derive(Debug)]
pub(super) struct Chromium {
    // Declared first, so dropped first: the process ends before its profile is removed.
    _process: Background,
    _profile: TempDir,
}

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-crash-reporter",
    "--remote-debugging-port=0",
];

impl Chromium {
    /// Starts Chromium with a fresh profile. Returns it, its debugging port and the browser's path there.
    #[track_caller]
    pub(super) fn start(flags: &[&str]) -> (Self, u16, String) {
        let profile = tempfile::Builder::new()
            .prefix("pusher-chromium-")
            .tempdir()
            .expect("a temporary folder");
        let mut command = Command::new("chromium");
        command
            .args(FLAGS)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // Removes Chromium's temporary files with the profile.
            .env("TMPDIR", profile.path())
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process =
            Background::start("Chromium", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
        let (port, path) = debugging_address(&profile, &mut process);
        let chromium = Self {
            _process: process,
            _profile: profile,
        };
        (chromium, port, path)
    }
}

// Chromium writes its port and the browser's path to a file in its profile.
#[track_caller]
fn debugging_address(profile: &TempDir, process: &mut Background) -> (u16, String) {
    let file = profile.path().join("DevToolsActivePort");
    let mut found = None;
    wait_until(2 * WAIT_MS, || {
        found = fs::read_to_string(&file).ok().and_then(|text| {
            let (port, path) = text.split_once('\n')?;
            Some((port.parse().ok()?, path.trim().to_owned()))
        });
        found.is_some() || !matches!(process.exited(), Ok(None))
    });
    found.unwrap_or_else(|| panic!("Chromium did not start: {:?}", process.exited()))
}
