//! `pushd doctor` finds the fault of an incomplete configuration.

use serde_json::json;
use system_tests::daemon::Daemon;
use system_tests::front::{Front, Mpm, PROXY_MODULES};

use super::{doctor, fronts, setup};

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
    assert_fault(
        &Front::caddy(""),
        &[],
        "websocket",
        "not-proxied",
        "pusherd setup caddy",
    );
    // HAProxy does not say its name.
    assert_fault(
        &Front::haproxy(""),
        &[],
        "websocket",
        "not-proxied",
        "nginx, apache, caddy or haproxy",
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
    let fronts: Vec<_> = fronts(daemon.web, "/push").collect();
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
    let haproxy =
        setup("haproxy", daemon.web, "/push").replace("timeout tunnel 90s", "timeout tunnel 1s");
    assert_fault(
        &Front::haproxy(&haproxy),
        &["--idle=20"],
        "idle",
        "idle-timeout",
        "timeout tunnel",
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
