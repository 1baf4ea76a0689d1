//! `cargo xtask demo`, as typed by a newcomer.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::log::Log;
use system_tests::ports::free_port;
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
        let [web, push, publish] = [(); 3].map(|()| free_port());
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
        assert_eq!(http::get(self.blog, "/").unwrap().status, 200);
        Wamp::connect(self.push);
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
