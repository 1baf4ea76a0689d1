//! The Redis server of the settings. The servers here imitate Redis; the system tests have a real one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Found, Pushd, doctor_with, pushd, server};

const HEALTHY: &str = "redis_version:7.0.15\r\nrole:master\r\nconnected_slaves:1\r\n\
                       slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n\
                       used_memory:1048576\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";

/// Starts a server that answers like Redis: with `info` to INFO, and with `error` to the command that it begins with.
fn redis(
    info: String,
    error: Option<(&'static str, &'static str)>,
    seconds_ahead: u64,
) -> SocketAddr {
    server(move |stream| {
        let answer = |command: &str| match (command, error) {
            (command, Some((refused, error))) if command == refused => format!("-{error}\r\n"),
            ("INFO", _) => format!("${}\r\n{info}\r\n", info.len()),
            ("TIME", _) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let seconds = (now.as_secs() + seconds_ahead).to_string();
                let micros = now.subsec_micros().to_string();
                format!(
                    "*2\r\n${}\r\n{seconds}\r\n${}\r\n{micros}\r\n",
                    seconds.len(),
                    micros.len()
                )
            }
            ("ZRANGEBYSCORE", _) => "*0\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        };
        answer_all(&stream, answer);
    })
}

/// Answers each command, by its name.
fn answer_all(stream: &TcpStream, answer: impl Fn(&str) -> String) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(head) = lines.next() {
        let count: usize = head.trim_start_matches('*').parse().unwrap();
        let mut words = Vec::new();
        for _ in 0..count {
            let _len = lines.next();
            words.extend(lines.next());
        }
        let mut stream = stream;
        let _ = stream.write_all(answer(&words[0]).as_bytes());
    }
}

/// Runs the doctor with settings that name this Redis. No pushd is there: the step after those of Redis fails.
#[track_caller]
fn with_redis(setting: &str) -> Found {
    doctor_with(
        pushd().env("PUSHD_REDIS", setting),
        &["--no-publish", "ws://127.0.0.1:1/"],
    )
}

#[track_caller]
fn with_info(info: String) -> Found {
    with_redis(&format!("redis://{}", redis(info, None, 0)))
}

#[test]
fn healthy_redis_reports_each_step() {
    let found = with_info(HEALTHY.to_owned());
    for (step, part) in [
        ("redis", "version 7.0.15"),
        ("replicas", "replicas: 1"),
        ("memory", "1024 KiB in use, no limit"),
        ("file", "is on"),
        ("clock", "differs"),
    ] {
        let step = found.step(step);
        assert_eq!(step["status"], "ok", "{step}");
        let what = step["what"].as_str().unwrap();
        assert!(what.contains(part), "{what}");
    }
    found.assert_fault("tcp", "tcp-refused", "127.0.0.1:1");
}

#[test]
fn redis_that_cannot_be_reached() {
    with_redis("redis://127.0.0.1:1").assert_fault("redis", "redis-refused", "Does Redis run");
    let missing = with_redis("unix:///nonexistent/redis.sock");
    missing.assert_fault("redis", "redis-refused", "unixsocketperm");
    let name = with_redis("redis://redis.invalid");
    name.assert_fault("redis", "redis-name", "redis.invalid has no address");
    let closes = server(drop);
    with_redis(&format!("redis://{closes}")).assert_fault("redis", "redis", "rediss://");
    with_redis(&format!("rediss://{closes}")).assert_fault("redis", "redis-tls", "SSL_CERT_FILE");
    let sentinel = with_redis("redis+sentinel://127.0.0.1:1/main");
    sentinel.assert_fault("redis", "redis-sentinel", "SENTINEL MASTERS");
}

#[test]
fn user_that_redis_refuses() {
    for (refused, error, code, part) in [
        (
            "AUTH",
            "WRONGPASS invalid username-password pair",
            "redis-password",
            "redis-password-file",
        ),
        (
            "INFO",
            "NOAUTH Authentication required.",
            "redis-password",
            "requirepass",
        ),
        (
            "INFO",
            "NOPERM this user has no permissions",
            "redis-acl",
            "OPERATING.md",
        ),
    ] {
        let address = redis(HEALTHY.to_owned(), Some((refused, error)), 0);
        let found = with_redis(&format!("redis://me:s3cret@{address}"));
        found.assert_fault("redis", code, part);
        assert!(
            !found.report.to_string().contains("s3cret"),
            "{}",
            found.report
        );
    }
}

#[test]
fn password_file_that_cannot_be_read() {
    let found = doctor_with(
        pushd()
            .env("PUSHD_REDIS", "redis://127.0.0.1:1")
            .env("PUSHD_REDIS_PASSWORD_FILE", "/nonexistent/password"),
        &["--no-publish", "ws://127.0.0.1:1/"],
    );
    found.assert_fault("redis", "redis-password-file", "/nonexistent/password");
}

#[test]
fn redis_that_pushd_cannot_use() {
    let replica = HEALTHY.replace(
        "role:master",
        "role:slave\r\nmaster_host:h\r\nmaster_port:1",
    );
    with_info(replica).assert_fault("redis", "redis-replica", "a replica of h:1");
    let old = HEALTHY.replace("7.0.15", "6.0.16");
    with_info(old).assert_fault("redis", "redis-version", "6.2 or newer");
}

#[test]
fn doubtful_settings_of_redis_are_warnings() {
    for (from, to, step, code) in [
        ("noeviction", "allkeys-lru", "memory", "redis-eviction"),
        ("lag=0", "lag=70", "replicas", "redis-replica-lag"),
    ] {
        let found = with_info(HEALTHY.replace(from, to));
        let step = found.step(step);
        assert_eq!(
            (&step["status"], &step["code"]),
            (&"warning".into(), &code.into())
        );
    }
    let ahead = redis(HEALTHY.to_owned(), None, 7);
    let found = with_redis(&format!("redis://{ahead}"));
    let clock = found.step("clock");
    assert_eq!(
        (&clock["status"], &clock["code"]),
        (&"warning".into(), &"redis-clock".into())
    );
}

#[test]
fn commands_that_are_not_allowed_are_not_checked() {
    let address = redis(
        HEALTHY.to_owned(),
        Some(("TIME", "NOPERM no permissions")),
        0,
    );
    let found = with_redis(&format!("redis://{address}"));
    let clock = found.step("clock");
    assert_eq!(clock["status"], "ok");
    assert!(
        clock["what"].as_str().unwrap().contains("not checked"),
        "{clock}"
    );
}

#[test]
fn daemon_without_redis_is_found() {
    let daemon = Pushd::start(&[]);
    let address = redis(HEALTHY.to_owned(), None, 0);
    let found = doctor_with(
        pushd().env("PUSHD_REDIS", format!("redis://{address}")),
        &[&daemon.publish_address(), &daemon.url()],
    );
    found.assert_fault("nodes", "redis-unused", "restart it");
}

/// A daemon that ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn password_is_printed_nowhere() {
    let refused = ("AUTH", "WRONGPASS invalid username-password pair");
    let address = redis(HEALTHY.to_owned(), Some(refused), 0);
    let url = format!("redis://me:s3cret@{address}");
    let doors = ["--listen=127.0.0.1:0", "--publish-listen=127.0.0.1:0"];
    let daemon = pushd()
        .env("PUSHD_REDIS", &url)
        .args(doors)
        .arg("--log=trace")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut daemon = Daemon(daemon);
    let mut lines = BufReader::new(daemon.0.stderr.take().unwrap()).lines();
    let mut printed = String::new();
    let mut until = |part: &str| {
        for line in lines.by_ref().map_while(Result::ok) {
            printed.push_str(&line);
            if line.contains(part) {
                return line;
            }
        }
        panic!("no {part} in {printed}");
    };
    let publish = until("listening for publishers");
    until("authentication failed");
    let (_, publish) = publish.split_once("address=").unwrap();
    let publish = &*format!("--publish-address={}", publish.trim());
    for words in [
        &["status", "--json", publish][..],
        &["status", publish],
        &["--print-config"],
        &["--check"],
        &["doctor", publish, "ws://127.0.0.1:1/"],
    ] {
        let ended = pushd().env("PUSHD_REDIS", &url).args(words).output();
        let ended = ended.unwrap();
        assert!(!ended.stdout.is_empty(), "{words:?}: {ended:?}");
        printed.push_str(&String::from_utf8_lossy(&ended.stdout));
        printed.push_str(&String::from_utf8_lossy(&ended.stderr));
    }
    drop(daemon);
    lines.for_each(|line| printed.push_str(&line.unwrap()));
    assert!(
        printed.contains(&format!("redis://me@{address}")),
        "{printed}"
    );
    assert!(!printed.contains("s3cret"), "{printed}");
}
