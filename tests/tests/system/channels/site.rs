//! The site, its pushd and its pages.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use system_tests::channels::{KEY, SECRET, write_app};
use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::{WAIT_MS, workspace};
use tempfile::TempDir;
use xtask::process::Background;
use xtask::{http, npm};

/// The folder `node_modules` with pusher-js, laravel-echo and pusher. Tests that run at the same time install them once.
pub(super) static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    npm::install(&workspace(), &file("package.json"), "channels-clients").unwrap()
});

/// Returns a file of this folder.
pub(super) fn file(name: &str) -> PathBuf {
    workspace()
        .root
        .join("tests/tests/system/channels")
        .join(name)
}

/// A site that serves pages and signs for their users.
pub(super) struct Site {
    address: SocketAddr,
    folder: TempDir,
    _process: Background,
}

impl Site {
    #[track_caller]
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("node");
        command
            .arg(file("site.cjs"))
            .arg(&*MODULES)
            .args([KEY, SECRET])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Background::start("the site", &mut command).unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        let port = log.find(WAIT_MS, |line| line.strip_prefix("port ")?.parse().ok());
        let port: u16 = port.expect("the site listens");
        Self {
            address: ([127, 0, 0, 1], port).into(),
            folder,
            _process: process,
        }
    }

    /// Starts the site's pushd, with more flags. Browsers may send events to the channels `private-chat` and
    /// `presence-chat`.
    #[track_caller]
    pub(super) fn daemon(&self, flags: &[&str]) -> Daemon {
        let app = write_app(self.folder.path());
        let ours = [
            "--pusher-app",
            &app,
            "--pusher-client-events",
            "private-chat",
            "--pusher-client-events",
            "presence-chat",
        ];
        Daemon::start_with(&[&ours, flags].concat())
    }

    /// Returns the address of the page of a user, whose browser connects to `pushd`. A guest has no name.
    pub(super) fn url(&self, pushd: SocketAddr, user: &str) -> String {
        let Self { address, .. } = self;
        format!(
            "http://{address}/?user={user}&key={KEY}&host={}&port={}",
            pushd.ip(),
            pushd.port()
        )
    }
}

/// Publishes an event of this protocol with a program that does not know it.
#[track_caller]
pub(super) fn publish(daemon: &Daemon, channel: &str, event: &str, data: &Value) {
    let body = serde_json::json!({"event": event, "data": data}).to_string();
    let path = format!("/publish/{}", channel.replace('#', "%23"));
    let answer = http::post_json(daemon.publish, &path, &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
