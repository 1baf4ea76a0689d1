//! Reports without a fault, and mistakes in the command line.

use std::time::Duration;

use crate::support::{Meddling, Pushd, doctor, proxy, public, pushd};

#[test]
fn healthy_path_reports_each_step() {
    let daemon = Pushd::start(&[]);
    let found = doctor(&[&daemon.publish_address(), &daemon.url()]);
    assert_eq!(
        (found.code, &found.report["ok"]),
        (0, &true.into()),
        "{}",
        found.report
    );
    assert_eq!(found.report["url"], daemon.url());
    let steps = found.report["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "dns",
            "tcp",
            "websocket",
            "welcome",
            "script",
            "event",
            "stream"
        ]
    );
    for step in steps {
        assert_eq!(step["status"], "ok");
        assert!(step["ms"].is_u64() && step["todo"].is_null(), "{step}");
    }
    let event = found.step("event")["what"].as_str().unwrap();
    assert!(
        event.starts_with("published, 1 subscriber, event arrived after "),
        "{event}"
    );
    let stream = found.last()["what"].as_str().unwrap();
    let url = format!("http://{}/events", daemon.web);
    assert!(
        stream.starts_with(&format!("{url}: event arrived after ")),
        "{stream}"
    );
}

#[test]
fn text_report_has_a_line_per_step() {
    let daemon = Pushd::start(&[]);
    let url = format!("http://{}/site/page.php", daemon.web);
    let words = ["doctor", &daemon.publish_address(), &url, "--path=/push"];
    let output = pushd().args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some(format!("ws://{}/push/", daemon.web).as_str())
    );
    for start in [
        "DNS",
        "TCP",
        "WebSocket",
        "WELCOME",
        "pusher.js",
        "event      published, 1 subscriber",
        "stream     http://",
    ] {
        let line = lines.next().unwrap();
        assert!(line.starts_with(&format!("  ok       {start}")), "{line}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn pings_keep_an_idle_connection_open() {
    let daemon = Pushd::start(&["--ping-interval=200ms"]);
    let impatient = Meddling {
        idle: Some(Duration::from_secs(10)),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&daemon, impatient));
    let found = doctor(&["--no-publish", "--idle=2", &url]);
    assert_eq!(
        (found.code, &found.last()["step"]),
        (0, &"idle".into()),
        "{}",
        found.report
    );
    let what = found.last()["what"].as_str().unwrap();
    assert!(
        what.contains("after 2s") && !what.contains("with 0 pings"),
        "{what}"
    );
}

#[test]
fn proxy_that_closes_idle_connections_is_found() {
    let daemon = Pushd::start(&[]);
    let impatient = Meddling {
        idle: Some(Duration::from_millis(300)),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&daemon, impatient));
    let found = doctor(&["--no-publish", "--idle=3600", &url]);
    found.assert_fault("idle", "idle-timeout", "proxy_read_timeout");
}

#[test]
fn wrong_command_line_is_a_usage_error() {
    for (words, part) in [
        (&["site.example"][..], "begin with https"),
        (&[], "<URL>"),
        (&[], "pusherd doctor http://127.0.0.1:8080/"),
        (&["ws://127.0.0.1/", "--idle=0"], "--idle"),
        (&["ws://127.0.0.1/", "--idle=3601"], "--idle"),
        (&["ws://127.0.0.1/", "--timeout=0"], "--timeout"),
        (
            &["ws://127.0.0.1/", "--publish-address=nowhere"],
            "--publish-address",
        ),
        (&["ws://127.0.0.1/", "--path=push"], "/push"),
    ] {
        let output = pushd().arg("doctor").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(part), "{words:?}: {text}");
    }
}

#[test]
fn missing_script_is_a_warning() {
    let daemon = Pushd::start(&[]);
    let hides_scripts = Meddling {
        in_request: Some(("pusher.js", "gone.js")),
        ..Meddling::default()
    };
    let found = public(&format!("ws://{}/", proxy(&daemon, hides_scripts)));
    let script = found.step("script");
    assert_eq!(
        (&script["status"], &script["code"]),
        (&"warning".into(), &"script".into())
    );
    assert!(
        script["todo"]
            .as_str()
            .unwrap()
            .contains("new Pusher('ws://"),
        "{script}"
    );
    assert_eq!(found.code, 0);
}
