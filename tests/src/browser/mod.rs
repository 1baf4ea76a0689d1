//! Headless Chromium: pages that are driven as a reader would, through its DevTools protocol.

mod devtools;
mod page;

use std::fs;
use std::process::{Command, Stdio};
use std::rc::Rc;

use serde_json::json;
use tempfile::TempDir;
use xtask::process::{Background, wait_until};

use crate::WAIT_MS;
use devtools::DevTools;
pub use page::Page;

/// A running browser with a fresh profile; it is stopped when this value and all of its pages are dropped.
#[derive(Debug)]
pub struct Browser {
    devtools: DevTools,
    port: u16,
    chromium: Rc<Chromium>,
}

/// The process, and what it needs for as long as it runs.
#[derive(Debug)]
struct Chromium {
    // Before the profile: it is stopped before its folder is removed.
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

impl Browser {
    /// Starts it.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags.
    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        let profile = tempfile::Builder::new()
            .prefix("pusher-chromium-")
            .tempdir()
            .expect("a temporary folder");
        let mut command = Command::new("chromium");
        command
            .args(FLAGS)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            // What it leaves behind goes with the profile.
            .env("TMPDIR", profile.path())
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process =
            Background::start("Chromium", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
        let (port, path) = debugging_address(&profile, &mut process);
        Self {
            devtools: DevTools::connect(port, &path),
            port,
            chromium: Rc::new(Chromium {
                _process: process,
                _profile: profile,
            }),
        }
    }

    /// Opens a page of somebody else's: no cookie, cache or storage is shared with the other pages.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> Page {
        let context = self
            .devtools
            .call("Target.createBrowserContext", &json!({}));
        let target = self.devtools.call(
            "Target.createTarget",
            &json!({"url": "about:blank", "browserContextId": context["browserContextId"]}),
        );
        let id = target["targetId"].as_str().expect("a target has an id");
        let mut page = Page::attach(self.port, id, Rc::clone(&self.chromium));
        page.go(url);
        page
    }
}

// Chromium writes the port that it got, and the browser's own path, into a file of its profile.
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
