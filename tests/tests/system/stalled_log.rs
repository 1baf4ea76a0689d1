//! A log without a reader: a stopped `tee`, Ctrl-S, a stalled log driver. The daemon continues to serve, and ends
//! when it must.

use std::io::{BufRead, BufReader, Cursor, PipeReader, Read};
use std::net::SocketAddr;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use serde_json::Value;
use system_tests::WAIT_MS;
use system_tests::daemon::{self, metric};
use system_tests::log::Log;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::{Background, wait_until};

/// Capacity of the smallest pipe, in bytes.
const PIPE_LEN: i32 = 4096;

/// More than the log's queue takes. Each line has a topic of this length.
const LINES: usize = 1_500;
const TOPIC_LEN: usize = 1_000;

/// A daemon whose log is read up to `ready`, and no further.
struct Stalled {
    process: Background,
    web: SocketAddr,
    publish: SocketAddr,
    log: BufReader<PipeReader>,
}

impl Stalled {
    #[track_caller]
    fn start(format: &str, level: &str) -> Self {
        Self::start_with(format, level, OFlag::empty())
    }

    /// Starts such a daemon. The parent has set these flags on the open file.
    #[track_caller]
    fn start_with(format: &str, level: &str, flags: OFlag) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        fcntl(&reader, FcntlArg::F_SETPIPE_SZ(PIPE_LEN)).unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(flags)).unwrap();
        let mut command = daemon::command("pushd");
        command
            .args(["--listen=127.0.0.1:0", "--publish-listen=127.0.0.1:0"])
            .args(["--log-format", format, "--log", level])
            .stderr(writer);
        let process = Background::start("pushd", &mut command).unwrap();
        drop(command);
        // Without a buffer, which would read more than one line.
        let mut log = BufReader::with_capacity(1, reader);
        let mut beginning = String::new();
        while !beginning.contains("ready") {
            assert_ne!(log.read_line(&mut beginning).unwrap(), 0, "{beginning}");
        }
        let [web, publish] = match format {
            "json" => ["browsers", "publishers"].map(|whom| address_in_json(&beginning, whom)),
            _ => {
                let beginning = Log::follow(Cursor::new(beginning));
                ["browsers", "publishers"].map(|whom| daemon::listening(&beginning, whom))
            }
        };
        Self {
            process,
            web,
            publish,
            log: BufReader::new(log.into_inner()),
        }
    }

    /// Checks the functions that a site needs.
    #[track_caller]
    fn serves(&self) {
        let mut browser = Wamp::subscribed(self.web, "t");
        publish_raw(self.publish, r#"{"category":"t","n":1}"#);
        assert_eq!(browser.event("t")["n"], 1);
        assert_eq!(http::get(self.publish, "/healthz").unwrap().status, 200);
    }

    fn dropped(&self) -> u64 {
        metric(self.publish, "pushd_log_lines_dropped_total").expect("the metric")
    }

    /// Fills the pipe and the queue behind it.
    #[track_caller]
    fn drop_lines(&self) {
        let event = format!(r#"{{"category":"{}"}}"#, "x".repeat(TOPIC_LEN));
        let mut publisher = Publisher::connect(self.publish);
        publisher.send(event.repeat(LINES).as_bytes());
        assert!(
            wait_until(WAIT_MS, || self.dropped() > 0),
            "no line was dropped"
        );
    }

    #[track_caller]
    fn ends(&mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(WAIT_MS).expect("it ends");
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// Ends the daemon. Reads the log again, to its end.
    #[track_caller]
    fn rest(self) -> String {
        let mut log = String::new();
        let Self {
            mut process,
            log: mut reader,
            ..
        } = self;
        process.signal(Signal::SIGTERM);
        // The daemon waits for this before it ends.
        reader.read_to_string(&mut log).unwrap();
        let status = process.wait(WAIT_MS).expect("it ends");
        assert_eq!(status.code(), Some(0), "{status}");
        log
    }
}

fn address_in_json(log: &str, whom: &str) -> SocketAddr {
    let message = format!("listening for {whom}");
    let mut lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.find(|line| line["message"] == message).unwrap();
    line["address"].as_str().unwrap().parse().unwrap()
}

#[test]
fn refused_publishers_fill_the_pipe_and_everything_goes_on() {
    let mut daemon = Stalled::start("human", "info");
    for _ in 0..200 {
        publish_raw(daemon.publish, "{nope}");
    }
    daemon.serves();
    daemon.process.signal(Signal::SIGHUP);
    daemon.serves();
    daemon.ends();
}

#[test]
fn a_returning_reader_sees_the_number_of_dropped_lines() {
    for format in ["human", "json", "journald"] {
        let mut daemon = Stalled::start(format, "trace");
        daemon.drop_lines();
        daemon.serves();
        let mut seen = String::new();
        while !seen.contains("log lines were dropped") {
            let len = daemon.log.read_line(&mut seen).unwrap();
            assert_ne!(len, 0, "{format}: no line tells of the gap");
        }
        let line = seen.lines().last().unwrap();
        match format {
            "json" => {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["level"], "ERROR");
                assert!(line["lines"].as_u64().unwrap() > 0, "{line}");
            }
            "journald" => assert!(line.starts_with("<3>log lines were dropped"), "{line}"),
            _ => assert!(line.contains("ERROR log lines were dropped"), "{line}"),
        }
        // Lines keep their order, and later lines are logged again.
        daemon.serves();
        let rest = daemon.rest();
        assert!(rest.lines().last().unwrap().contains("ended"), "{format}");
        for line in seen.lines().chain(rest.lines()) {
            let is_whole = match format {
                "json" => serde_json::from_str::<Value>(line).is_ok(),
                "journald" => line.starts_with('<'),
                _ => line.starts_with("20"),
            };
            assert!(is_whole, "{format}: {line}");
        }
    }
}

#[test]
fn it_ends_although_the_log_was_never_read() {
    let mut daemon = Stalled::start("json", "trace");
    daemon.drop_lines();
    daemon.ends();
}

/// Node makes the pipes of its children non-blocking: a write to a full pipe fails.
#[test]
fn a_non_blocking_pipe_loses_no_line() {
    let daemon = Stalled::start_with("human", "trace", OFlag::O_NONBLOCK);
    const EVENTS: usize = 300;
    let event = format!(r#"{{"category":"{}"}}"#, "x".repeat(TOPIC_LEN));
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(event.repeat(EVENTS).as_bytes());
    // Many times the capacity of the pipe.
    let metrics = || http::get(daemon.publish, "/metrics").unwrap().text();
    let all = format!("pushd_events_total{{source=\"raw\"}} {EVENTS}\n");
    assert!(wait_until(WAIT_MS, || metrics().contains(&all)), "{all}");
    assert_eq!(daemon.dropped(), 0);
    let rest = daemon.rest();
    assert_eq!(rest.matches("published topic").count(), EVENTS, "{rest}");
}

/// Like a failing start, whose output is read only after its end.
#[test]
fn the_last_lines_of_a_failing_start_arrive() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    fcntl(&reader, FcntlArg::F_SETPIPE_SZ(PIPE_LEN)).unwrap();
    let mut command = daemon::command("pushd");
    command
        .args(["--listen=192.0.2.1:1", "--publish-listen=127.0.0.1:0"])
        .args(["--log", "error"])
        .stderr(writer);
    let mut process = Background::start("pushd", &mut command).unwrap();
    drop(command);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(1));
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    assert!(
        log.contains("ERROR") && log.contains("192.0.2.1:1"),
        "{log}"
    );
}
