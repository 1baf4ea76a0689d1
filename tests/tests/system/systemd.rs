//! The daemon with the test in the role of systemd: it passes sockets to the daemon, receives its notifications, and
//! restarts it while pages and publishers connect.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::daemon;
use system_tests::log::Log;
use system_tests::publisher::publish_raw_at;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact, program};
use tempfile::TempDir;
use xtask::http;
use xtask::process::Background;

/// Moves the sockets from standard input and output to the descriptors that systemd uses.
const HAND_OVER: &str =
    "exec 3<&0 4<&1 </dev/null >/dev/null; export LISTEN_PID=$$; exec \"$0\" \"$@\"";

/// Starts the daemon with these named sockets and flags.
fn start(sockets: [(&str, OwnedFd); 2], flags: &[&str]) -> (Background, Log) {
    let [(first_name, first), (second_name, second)] = sockets;
    let mut command = Command::new("sh");
    command
        .args(["-c", HAND_OVER])
        .arg(artefact("pushd"))
        .args(flags)
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", format!("{first_name}:{second_name}"))
        .env("NO_COLOR", "1")
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::from(first))
        .stdout(Stdio::from(second))
        .stderr(Stdio::piped());
    let mut process = Background::start("pushd", &mut command).unwrap();
    let stderr = process.child().stderr.take().unwrap();
    (process, Log::follow(stderr))
}

fn any_port() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn both_listeners_come_from_systemd() {
    let (public, web) = any_port();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock");
    let private = UnixListener::bind(&path).unwrap();
    let sockets = [("private", private.into()), ("public", public.into())];
    let (mut process, log) = start(sockets, &[]);
    assert_eq!(daemon::listening(&log, "browsers"), web);
    let mut browser = Wamp::subscribed(web, "t");
    publish_raw_at(&path, r#"{"category":"t"}"#);
    assert_eq!(browser.event("t"), json!({"category": "t"}));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
    assert!(path.exists(), "the socket is not the daemon's to remove");
}

#[test]
fn a_socket_without_a_name_is_an_error_with_advice() {
    let sockets = [
        ("public", any_port().0.into()),
        ("pushd.socket", any_port().0.into()),
    ];
    let (mut process, log) = start(sockets, &[]);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(1));
    let line = log.find(WAIT_MS, |line| {
        line.contains("pushd.socket").then(|| line.to_owned())
    });
    assert!(line.unwrap().contains("FileDescriptorName=private"));
}

/// The settings say 127.0.0.1, but the socket unit opened every address.
#[test]
fn unused_addresses_in_the_settings_cause_a_warning() {
    let (public, web) = any_port();
    let (private, publish) = any_port();
    let sockets = [("public", public.into()), ("private", private.into())];
    let publish = publish.to_string();
    let flags = ["--listen", "127.0.0.1:1", "--publish-listen", &publish];
    let (_process, log) = start(sockets, &flags);
    daemon::listening(&log, "publishers");
    let text = log.text();
    let warning = format!(
        "flag --listen: listen = 127.0.0.1:1 has no effect: systemd has opened {web} for browsers"
    );
    assert!(text.contains(&warning), "{text}");
    assert!(text.contains("systemctl edit pushd-public.socket"));
    assert!(!text.contains("publish-listen ="), "{text}");
}

/// The check before a start reads systemd's description of the units.
#[test]
fn check_and_doctor_report_socket_units_with_other_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let systemctl = folder.path().join("systemctl");
    let script = "#!/bin/sh\ncase $4 in\n\
                  pushd-public.socket) echo 'Listen=[::]:8080 (Stream)'; echo UnitFileState=enabled ;;\n\
                  *) echo 'Listen=127.0.0.1:5555 (Stream)'; echo ActiveState=inactive ;;\nesac\n";
    std::fs::write(&systemctl, script).unwrap();
    std::fs::set_permissions(&systemctl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = folder.path().join("pushd.toml");
    let run = |listen: &str, arguments: &[&str]| {
        let text = format!("listen = '{listen}'\npublish-listen = '127.0.0.1:1'\n");
        std::fs::write(&settings, text).unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut command = daemon::command("pusherd");
        command
            .env("PATH", format!("{}:{path}", folder.path().display()))
            .arg("--config")
            .arg(&settings)
            .args(arguments);
        program::run(&mut command, WAIT_MS)
    };
    let warning = "listen = 127.0.0.1:8080 has no effect: systemd has opened [::]:8080";
    let checked = run("127.0.0.1:8080", &["--check"]);
    assert!(checked.stderr.contains(warning), "{}", checked.stderr);
    assert_eq!(checked.success(), "the settings are right\n");
    let examined = run("127.0.0.1:8080", &["doctor", "http://127.0.0.1:1/"]);
    assert!(examined.stderr.contains(warning), "{}", examined.stderr);
    for listen in ["[::]:8080", "0.0.0.0:8080"] {
        let checked = run(listen, &["--check"]);
        assert_eq!(checked.stderr, "", "{listen}");
    }
}

#[test]
fn nobody_is_refused_while_it_starts_again() {
    const THREADS: usize = 4;
    const PAGES: usize = 50;
    let (public, web) = any_port();
    let (private, publish) = any_port();
    let start = || {
        let sockets = [
            ("public", public.try_clone().unwrap().into()),
            ("private", private.try_clone().unwrap().into()),
        ];
        // The limits allow for a busy machine, where a page may be slow between connect and request, and for this
        // test's slow page.
        start(sockets, &["--closing-grace", "1s"])
    };
    let (mut process, mut log) = start();
    daemon::listening(&log, "publishers");
    let (progress, came) = mpsc::channel();
    let come_in = move || {
        for page in 0..PAGES {
            let _welcomed = Wamp::connect(web);
            let receipt = http::post_json(publish, "/publish/t", "{}").unwrap();
            assert_eq!(receipt.status, 200, "{}", receipt.text());
            progress.send(page).unwrap();
        }
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|_| thread::spawn(come_in.clone()))
        .collect();
    drop(come_in);
    for _restart in 0..3 {
        let some = came.iter().take(PAGES).count();
        assert_eq!(some, PAGES, "a connection was refused");
        let slow = taken_in(publish);
        process.signal(Signal::SIGTERM);
        let ending = log.find(WAIT_MS, |line| line.contains("ending").then_some(()));
        assert!(ending.is_some(), "{}", log.text());
        is_heard(slow);
        assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
        (process, log) = start();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Connects a publisher that the daemon has accepted and that has sent nothing.
fn taken_in(publish: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(publish).unwrap();
    // The daemon accepts connections in order.
    let later = http::post_json(publish, "/publish/t", "{}").unwrap();
    assert_eq!(later.status, 200, "{}", later.text());
    stream
}

/// A slow publisher gets its receipt although the shutdown has begun.
fn is_heard(mut slow: TcpStream) {
    // Long enough that a daemon without a grace period would have closed.
    slow.set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let early = slow.read(&mut [0]);
    assert!(early.is_err(), "the daemon hangs up: {early:?}");
    slow.set_read_timeout(Some(Duration::from_millis(WAIT_MS)))
        .unwrap();
    let request = "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                   Content-Length: 2\r\n\r\n{}";
    slow.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(answer.escape_ascii().to_string(), "HTTP/1.1 200");
}

/// A socket that receives the messages for systemd.
struct Manager {
    _folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn listen(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(WAIT_MS)))
            .unwrap();
        command.env("NOTIFY_SOCKET", &path);
        Self {
            _folder: folder,
            socket,
        }
    }

    /// Returns the next message, of one line or several.
    fn message(&self) -> String {
        let mut bytes = [0; 4096];
        let len = self.socket.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..len]).trim_end().to_owned()
    }

    /// Returns the next message that is not a watchdog ping.
    fn news(&self) -> String {
        loop {
            match self.message() {
                ping if ping == "WATCHDOG=1" => {}
                news => return news,
            }
        }
    }
}

#[test]
fn it_notifies_systemd_of_its_state() {
    let mut command = daemon::command("pushd");
    command.args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"]);
    command.env("WATCHDOG_USEC", "400000");
    let manager = Manager::listen(&mut command);
    let (mut process, log) = daemon::start(&mut command);
    assert_eq!(manager.message(), "READY=1");
    let web = daemon::listening(&log, "browsers");
    let _browser = Wamp::connect(web);
    for _ in 0..3 {
        assert_eq!(manager.message(), "WATCHDOG=1");
    }
    process.signal(Signal::SIGHUP);
    let reloading = manager.news();
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(manager.news(), "READY=1");
    process.signal(Signal::SIGTERM);
    assert_eq!(manager.news(), "STOPPING=1");
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
}

#[test]
fn watchdog_and_notifications_go_on_after_an_upgrade() {
    let mut command = daemon::command("pushd");
    command.args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"]);
    command.env("WATCHDOG_USEC", "400000");
    let manager = Manager::listen(&mut command);
    let (mut process, log) = daemon::start(&mut command);
    assert_eq!(manager.message(), "READY=1");
    let web = daemon::listening(&log, "browsers");
    let _browser = Wamp::connect(web);
    for _ in 0..2 {
        process.signal(Signal::SIGUSR2);
        let reloading = manager.news();
        assert!(reloading.starts_with("RELOADING=1\n"), "{reloading}");
        assert_eq!(manager.news(), "READY=1");
        for _ in 0..3 {
            assert_eq!(manager.message(), "WATCHDOG=1");
        }
    }
    process.signal(Signal::SIGTERM);
    assert_eq!(manager.news(), "STOPPING=1");
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
}

#[test]
fn the_units_name_their_sockets() {
    let folder = system_tests::workspace().root.join("crates/pushd/systemd");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for name in ["public", "private"] {
        let unit = read(&format!("pushd-{name}.socket"));
        assert!(
            unit.contains(&format!("\nFileDescriptorName={name}\n")),
            "{unit}"
        );
        assert!(unit.contains("\nService=pushd.service\n"), "{unit}");
    }
    let service = read("pushd.service");
    for line in [
        "Type=notify",
        "WatchdogSec=30",
        "User=pushd",
        "RestartPreventExitStatus=2",
        // The order matters: if the settings are wrong, the reload fails before the signal is sent.
        "ExecReload=/usr/bin/pushd --check\nExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(service.contains(&format!("\n{line}\n")), "{line}");
    }
}
