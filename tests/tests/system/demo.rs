//! `cargo xtask demo`, as typed by a newcomer.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::json;
use system_tests::blog::log_in;
use system_tests::browser::Browser;
use system_tests::log::Log;
use system_tests::ports::free_addresses;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, debug_program};
use xtask::http;
use xtask::process::{Background, wait_until};

/// Time limit. The command checks that everything is built, and builds the missing parts.
const BUILD_MS: u64 = 600_000;

struct Demo {
    process: Background,
    output: Log,
    errors: Log,
    blog: SocketAddr,
    push: SocketAddr,
}

impl Demo {
    #[track_caller]
    fn start(flags: &[&str]) -> Self {
        let [web, push, publish] = free_addresses().map(|address| address.port());
        let mut command = Command::new(debug_program("xtask"));
        command
            .arg("demo")
            .args(["--web-port", &web.to_string()])
            .args(["--push-port", &push.to_string()])
            .args(["--publish-port", &publish.to_string()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Background::start("xtask demo", &mut command).unwrap();
        let output = Log::follow(process.child().stdout.take().unwrap());
        let errors = Log::follow(process.child().stderr.take().unwrap());
        let demo = Self {
            process,
            output,
            errors,
            blog: SocketAddr::from((Ipv4Addr::LOCALHOST, web)),
            push: SocketAddr::from((Ipv4Addr::LOCALHOST, push)),
        };
        let said = demo.output.find(BUILD_MS, |line| {
            line.contains(&format!("http://{}/", demo.blog))
                .then_some(())
        });
        assert!(
            said.is_some(),
            "the demo does not start:\n{}\n{}",
            demo.output.text(),
            demo.errors.text()
        );
        demo
    }

    #[track_caller]
    fn assert_works(&self) {
        let mut stranger = Wamp::connect(self.push);
        stranger.send(&json!([5, "user.Ann"]));
        assert_eq!(stranger.event("pushd:denied")["code"], "ticket_missing");
        let mut page = Browser::start().open(&format!("http://{}/", self.blog));
        log_in(&mut page, "Ann");
        page.wait_for(
            "document.querySelector('#present').textContent.startsWith('1 reader is here: Ann.')",
        );
    }

    #[track_caller]
    fn assert_ends(mut self, code: i32, children: &[Pid]) {
        let status = self.process.wait(WAIT_MS).expect("the demo ends");
        assert_eq!(status.code(), Some(code), "{}", self.errors.text());
        let gone = wait_until(WAIT_MS, || {
            children.iter().all(|&pid| kill(pid, None).is_err())
        });
        assert!(gone, "a process of the demo still runs");
        assert!(http::get(self.blog, "/").is_err() && http::get(self.push, "/").is_err());
    }

    /// Returns the pids of its child processes, with their programs' names.
    fn children(&self) -> Vec<(Pid, String)> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|process| {
                let stat = fs::read_to_string(process.path().join("stat")).ok()?;
                // pid (name) state parent ...
                let (before, after) = stat.rsplit_once(") ")?;
                let (pid, name) = before.split_once(" (")?;
                let parent: u32 = after.split(' ').nth(1)?.parse().ok()?;
                (parent == self.process.pid())
                    .then(|| (Pid::from_raw(pid.parse().unwrap()), name.to_owned()))
            })
            .collect()
    }

    #[track_caller]
    fn pids(&self) -> Vec<Pid> {
        let pids: Vec<Pid> = self.children().into_iter().map(|(pid, _)| pid).collect();
        assert_eq!(pids.len(), 2, "pushd and a web server");
        pids
    }
}

#[test]
fn it_starts_both_and_ctrl_c_stops_both() {
    let mut demo = Demo::start(&[]);
    demo.assert_works();
    let children = demo.pids();
    demo.process.signal(Signal::SIGINT);
    demo.assert_ends(0, &children);
}

/// Runs the demo, and takes the port of the option `flag` while it builds. Fails unless the demo then stops with an error that
/// names the port and the option. A script in place of cargo builds nothing, and waits until the port is taken.
#[track_caller]
fn assert_stops_if_taken_during_the_build(flag: &str) {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    mkfifo(&go, Mode::S_IRWXU).unwrap();
    let cargo = folder.path().join("cargo");
    // Only the first build waits.
    let script = "#!/bin/sh\n[ -p \"$GO\" ] || exit 0\necho building\ncat \"$GO\"\nrm \"$GO\"\n";
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let [web, push, publish] = free_addresses().map(|address| address.port());
    let ports = [
        ("--web-port", web),
        ("--push-port", push),
        ("--publish-port", publish),
    ];
    let mut command = Command::new(debug_program("xtask"));
    command.arg("demo").env("CARGO", &cargo).env("GO", &go);
    for (flag, port) in ports {
        command.args([flag, &port.to_string()]);
    }
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Background::start("xtask demo", &mut command).unwrap();
    let output = Log::follow(process.child().stdout.take().unwrap());
    let errors = Log::follow(process.child().stderr.take().unwrap());
    let building = output.find(BUILD_MS, |line| (line == "building").then_some(()));
    assert!(building.is_some(), "{}\n{}", output.text(), errors.text());
    let (_, port) = ports.into_iter().find(|(name, _)| *name == flag).unwrap();
    let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    fs::write(&go, "").unwrap();
    let status = process.wait(WAIT_MS).expect("the demo ends");
    assert_eq!(status.code(), Some(1), "{}", errors.text());
    let wanted = [&format!("port {port}"), flag];
    let said = errors.find(WAIT_MS, |line| {
        wanted.iter().all(|part| line.contains(part)).then_some(())
    });
    assert!(said.is_some(), "{}", errors.text());
    // The end of the output.
    assert_eq!(
        output.find(WAIT_MS, |line| line.contains("The blog:").then_some(())),
        None
    );
}

#[test]
fn a_port_that_is_taken_during_the_build_stops_it_before_it_says_that_it_runs() {
    for flag in ["--web-port", "--push-port", "--publish-port"] {
        assert_stops_if_taken_during_the_build(flag);
    }
}

#[test]
fn it_runs_the_blog_in_apache_and_sigterm_stops_both() {
    let mut demo = Demo::start(&["--apache"]);
    demo.assert_works();
    assert!(
        http::get(demo.blog, "/")
            .unwrap()
            .head
            .contains("Server: Apache")
    );
    let children = demo.pids();
    demo.process.signal(Signal::SIGTERM);
    demo.assert_ends(0, &children);
}

#[test]
fn if_one_process_dies_it_names_it_and_stops_the_other() {
    let demo = Demo::start(&[]);
    let children = demo.children();
    let (pushd, _) = children.iter().find(|(_, name)| name == "pushd").unwrap();
    kill(*pushd, Signal::SIGKILL).unwrap();
    let said = demo.errors.find(WAIT_MS, |line| {
        line.contains("pushd has ended by itself").then_some(())
    });
    assert!(said.is_some(), "{}", demo.errors.text());
    let pids: Vec<Pid> = children.iter().map(|(pid, _)| *pid).collect();
    demo.assert_ends(1, &pids);
}
