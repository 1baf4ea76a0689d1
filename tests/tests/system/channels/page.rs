//! Pages with pusher-js and laravel-echo, in Node and in Chromium.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{ChildStdin, Command, Stdio};

use serde_json::Value;
use system_tests::WAIT_MS;
use system_tests::browser::{self, Browser};
use system_tests::log::Log;
use xtask::process::Background;

use super::site::{MODULES, Site, file};

/// Where pages run.
pub(super) enum Host {
    Node,
    Chromium(Box<Browser>),
}

/// A page. It has the functions of `page.js`.
pub(super) enum Page {
    Node {
        log: Log,
        stdin: ChildStdin,
        _process: Background,
    },
    Chromium(Box<browser::Page>),
}

/// Runs a test in Node, and then in Chromium.
#[track_caller]
pub(super) fn in_each_host(mut test: impl FnMut(&mut Host)) {
    test(&mut Host::Node);
    test(&mut Host::Chromium(Box::new(Browser::start())));
}

impl Host {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Chromium(_) => "chromium",
        }
    }

    /// Opens the page of a user. A guest has no name.
    #[track_caller]
    pub(super) fn open(&mut self, site: &Site, pushd: SocketAddr, user: &str) -> Page {
        let url = site.url(pushd, user);
        match self {
            Self::Node => Page::in_node(&url),
            Self::Chromium(browser) => Page::Chromium(Box::new(browser.open(&url))),
        }
    }

    /// Opens the page, and connects with pusher-js. In the page, `pusher` is the client.
    #[track_caller]
    pub(super) fn connect(&mut self, site: &Site, pushd: SocketAddr, user: &str) -> Page {
        let mut page = self.open(site, pushd, user);
        page.run("const pusher = connect()");
        page
    }
}

impl Page {
    #[track_caller]
    fn in_node(url: &str) -> Self {
        let mut command = Command::new("node");
        command
            .arg(file("node.cjs"))
            .arg(&*MODULES)
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Background::start("node", &mut command).unwrap();
        let stdin = process.child().stdin.take().unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        Self::Node {
            log,
            stdin,
            _process: process,
        }
    }

    /// Runs a JavaScript program in the page.
    #[track_caller]
    pub(super) fn run(&mut self, program: &str) {
        match self {
            Self::Node { stdin, .. } => writeln!(stdin, "{}", Value::from(program)).unwrap(),
            Self::Chromium(page) => {
                page.evaluate(&format!("{program}; undefined"));
            }
        }
    }

    /// Waits until the page has said this.
    #[track_caller]
    pub(super) fn heard(&mut self, wanted: &Value) {
        let wanted = wanted.to_string();
        match self {
            Self::Node { log, .. } => {
                let found = log.find(WAIT_MS, |line| (line == wanted).then_some(()));
                assert!(found.is_some(), "not {wanted}:\n{}", log.text());
            }
            Self::Chromium(page) => {
                page.wait_for(&format!("said.includes({})", Value::from(wanted)));
            }
        }
    }

    /// Returns all that the page has said.
    #[track_caller]
    pub(super) fn said(&mut self) -> Vec<Value> {
        let lines: Vec<String> = match self {
            Self::Node { log, .. } => log.text().lines().map(str::to_owned).collect(),
            Self::Chromium(page) => serde_json::from_value(page.evaluate("said")).unwrap(),
        };
        let parse = |line: String| serde_json::from_str(&line).unwrap();
        lines.into_iter().map(parse).collect()
    }

    /// Returns what the page has said about one kind of thing, without the kind.
    #[track_caller]
    pub(super) fn said_of(&mut self, kind: &str) -> Vec<Value> {
        let mut said = self.said();
        said.retain(|words| words[0] == kind);
        said
    }
}
