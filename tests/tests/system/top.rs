//! `pushd top`, once and in a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
use system_tests::daemon::Daemon;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program};
use xtask::process::Background;

use crate::shell::command;

/// What opens the second screen of a terminal without cursor and wrapped lines, and what closes it.
const OPENED: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSED: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

#[test]
fn one_table_has_the_busiest_topic_and_the_connections() {
    let daemon = Daemon::start();
    let hostile = "\u{1b}[2Jtopic";
    let _hostile = Wamp::subscribed(daemon.web, hostile);
    let mut page = Wamp::connect_from(daemon.web, "http://localhost:81");
    page.subscribe("kittens");
    for n in 0..20 {
        publish_raw(
            daemon.publish,
            &format!(r#"{{"category":"kittens","n":{n}}}"#),
        );
    }
    let _last = (0..20).map(|_| page.event("kittens")).last();
    let printed = program::run(&mut command(&daemon, "top", &["--once"]), WAIT_MS).success();
    let lines: Vec<&str> = printed.lines().collect();
    let after = |title: &str| {
        let at = lines.iter().position(|line| line.contains(title));
        lines[at.unwrap_or_else(|| panic!("{printed}")) + 1]
    };
    assert!(lines[0].starts_with("pushd/"), "{printed}");
    assert!(lines[1].starts_with("connections 2 of "), "{printed}");
    assert!(lines[1].contains(", publishers 0, "), "{printed}");
    let busiest: Vec<&str> = after("EVENTS/S").split_whitespace().collect();
    assert_eq!(busiest, ["2.0", "1", "20", "kittens"], "{printed}");
    assert!(
        printed.contains("\\u{1b}[2Jtopic") && !printed.contains('\u{1b}'),
        "{printed}"
    );
    let origin = lines
        .iter()
        .find(|line| line.contains("http://localhost:81"));
    assert!(origin.unwrap().ends_with(" kittens"), "{printed}");
}

#[test]
fn output_that_is_no_terminal_is_an_error() {
    let daemon = Daemon::start();
    let ended = program::run(&mut command(&daemon, "top", &[]), WAIT_MS);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("--once"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

/// `pushd top` in a terminal.
struct Terminal {
    process: Background,
    /// The side of the program. The test keeps it open to see its mode.
    slave: OwnedFd,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn start(daemon: &Daemon) -> Self {
        let size = Winsize {
            ws_row: 20,
            ws_col: 70,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
        let mut command = command(daemon, "top", &[]);
        command
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave.try_clone().unwrap()));
        let process = Background::start("pushd top", &mut command).unwrap();
        drop(command);
        let mut screen = File::from(master.try_clone().unwrap());
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Fails when the last program has closed its side.
            while let Ok(len @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            slave,
            keyboard: File::from(master),
            output,
            shown: String::new(),
        }
    }

    /// Waits until the program has written this.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_millis(WAIT_MS);
        while !self.shown.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn has_line_mode(&self) -> bool {
        let flags = tcgetattr(&self.slave).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }

    /// Waits for the end. The terminal must be as before.
    #[track_caller]
    fn end(mut self) -> ExitStatus {
        let status = self.process.wait(WAIT_MS).expect("it ends");
        self.wait_for(CLOSED);
        assert!(self.shown.ends_with(CLOSED), "{:?}", self.shown);
        assert!(self.has_line_mode());
        status
    }
}

#[test]
fn q_ends_it_and_restores_the_terminal() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::start(&daemon);
    terminal.wait_for("TOPIC");
    assert!(terminal.shown.starts_with(OPENED), "{:?}", terminal.shown);
    assert!(!terminal.has_line_mode());
    // It shows what is new.
    let _page = Wamp::subscribed(daemon.web, "kittens");
    terminal.wait_for("kittens");
    let lines = terminal.shown.split(['\n', '\u{1b}']);
    let longest = lines.map(|line| line.chars().count()).max();
    assert!(longest.unwrap() < 80, "{:?}", terminal.shown);
    terminal.keyboard.write_all(b"xq").unwrap();
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn signal_ends_it_and_restores_the_terminal() {
    let daemon = Daemon::start();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut terminal = Terminal::start(&daemon);
        terminal.wait_for("TOPIC");
        terminal.process.signal(signal);
        assert_eq!(terminal.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn old_figures_stay_while_the_server_is_away() {
    let daemon = Daemon::start();
    let _page = Wamp::subscribed(daemon.web, "kittens");
    let mut terminal = Terminal::start(&daemon);
    terminal.wait_for("kittens");
    let stopped = daemon.kill();
    terminal.wait_for("these figures are old");
    terminal.shown.clear();
    let daemon = stopped.start_again();
    let _other = Wamp::subscribed(daemon.web, "puppies");
    terminal.wait_for("puppies");
    terminal.keyboard.write_all(b"q").unwrap();
    assert_eq!(terminal.end().code(), Some(0));
}
