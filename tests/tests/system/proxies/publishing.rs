//! Publishing over HTTPS, from a host that can run no daemon: the lines of `HOSTING.md`.

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::daemon::Daemon;
use system_tests::document;
use system_tests::front::{Front, Mpm, PROXY_MODULES};
use system_tests::php::Php;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};

use super::setup;

const PAGE: &str = "crates/pushd/HOSTING.md";
/// The token in the page.
const TOKEN: &str = "0000000000000000-put-your-own-here";
/// nginx merges the slashes of a path, and decodes it, unless it passes on the path as it came.
const TOPIC: &str = "http://example.com/kittens and cats?";

/// Starts a daemon with the token, and nginx with the lines of the page in front of it.
fn start() -> (Daemon, Front) {
    let daemon = Daemon::start_with(&["--publish-token", TOKEN]);
    let front = front(&daemon);
    (daemon, front)
}

/// Starts nginx with the lines of the page in front of a daemon.
#[track_caller]
pub(crate) fn front(daemon: &Daemon) -> Front {
    let publishing = document::block(PAGE, "nginx").code;
    assert!(publishing.contains("127.0.0.1:5555"), "{publishing}");
    let publishing = publishing.replace("127.0.0.1:5555", &daemon.publish.to_string());
    Front::nginx(&format!("{}{publishing}", setup("nginx", daemon.web, "/")))
}

/// Returns PHP, which trusts the front's certificate.
fn php(front: &Front) -> Php {
    Php::plain().set("openssl.cafile", front.certificate().display())
}

/// Returns code that loads the classes.
fn load() -> String {
    let file = workspace().root.join("php/src/pusher.php");
    format!("require '{}';", file.display())
}

/// Returns code that prints the answer to each call, or its code and message.
fn print(address: &str, token: &str, more: &str, calls: &[&str]) -> String {
    let calls: String = calls
        .iter()
        .map(|call| {
            format!(
                "try {{ echo json_encode({call}), \"\\n\"; }} \
                 catch (PusherException $e) {{ echo \"{{$e->getCode()}} {{$e->getMessage()}}\\n\"; }}"
            )
        })
        .collect();
    format!(
        "{} pusher_configure(['address' => '{address}', 'token' => '{token}', 'on_failure' => 'exception', {more}]); {calls}",
        load()
    )
}

/// Publishes an event. Panics unless it fails with this code and a message with this part, and without the token.
#[track_caller]
fn assert_failure(php: &Php, (address, token, more): (&str, &str, &str), code: &str, part: &str) {
    let said = php.print(&print(address, token, more, &["Pusher::publish('t', 1)"]));
    assert!(
        said.starts_with(&format!("{code} ")) && said.contains(part),
        "{said}"
    );
    assert!(!said.contains(token), "{said}");
}

#[test]
fn php_of_another_host_publishes_as_the_page_says() {
    let (daemon, front) = start();
    let mut lines = document::block(PAGE, "php").code;
    for (part, here) in [
        ("require __DIR__ . '/pusher/src/pusher.php';", load()),
        ("https://push.example.com", front.url("")),
    ] {
        assert!(lines.contains(part) && lines.contains(TOKEN), "{lines}");
        lines = lines.replace(part, &here);
    }
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    php(&front).set("allow_url_fopen", 0).print(&lines);
    assert_eq!(
        browser.event("kittensCategory"),
        json!({"title": "A new kitten"})
    );
}

#[test]
fn all_requests_of_php_pass_nginx() {
    let (daemon, front) = start();
    let mut browser = Wamp::subscribed(daemon.web, TOPIC);
    let many =
        format!("count(array_filter((new Pusher)->sendMany(array_fill(0, 300, ['{TOPIC}', 7]))))");
    let said = php(&front).print(&print(
        &front.url(""),
        TOKEN,
        "",
        &[
            &format!("Pusher::publish('{TOPIC}', ['n' => 1], '猫')->subscribers"),
            &format!("Pusher::publish('{TOPIC}', ['n' => 2], '猫')->sequence"),
            &many,
            &format!("Pusher::publish('{TOPIC}', str_repeat('x', 3000000))->sequence"),
            "strlen(Pusher::position()) > 17",
            "Pusher::revoke('7')",
            "Pusher::presence('t')",
        ],
    ));
    assert_eq!(browser.event(TOPIC), json!({"n": 1}));
    for _ in 0..300 {
        assert_eq!(browser.event(TOPIC), json!(7));
    }
    let (answers, refusal) = said.rsplit_once("-10 ").unwrap();
    assert_eq!(answers, "1\n1\n300\n302\ntrue\n0\n", "{said}");
    assert!(
        refusal.contains("presence_off: topic \\\"t\\\"")
            || refusal.contains("presence_off: topic \"t\""),
        "{refusal}"
    );
}

/// Apache closes a connection after 100 requests.
#[test]
fn many_requests_of_php_pass_other_web_servers() {
    let daemon = Daemon::start_with(&["--publish-token", TOKEN]);
    let publish = daemon.publish;
    let apache = format!("ProxyPass /publish/ http://{publish}/publish/ nocanon");
    let caddy = format!("reverse_proxy /publish/* {publish}");
    for front in [
        Front::apache(Mpm::Event, PROXY_MODULES, &apache),
        Front::apache(Mpm::Prefork, PROXY_MODULES, &apache),
        Front::caddy(&caddy),
    ] {
        let topic = "shop.example/新しい posts?";
        let mut browser = Wamp::subscribed(daemon.web, topic);
        let many = format!(
            "count(array_filter((new Pusher)->sendMany(array_map(fn ($n) => ['{topic}', $n], range(1, 450)))))"
        );
        let said = php(&front).print(&print(
            &front.url(""),
            TOKEN,
            "'timeout_ms' => 10000",
            &[&many],
        ));
        assert_eq!(said, "450\n");
        for n in 1..=450 {
            assert_eq!(browser.event(topic), json!(n));
        }
    }
}

#[test]
fn each_failure_is_named() {
    let (mut daemon, front) = start();
    let php = php(&front);
    let url = front.url("");
    assert_failure(
        &Php::plain(),
        (&url, TOKEN, ""),
        "-6",
        "certificate verify failed",
    );
    for (address, code, part) in [
        (url.replace("localhost", "127.0.0.1"), "-6", "did not match"),
        (
            "https://localhost:1".to_owned(),
            "-6",
            "can't connect to https://localhost:1 ",
        ),
        (
            format!("http://localhost:{}", front.http),
            "-9",
            "redirects to \"https://localhost:",
        ),
        (front.url("/elsewhere"), "-9", "port for browsers answered"),
    ] {
        assert_failure(&php, (&address, TOKEN, ""), code, part);
    }
    let other = TOKEN.replace('0', "1");
    assert_failure(
        &php,
        (&url, &other, ""),
        "-10",
        "denied: the token is wrong",
    );
    daemon.freeze();
    let start = Instant::now();
    assert_failure(
        &php,
        (&url, TOKEN, "'timeout_ms' => 500"),
        "-7",
        "may or may not have been published",
    );
    // nginx waits for a minute.
    assert!(start.elapsed() < Duration::from_millis(WAIT_MS));
    daemon.thaw();
    let _stopped = daemon.kill();
    assert_failure(&php, (&url, TOKEN, ""), "-8", "HTTP status 502");
}

#[test]
fn a_page_of_the_web_server_is_no_answer() {
    let front =
        Front::nginx("location ^~ /publish/ { default_type text/html; return 200 '<h1>Welcome'; }");
    assert_failure(
        &php(&front),
        (&front.url(""), TOKEN, ""),
        "-9",
        "<h1>Welcome",
    );
}

#[test]
fn nothing_else_of_the_port_is_open() {
    let (_daemon, front) = start();
    let authorization = format!("Authorization: Bearer {TOKEN}");
    for (method, path) in [
        ("GET", "/publish/t"),
        ("GET", "/status.json"),
        ("GET", "/metrics"),
        ("GET", "/publish/../metrics"),
        ("GET", "/publish/%2e%2e/metrics"),
        ("POST", "/reload"),
        ("POST", "/publish/..%2freload"),
        ("POST", "/close/0123456789abcdef0123456789abcdef"),
        ("GET", "/history/t"),
        ("GET", "/position/../metrics"),
        ("GET", "/revoke/../metrics"),
    ] {
        let words = [
            "--request",
            method,
            "--header",
            &authorization,
            "--path-as-is",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ];
        let status = program::run(&mut front.curl(&words, path), WAIT_MS).success();
        let status: u16 = status.parse().unwrap();
        assert!((400..500).contains(&status), "{method} {path}: {status}");
    }
}
