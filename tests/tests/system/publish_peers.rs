//! The publish listener with other programs: ZeroMQ from PHP and Python, unix sockets, curl, nc, and HTTP in PHP.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::daemon::{self, Daemon};
use system_tests::log::Log;
use system_tests::php::{Application, Php};
use system_tests::program;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::wamp::Wamp;
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

/// The recipe's `post.php`, unchanged except for the address and the posted values.
const POST_PHP: &str = r#"
$entryData = array(
    'category' => $_POST['category'],
    'title'    => $_POST['title'],
    'article'  => $_POST['article'],
    'when'     => time()
);
$context = new ZMQContext();
$socket = $context->getSocket(ZMQ::SOCKET_PUSH, 'my pusher');
$socket->connect("tcp://ADDRESS");
$socket->send(json_encode($entryData));
"#;

const POSTED: &str = "$_POST = ['category' => 't', 'title' => '子猫', 'article' => '🐈'];";

fn post_php(daemon: &Daemon) -> String {
    let address = daemon.publish.to_string();
    format!("{POSTED}{}", POST_PHP.replace("ADDRESS", &address))
}

/// Runs Python with Debian's pyzmq. The daemon's address replaces `ADDRESS` in the code.
#[track_caller]
fn python(daemon: &Daemon, code: &str) {
    let address = format!("'{}'", daemon.push_address());
    let before = "import zmq\ncontext = zmq.Context()\n";
    let code = format!("{before}{}", code.replace("ADDRESS", &address));
    let mut command = Command::new("/usr/bin/python3");
    program::run(command.args(["-c", &code]), WAIT_MS).success();
}

#[test]
fn the_recipes_post_php_works_unchanged_and_ends() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    for _ in 0..3 {
        Php::plain().print(&post_php(&daemon));
        let event = browser.event("t");
        assert_eq!(
            (&event["title"], &event["article"]),
            (&"子猫".into(), &"🐈".into())
        );
    }
}

#[test]
fn the_recipes_post_php_works_in_apache() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let page = format!("<?php {}", post_php(&daemon));
    let application = Application::of(&[("post.php", &page)]);
    let apache = Php::plain().apache(application.path(), ".", &[]);
    for _ in 0..3 {
        let answer = http::get(apache.address, "/post.php").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(browser.event("t")["title"], "子猫");
    }
}

#[test]
fn events_sent_by_php_before_pushd_listens_arrive_later() {
    let daemon = Daemon::start_with(&["--log", "trace"]);
    let code = format!("{} echo \"sent\\n\";", post_php(&daemon));
    let stopped = daemon.kill();
    let mut command = Php::plain().command();
    command.args(["-r", &code]).stdout(Stdio::piped());
    let mut script = Background::start("post.php", &mut command).unwrap();
    let output = Log::follow(script.child().stdout.take().unwrap());
    let sent = output.find(WAIT_MS, |line| (line == "sent").then_some(()));
    assert!(sent.is_some() && script.exited().unwrap().is_none());
    let daemon = stopped.start_again();
    daemon.wait_for_log("published");
    assert!(script.wait(WAIT_MS).is_some_and(|status| status.success()));
}

#[test]
fn php_sends_parts_and_large_messages() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let code = format!(
        "$push = (new ZMQContext())->getSocket(ZMQ::SOCKET_PUSH);
         $push->connect('{}');
         $push->sendmulti(['t', '{{\"n\":1.0}}']);
         $push->send(json_encode(['category' => 't', 'text' => str_repeat('x', 100000)]));
         $push->sendmulti(['t', json_encode(str_repeat('x', 500000))]);",
        daemon.push_address()
    );
    Php::plain().print(&code);
    assert_eq!(browser.message_text(), r#"[8,"t",{"n":1.0}]"#);
    let event = browser.event("t");
    assert_eq!(event["text"].as_str().map(str::len), Some(100_000));
    assert_eq!(browser.event("t").as_str().map(str::len), Some(500_000));
}

#[test]
fn python_sends_parts_large_messages_and_heartbeats() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    python(
        &daemon,
        "
push = context.socket(zmq.PUSH)
push.heartbeat_ivl, push.heartbeat_ttl, push.heartbeat_timeout = 50, 2000, 1000
monitor = push.get_monitor_socket(zmq.EVENT_DISCONNECTED)
push.connect(ADDRESS)
push.send_json({'category': 't', 'n': 0})
push.send_multipart([b't', b'[1]'])
push.send_json({'category': 't', 'text': 'x' * 100000})
# Forty heartbeats long nothing else is said, and the connection stays.
assert monitor.poll(2000) == 0
for n in range(1000):
    push.send_json({'category': 't', 'n': n})
",
    );
    assert_eq!(browser.event("t")["n"], 0);
    assert_eq!(browser.event("t")[0], 1);
    let event = browser.event("t");
    assert_eq!(event["text"].as_str().map(str::len), Some(100_000));
    for n in 0..1000 {
        assert_eq!(browser.event("t")["n"], n);
    }
}

#[test]
fn several_sockets_and_an_invalid_message() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    python(
        &daemon,
        "
others = [context.socket(zmq.PUSH) for _ in range(20)]
for other in others:
    other.connect(ADDRESS)
for n, other in enumerate(others):
    other.send(b'no JSON')
    other.send_multipart([b't', b'1', b'2'])
    other.send_multipart([b't', str(n).encode()])
# Python does not wait at its end until everything has left.
context.destroy()
",
    );
    let mut came: Vec<_> = (0..20).map(|_| browser.event("t").as_u64()).collect();
    came.sort_unstable();
    assert!(came.into_iter().eq((0..20).map(Some)));
    daemon.wait_for_log("dropping a message of a ZeroMQ publisher");
}

#[test]
fn sockets_of_other_types_and_mechanisms_are_refused() {
    let daemon = Daemon::start();
    for (code, told) in [
        ("other = context.socket(zmq.PUB)", "the peer's is PUB"),
        ("other = context.socket(zmq.DEALER)", "the peer's is DEALER"),
        (
            "other = context.socket(zmq.PUSH); other.plain_username = b'u'; other.plain_password = b'p'",
            "the peer's is PLAIN",
        ),
    ] {
        let code = format!(
            "
{code}
monitor = other.get_monitor_socket(zmq.EVENT_DISCONNECTED)
other.connect(ADDRESS)
assert monitor.poll(10000)
other.close(linger=0)
"
        );
        python(&daemon, &code);
        daemon.wait_for_log(told);
    }
    let mut browser = Wamp::subscribed(daemon.web, "t");
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    browser.event("t");
}

/// Returns a daemon that also listens on a unix socket, the socket's folder, and its path.
fn on_unix_socket() -> (Daemon, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock").display().to_string();
    let flag = format!("--publish-listen=unix:{path}");
    let daemon = Daemon::start_with(&[&flag, "--publish-mode=0666"]);
    daemon.wait_for_log(&format!("listening for publishers address=unix:{path}"));
    (daemon, folder, path)
}

fn php_writes_to(path: &str, json: &str) {
    let code = format!("fwrite(stream_socket_client('unix://{path}'), '{json}');");
    Php::plain().print(&code);
}

#[test]
fn php_publishes_through_a_unix_socket_and_the_log_names_the_peer() {
    let (daemon, _folder, path) = on_unix_socket();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    php_writes_to(&path, r#"{"category":"t","n":1}"#);
    assert_eq!(browser.event("t")["n"], 1);
    publish_raw(daemon.publish, r#"{"category":"t","n":2}"#);
    assert_eq!(browser.event("t")["n"], 2);
    php_writes_to(&path, "{}");
    let line = daemon.wait_for_log("no member");
    let uid = nix::unistd::getuid();
    assert!(line.contains(&format!("uid {uid}, pid ")), "{line}");
}

#[test]
fn a_unix_socket_stays_after_a_crash_and_goes_with_a_shutdown() {
    let (daemon, _folder, path) = on_unix_socket();
    let stopped = daemon.kill();
    assert!(
        Path::new(&path).exists(),
        "a killed daemon cannot remove it"
    );
    let mut daemon = stopped.start_again();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    php_writes_to(&path, r#"{"category":"t"}"#);
    browser.event("t");

    let mut second = daemon::command("pushd");
    second.args(["--listen=127.0.0.1:0", "--publish-listen"]);
    let ended = program::run(second.arg(format!("unix:{path}")), WAIT_MS);
    assert_eq!(ended.status.code(), Some(1));
    let told = format!("unix:{path}: another process is already listening there");
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);

    assert_eq!(daemon.end_by(Signal::SIGTERM).code(), Some(0));
    assert!(!Path::new(&path).exists());
}

#[test]
fn an_impossible_unix_socket_is_an_error_with_path_and_advice() {
    for (flags, told) in [
        (
            &["--publish-listen=unix:/no/such/folder/p"][..],
            "the folder must exist",
        ),
        (
            &["--publish-listen=unix:/etc/passwd"],
            "remove it, or choose",
        ),
        (&["--publish-listen=unix:p"], "must be absolute"),
        (&["--publish-mode=rw"], "three octal digits"),
        (&["--publish-group=no-such-group"], "no group no-such-group"),
    ] {
        let mut command = daemon::command("pushd");
        let ended = program::run(command.arg("--listen=127.0.0.1:0").args(flags), WAIT_MS);
        assert!(!ended.status.success(), "{flags:?}");
        let value = flags[0].split_once('=').unwrap().1;
        assert!(ended.stderr.contains(value), "{}", ended.stderr);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

/// Runs curl. Returns its output: the body of the answer, and the status on its own line.
#[track_caller]
fn curl(arguments: &[&str]) -> (String, u16) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--write-out", "\\n%{http_code}"]);
    let printed = program::run(command.args(arguments), WAIT_MS).success();
    let (body, status) = printed.rsplit_once('\n').unwrap();
    (body.trim_end().to_owned(), status.parse().unwrap())
}

#[test]
fn curl_publishes_and_gets_a_receipt() {
    let (daemon, folder, path) = on_unix_socket();
    let mut browser = Wamp::subscribed(daemon.web, "子猫");
    let address = format!("http://{}", daemon.publish);
    let url = format!("{address}/publish/%E5%AD%90%E7%8C%AB");
    let is_receipt = |(body, status): (String, u16), n: u64| {
        let begin = format!(r#"{{"sequence":{n},"subscribers":1,"position":""#);
        assert!(body.starts_with(&begin) && status == 200, "{status} {body}");
    };
    is_receipt(curl(&[&url, "--json", r#"{"title":"🐈"}"#]), 1);
    assert_eq!(browser.event("子猫")["title"], "🐈");
    // curl announces a long body before it sends it.
    let long = file(&folder, &format!("\"{}\"", "x".repeat(1_040_000)));
    let from_file = format!("@{long}");
    is_receipt(curl(&[&url, "--json", &from_file]), 2);
    assert_eq!(
        browser.event("子猫").as_str().map(str::len),
        Some(1_040_000)
    );
    let local = "http://pushd/publish/%E5%AD%90%E7%8C%AB";
    let by_socket = ["--unix-socket", &path, local, "--json", "1"];
    is_receipt(curl(&by_socket), 3);
    assert_eq!(browser.event("子猫"), 1);
    let health = (r#"{"status":"ok"}"#.to_owned(), 200);
    assert_eq!(curl(&[&format!("{address}/healthz")]), health);
}

/// Writes a file with this content. Returns its path.
fn file(folder: &TempDir, content: &str) -> String {
    let path = folder.path().join("event.json");
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[test]
fn curl_gets_the_reason_of_an_error() {
    let (daemon, folder, _path) = on_unix_socket();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let url = format!("http://{}/publish/t", daemon.publish);
    let too_long = file(&folder, &format!("\"{}\"", "x".repeat(4 << 20)));
    let too_long = format!("@{too_long}");
    let json = "Content-Type: application/json";
    for (arguments, status, reason) in [
        (&["-d", "{}"][..], 415, "application/json"),
        (&[], 405, "only POST"),
        (&["--json", "{"], 400, "not valid JSON"),
        (&["--json", &too_long], 413, "at most 3145728"),
        (
            &["--json", &too_long, "-H", "Expect:"],
            413,
            "at most 3145728",
        ),
        (
            &["--json", "{}", "-H", "Content-Encoding: br"],
            415,
            "Content-Encoding",
        ),
        (
            &["--json", "{}", "-H", "Origin: http://a.example"],
            403,
            "page",
        ),
        (&["--json", "{}", "-H", "Host: a.example"], 403, "a.example"),
        (&["-H", json, "-X", "POST"], 411, "Content-Length"),
    ] {
        let answer = curl(&[&[url.as_str()], arguments].concat());
        assert_eq!(answer.1, status, "{arguments:?}: {answer:?}");
        assert!(answer.0.contains(reason), "{arguments:?}: {answer:?}");
        daemon.wait_for_log(&format!("refusing an HTTP request with {status}: "));
    }
    assert_eq!(curl(&[&url, "--json", "7"]).1, 200);
    assert_eq!(browser.event("t"), 7, "nothing came before it");
}

/// Java's and .NET's clients and HTTP proxies send these headers too.
#[test]
fn curl_may_offer_http_2_send_chunks_and_whole_urls() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let url = format!("http://{}/publish/t", daemon.publish);
    let events: [&[&str]; 4] = [
        &["--http2"],
        &["-H", "Transfer-Encoding: chunked"],
        &["--http1.0"],
        &["--request-target", &url, "-H", "Host: proxy.example.org"],
    ];
    for (n, arguments) in events.iter().enumerate() {
        let event = n.to_string();
        let answer = curl(&[&[url.as_str(), "--json", &event], *arguments].concat());
        assert_eq!(answer.1, 200, "{arguments:?}: {answer:?}");
        assert_eq!(browser.event("t"), n);
    }
}

#[test]
fn php_publishes_by_http_without_any_extension() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let code = format!(
        "$context = stream_context_create(['http' => [
             'method' => 'POST', 'header' => 'Content-Type: application/json',
             'content' => json_encode(['title' => '子猫'])]]);
         echo file_get_contents('http://{}/publish/t', false, $context);",
        daemon.publish
    );
    let receipt = Php::plain().print(&code);
    let begin = "{\"sequence\":1,\"subscribers\":1,\"position\":\"";
    assert!(receipt.starts_with(begin), "{receipt}");
    assert_eq!(browser.event("t")["title"], "子猫");
}

#[test]
fn nc_publishes_raw_json() {
    let (daemon, _folder, path) = on_unix_socket();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let (ip, port) = (daemon.publish.ip(), daemon.publish.port());
    for (n, nc) in [
        format!("nc.openbsd -N {ip} {port}"),
        format!("nc.openbsd -NU {path}"),
    ]
    .iter()
    .enumerate()
    {
        let line = format!("echo '{{\"category\":\"t\",\"n\":{n}}}' | {nc}");
        program::run(Command::new("sh").args(["-c", &line]), WAIT_MS).success();
        assert_eq!(browser.event("t")["n"], n);
    }
}

#[test]
fn a_flood_of_mistakes_does_not_fill_the_log() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let mistakes: [&[u8]; 4] = [b"{nope}", b"[nope]", b"GET /\r\n\r\n", b"\xff123456788"];
    let mistake = |n: usize| {
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.try_send(mistakes[n % mistakes.len()]);
        publisher.until_closed();
    };
    (0..500).for_each(mistake);
    // Later, the rate limit allows a line again, which has the number of omitted lines.
    let told = wait_until(WAIT_MS, || {
        mistake(0);
        daemon.log().contains("left_out=")
    });
    assert!(told, "{}", daemon.log());
    let lines = daemon.log().matches("WARN").count();
    assert!((100..300).contains(&lines), "{lines} lines");
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    browser.event("t");
}

#[test]
fn other_machines_need_a_token_to_publish() {
    let open_to_all = ["--listen=127.0.0.1:0", "--publish-listen=0.0.0.0:0"];
    let ended = program::run(daemon::command("pushd").args(open_to_all), WAIT_MS);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("0.0.0.0:0"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("PUSHD_PUBLISH_TOKEN"),
        "{}",
        ended.stderr
    );

    let mut command = daemon::command("pushd");
    command
        .args(open_to_all)
        .env("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests");
    let (_process, log) = daemon::start(&mut command);
    let port = daemon::listening(&log, "publishers").port();
    let mut browser = Wamp::subscribed(daemon::listening(&log, "browsers"), "t");
    let url = format!("http://127.0.0.1:{port}/publish/t");
    assert_eq!(curl(&[&url, "--json", "1"]).1, 401);
    let wrong = [&url, "--json", "2", "-H", "Authorization: Bearer wrong"];
    assert_eq!(curl(&wrong).1, 401);
    let right = [
        &url,
        "--json",
        "3",
        "-H",
        "Authorization: Bearer s3cret-token-for-tests",
    ];
    assert_eq!(curl(&right).1, 200);
    assert_eq!(browser.event("t"), 3, "nothing came before it");
    assert!(!log.text().contains("s3cret"));
}

/// The daemon refuses the handshake, so the socket keeps its messages instead of losing them.
#[test]
fn a_zeromq_socket_is_refused_if_a_token_is_required() {
    let daemon = Daemon::start_with(&["--publish-token=s3cret-token-for-tests"]);
    let code = "
push = context.socket(zmq.PUSH)
monitor = push.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
push.connect(ADDRESS)
assert monitor.poll(10000)
assert zmq.utils.monitor.recv_monitor_message(monitor)['event'] == zmq.EVENT_DISCONNECTED
push.close(linger=0)
";
    python(&daemon, &format!("import zmq.utils.monitor\n{code}"));
    daemon.wait_for_log("cannot carry the token");
}
