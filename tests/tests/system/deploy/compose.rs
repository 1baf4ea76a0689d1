//! `compose.yaml`, and the site beside it.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use system_tests::daemon::{self, listening};
use system_tests::document;
use system_tests::nodes::redis::Redis;
use system_tests::php::{Application, Php, Server};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};
use xtask::http;
use xtask::process::wait_until;

use super::{duration, file, list, pushd, settings, stop_time, text};

/// Where the volume is in both containers.
const VOLUME: &str = "/run/pushd";
/// Where the site has the classes in plain PHP.
const CLASSES: &str = "/usr/local/lib/pusher";

fn services() -> Value {
    let mut documents = document::yaml(
        "compose.yaml",
        &fs::read_to_string(file("compose.yaml")).unwrap(),
    );
    documents[0]["services"].take()
}

/// Returns the environment of pushd's container, with another folder in place of the volume, and this Redis.
fn variables(folder: &str, redis: &str) -> Vec<(String, String)> {
    let services = services();
    let environment = services["pushd"]["environment"].as_object().unwrap();
    let variable = |(name, value): (&String, &Value)| {
        let value = match name.as_str() {
            "PUSHD_REDIS" => {
                assert_eq!(value, "redis://redis:6379");
                redis.to_owned()
            }
            _ => text(value)
                .replace(VOLUME, folder)
                // Another test may have the port.
                .replace("127.0.0.1:5555", "127.0.0.1:0"),
        };
        (name.clone(), value)
    };
    environment.iter().map(variable).collect()
}

/// docker-compose checks a file without an engine.
#[test]
fn docker_compose_accepts_the_file() {
    let text = fs::read_to_string(file("compose.yaml")).unwrap();
    for (text, is_valid) in [
        (text.clone(), true),
        (text.replace("healthcheck:", "healthchecks:"), false),
    ] {
        let folder = Application::of(&[("compose.yaml", &text)]);
        let mut command = Command::new("docker-compose");
        command
            .args(["config", "--quiet"])
            .current_dir(folder.path());
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.status.success(), is_valid, "{}", ended.stderr);
    }
}

#[test]
fn settings_are_right_and_the_grace_period_is_long_enough() {
    let settings = settings(&variables(VOLUME, "redis://127.0.0.1:1"));
    let services = services();
    let grace = duration(text(&services["pushd"]["stop_grace_period"]));
    assert!(grace > stop_time(&settings));
    for name in ["pushd", "site"] {
        let volumes = list(&services[name], "/volumes");
        assert!(
            volumes.contains(&json!(format!("publish:{VOLUME}"))),
            "{volumes:?}"
        );
    }
}

#[test]
fn the_site_publishes_over_the_socket() {
    let redis = Redis::start();
    let volume = tempfile::tempdir().unwrap();
    let folder = volume.path().to_str().unwrap();
    let variables = variables(folder, &redis.url());
    let mut command = pushd("pushd", &variables);
    let (_process, log) = daemon::start(command.arg("--listen=127.0.0.1:0"));
    let web = listening(&log, "browsers");

    let services = services();
    let health = list(&services["pushd"], "/healthcheck/test");
    assert_eq!(health[..2], [json!("CMD"), json!("pusherd")]);
    let words: Vec<&str> = health[2..].iter().map(text).collect();
    let healthy = wait_until(WAIT_MS, || {
        let ended = program::run(pushd("pusherd", &variables).args(&words), WAIT_MS);
        ended.status.success()
    });
    assert!(healthy, "{}", log.text());

    let page = fs::read_to_string(file("site/index.php")).unwrap();
    assert!(page.contains(CLASSES));
    let classes = workspace().root.join("php/src");
    let page = page.replace(CLASSES, classes.to_str().unwrap());
    let site = Application::of(&[("index.php", &page)]);
    let address = text(&services["site"]["environment"]["PUSH_ADDRESS"]).replace(VOLUME, folder);
    let environment = [("PUSH_ADDRESS", address)];
    let server = Server::start(&Php::plain(), site.path(), &environment);
    let mut browser = Wamp::subscribed(web, "messages");
    let answer = http::post(server.address, "/", "text=a+%3Ckitten%3E").unwrap();
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(browser.event("messages"), json!({"text": "a <kitten>"}));
    let shown = http::get(server.address, "/").unwrap().text();
    assert!(
        shown.contains("src=\"http://127.0.0.1:8080/pusher.js\""),
        "{shown}"
    );
}
