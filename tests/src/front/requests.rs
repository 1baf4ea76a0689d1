//! Requests to a web server, with curl.

use std::process::{Command, Stdio};

use xtask::process::wait_until;

use super::Front;
use crate::{WAIT_MS, program};

impl Front {
    /// Returns a curl that requests a path of the site, and trusts its certificate.
    pub fn curl(&self, words: &[&str], path: &str) -> Command {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--cacert"])
            .arg(self.certificate())
            .args(words)
            .arg(self.url(path))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Waits until new requests for the path get this status.
    #[track_caller]
    pub fn wait_for_status(&self, path: &str, status: u16) {
        let words = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        let mut last = String::new();
        let came = wait_until(WAIT_MS, || {
            // A web server that reloads may break the connection.
            last = program::run(&mut self.curl(&words, path), WAIT_MS).stdout;
            last == status.to_string()
        });
        assert!(came, "{path} has the status {last}, not {status}");
    }
}
