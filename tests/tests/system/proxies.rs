//! pushd behind Debian's nginx and Apache with HTTPS. The output of `pushd setup` works, and `pushd doctor` finds the
//! fault of an incomplete configuration.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::{self, Daemon};
use system_tests::front::{Front, Mpm, PROXY_MODULES};
use system_tests::publisher::publish_raw;
use system_tests::{WAIT_MS, program, workspace};
use xtask::process::wait_until;

/// Returns the output of `pushd setup` for a pushd at `listen`.
#[track_caller]
pub(super) fn setup(server: &str, listen: SocketAddr, path: &str) -> String {
    let mut command = daemon::command("pushd");
    command.args(["--config=/dev/null", "--listen", &listen.to_string()]);
    program::run(command.args(["setup", server, "--path", path]), WAIT_MS).success()
}

/// Returns both web servers, Apache with each processing module, in front of a pushd at `listen`.
fn fronts(listen: SocketAddr, path: &str) -> [(&'static str, Front); 3] {
    let (nginx, apache) = (setup("nginx", listen, path), setup("apache", listen, path));
    [
        ("nginx", Front::nginx(&nginx)),
        (
            "Apache, event",
            Front::apache(Mpm::Event, PROXY_MODULES, &apache),
        ),
        (
            "Apache, prefork",
            Front::apache(Mpm::Prefork, PROXY_MODULES, &apache),
        ),
    ]
}

/// Returns the doctor's output and whether it found no fault. The doctor trusts the front's certificate.
#[track_caller]
fn doctor(front: &Front, words: &[&str]) -> (Value, bool) {
    let mut command = daemon::command("pushd");
    command
        .env("SSL_CERT_FILE", front.certificate())
        .env("SSL_CERT_DIR", "/nonexistent");
    let ended = program::run(
        command
            .args(["--config=/dev/null", "doctor", "--json"])
            .args(words),
        4 * WAIT_MS,
    );
    let report = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr));
    (report, ended.status.success())
}

/// Panics unless the doctor finds this fault at the front's `/push`.
#[track_caller]
fn assert_fault(front: &Front, words: &[&str], step: &str, code: &str, part: &str) {
    let url = front.url("/push");
    let words = [&["--no-publish", url.as_str()], words].concat();
    let (report, is_ok) = doctor(front, &words);
    let last = report["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["step"], &last["code"]),
        (&json!(step), &json!(code)),
        "{report}"
    );
    let told = format!("{} {}", last["what"], last["todo"]);
    assert!(told.contains(part) && !is_ok, "`{part}` is missing: {told}");
}

#[test]
fn the_doctor_finds_no_fault_in_the_output_of_setup() {
    let daemon = Daemon::start();
    let publish = format!("--publish-address={}", daemon.publish);
    for path in ["/push", "/"] {
        for (name, front) in fronts(daemon.web, path) {
            // 3 s are more than the request timeouts of these Apaches.
            let (report, is_ok) = doctor(&front, &[&publish, "--idle=3", &front.url(path)]);
            assert!(is_ok, "{name} {path}: {report}");
            let steps = report["steps"].as_array().unwrap();
            assert!(
                steps.iter().all(|step| step["status"] == "ok"),
                "{name} {path}: {report}"
            );
            assert_eq!(steps.len(), 10, "{report}");
        }
    }
}

#[test]
fn the_path_works_without_its_slash_and_other_paths_are_the_sites() {
    let daemon = Daemon::start();
    for (name, front) in fronts(daemon.web, "/push") {
        let wss = front.url("/push").replace("https", "wss");
        let (report, is_ok) = doctor(&front, &["--no-publish", &wss]);
        assert!(is_ok, "{name}: {report}");
        let (report, is_ok) = doctor(&front, &["--no-publish", &front.url("/pushover")]);
        assert!(
            !is_ok && report.to_string().contains("not-proxied"),
            "{name}: {report}"
        );
    }
}

/// Publishes until the page shows the event. A connected page may still have a SUBSCRIBE that pushd has not read.
#[track_caller]
fn publish_until_shown(daemon: &Daemon, page: &mut Page, n: u32) {
    let shown = format!("Array.from(list.children, item => item.textContent).includes('{n}')");
    let came = wait_until(WAIT_MS, || {
        publish_raw(
            daemon.publish,
            &json!({"category": "t", "n": n}).to_string(),
        );
        page.evaluate(&shown) == json!(true)
    });
    assert!(
        came,
        "event {n} has not come to the page after {WAIT_MS} ms"
    );
}

#[test]
fn a_page_in_chromium_gets_events_by_wss_and_reconnects_after_a_restart() {
    let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
    for choose in [0, 1, 2] {
        let daemon = Daemon::start();
        let [nginx, event, prefork] = fronts(daemon.web, "/push");
        let (_, front) = [nginx, event, prefork].into_iter().nth(choose).unwrap();
        let mut page = browser.open(&front.url("/"));
        assert_eq!(
            page.evaluate("pusher.url"),
            json!(front.url("/push/").replace("https", "wss"))
        );
        page.wait_for("pusher.state === 'open'");
        publish_until_shown(&daemon, &mut page, 1);
        let daemon = daemon.kill_and_restart();
        page.wait_for("pusher.state === 'open'");
        publish_until_shown(&daemon, &mut page, 2);
    }
}

/// Accepts one request, and returns its head.
fn one_request() -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut chunk = [0; 4096];
        while !head.contains("\r\n\r\n") {
            let len = stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the web server hung up: {head}");
            head.push_str(std::str::from_utf8(&chunk[..len]).unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        head
    });
    (address, head)
}

#[test]
fn pushd_gets_the_host_and_the_clients_address() {
    for choose in [0, 1, 2] {
        let (address, request) = one_request();
        let (name, front) = fronts(address, "/push").into_iter().nth(choose).unwrap();
        doctor(&front, &["--no-publish", &front.url("/push")]);
        let head = request.join().unwrap().to_lowercase();
        assert!(
            head.starts_with("get /push/ http/1.1\r\n"),
            "{name}: {head}"
        );
        for header in [
            &format!("host: localhost:{}", front.https),
            &format!("origin: https://localhost:{}", front.https),
            "x-forwarded-for: 127.0.0.1",
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-protocol: wamp",
        ] {
            assert!(
                head.contains(&format!("\r\n{header}\r\n")),
                "{name}: {header}: {head}"
            );
        }
    }
}

#[test]
fn the_doctor_finds_a_web_server_that_forwards_nothing() {
    assert_fault(
        &Front::nginx(""),
        &[],
        "websocket",
        "not-proxied",
        "pusherd setup nginx",
    );
    assert_fault(
        &Front::apache(Mpm::Event, &[], ""),
        &[],
        "websocket",
        "not-proxied",
        "pusherd setup apache",
    );
}

#[test]
fn the_doctor_finds_a_lost_upgrade() {
    let daemon = Daemon::start();
    let nginx = Front::nginx(&format!(
        "location ^~ /push/ {{ proxy_pass http://{}; }}",
        daemon.web
    ));
    assert_fault(
        &nginx,
        &[],
        "websocket",
        "upgrade-lost",
        "proxy_set_header Upgrade $http_upgrade;",
    );
    let lines = format!("ProxyPass /push http://{}/push\n", daemon.web);
    let apache = Front::apache(Mpm::Event, PROXY_MODULES, &lines);
    assert_fault(
        &apache,
        &[],
        "websocket",
        "upgrade-lost",
        "upgrade=websocket",
    );
}

#[test]
fn the_doctor_finds_a_missing_module() {
    let daemon = Daemon::start();
    let lines = setup("apache", daemon.web, "/push");
    let apache = Front::apache(Mpm::Event, &["proxy"], &lines);
    assert_fault(
        &apache,
        &[],
        "websocket",
        "module-missing",
        "a2enmod proxy proxy_http",
    );
}

#[test]
fn the_doctor_finds_a_stopped_pushd_and_its_restart() {
    let daemon = Daemon::start();
    let fronts = fronts(daemon.web, "/push");
    let stopped = daemon.kill();
    for (_, front) in &fronts {
        assert_fault(front, &[], "websocket", "backend-down", "is pushd running");
    }
    // At once: a web server must not remember that pushd was absent.
    let _daemon = stopped.start_again();
    for (name, front) in &fronts {
        let (report, is_ok) = doctor(front, &["--no-publish", &front.url("/push")]);
        assert!(is_ok, "{name}: {report}");
    }
}

#[test]
fn the_doctor_finds_a_host_that_is_not_forwarded() {
    let daemon = Daemon::start();
    let nginx = setup("nginx", daemon.web, "/push");
    let nginx = nginx.replace("Host $http_host;", "Host site.internal;");
    assert_fault(
        &Front::nginx(&nginx),
        &[],
        "websocket",
        "origin-refused",
        "proxy_set_header Host",
    );
}

#[test]
fn the_doctor_finds_a_script_that_another_rule_serves() {
    let daemon = Daemon::start();
    let lines =
        setup("nginx", daemon.web, "/push").replace("location ^~ /push/", "location /push/");
    let front = Front::nginx(&lines);
    let (report, is_ok) = doctor(&front, &["--no-publish", &front.url("/push")]);
    let script = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["step"] == "script")
        .unwrap();
    assert_eq!(
        (&script["status"], is_ok),
        (&json!("warning"), true),
        "{report}"
    );
    assert!(
        script["todo"].as_str().unwrap().contains("location ^~"),
        "{script}"
    );
}

#[test]
fn the_doctor_finds_a_buffer_for_event_streams() {
    let daemon = Daemon::start();
    let ignores = "connect_timeout 5s; proxy_ignore_headers X-Accel-Buffering;";
    let lines = setup("nginx", daemon.web, "/push").replace("connect_timeout 5s;", ignores);
    let front = Front::nginx(&lines);
    let words = ["--no-publish", "--timeout=2", &front.url("/push")];
    let (report, is_ok) = doctor(&front, &words);
    let last = report["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["step"], &last["code"], is_ok),
        (&json!("stream"), &json!("stream-buffered"), true),
        "{report}"
    );
}

#[test]
fn the_doctor_finds_an_idle_time_out() {
    let daemon = Daemon::start();
    let nginx = setup("nginx", daemon.web, "/push")
        .replace("proxy_read_timeout 90s", "proxy_read_timeout 1s");
    let nginx = Front::nginx(&nginx);
    assert_fault(
        &nginx,
        &["--idle=20"],
        "idle",
        "idle-timeout",
        "proxy_read_timeout",
    );
    let apache = setup("apache", daemon.web, "/push").replace("timeout=90", "");
    let apache = Front::apache(Mpm::Event, PROXY_MODULES, &format!("Timeout 1\n{apache}"));
    assert_fault(
        &apache,
        &["--idle=20"],
        "idle",
        "idle-timeout",
        "timeout=90",
    );
}

#[test]
fn the_doctor_finds_the_right_port() {
    let daemon = Daemon::start();
    for (name, front) in fronts(daemon.web, "/push") {
        let plain = format!("ws://localhost:{}/push/", front.https);
        let (report, is_ok) = doctor(&front, &["--no-publish", &plain]);
        assert!(
            !is_ok && report.to_string().contains("needs-tls"),
            "{name}: {report}"
        );
        let redirected = format!("http://localhost:{}/push/", front.http);
        let (report, is_ok) = doctor(&front, &["--no-publish", &redirected]);
        assert!(
            !is_ok && report.to_string().contains("try the address with https"),
            "{name}: {report}"
        );
        let secure = format!("https://localhost:{}/push/", front.http);
        let (report, is_ok) = doctor(&front, &["--no-publish", &secure]);
        assert!(
            !is_ok && report.to_string().contains("not-tls"),
            "{name}: {report}"
        );
    }
}

#[test]
fn the_page_about_proxies_shows_the_output_of_setup() {
    let page = std::fs::read_to_string(workspace().root.join("crates/pushd/PROXIES.md")).unwrap();
    for server in ["nginx", "apache"] {
        let printed = setup(server, "0.0.0.0:8080".parse().unwrap(), "/push");
        assert!(
            page.contains(&format!("```{server}\n{printed}```\n")),
            "the block of {server} is another:\n{printed}"
        );
    }
}
