//! `kubernetes.yaml`.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::daemon::{self, listening};
use system_tests::document;
use system_tests::nodes::redis::Redis;
use system_tests::program::{self, Ended};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, workspace};
use xtask::process::wait_until;
use xtask::{http, pip};

use super::{duration, file, list, pushd, setting, settings, stop_time, text};

const VALIDATOR: &str = "kubernetes-validate==1.37.0";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn manifests() -> Vec<Value> {
    let name = "kubernetes.yaml";
    document::yaml(name, &fs::read_to_string(file(name)).unwrap())
}

#[track_caller]
fn manifest(kind: &str, name: &str) -> Value {
    let all = manifests();
    let found = all
        .into_iter()
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// Returns the pod of the Deployment `pushd`.
fn pod() -> Value {
    manifest("Deployment", "pushd")["spec"]["template"]["spec"].take()
}

fn container() -> Value {
    pod()["containers"][0].take()
}

/// Returns the environment of pushd's container, with the log in this Redis.
fn variables(redis: &str) -> Vec<(String, String)> {
    let container = container();
    let variable = |one: &Value| {
        let name = text(&one["name"]).to_owned();
        let secret = &one["valueFrom"]["secretKeyRef"];
        let value = match (name.as_str(), &one["value"]) {
            ("PUSHD_REDIS", _) => redis,
            ("PUSHD_PUBLISH_TOKEN", Value::Null) => {
                assert_eq!(
                    secret,
                    &json!({"name": "pushd-token", "key": "publish-token"})
                );
                TOKEN
            }
            (_, value) => text(value),
        };
        (name, value.to_owned())
    };
    list(&container, "/env").iter().map(variable).collect()
}

/// Checks manifests against the schemas of Kubernetes.
fn validate(manifests: &str) -> Ended {
    let python = pip::install(&workspace(), VALIDATOR).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifests.yaml");
    fs::write(&path, manifests).unwrap();
    let mut command = Command::new(python.with_file_name("kubernetes-validate"));
    program::run(command.arg("--strict").arg(path), WAIT_MS)
}

#[test]
fn kubernetes_knows_every_field() {
    let text = fs::read_to_string(file("kubernetes.yaml")).unwrap();
    validate(&text).success();
    let misspelt = text.replace("readinessProbe", "readynessProbe");
    assert!(misspelt != text && !validate(&misspelt).status.success());
}

#[test]
fn services_lead_to_ports_of_the_pods() {
    let all = manifests();
    let services: Vec<_> = all.iter().filter(|one| one["kind"] == "Service").collect();
    assert_eq!(services.len(), 3);
    for service in services {
        let selector = &service["spec"]["selector"];
        let deployment = all.iter().find(|one| {
            one["kind"] == "Deployment"
                && one["spec"]["template"]["metadata"]["labels"] == *selector
        });
        let deployment = deployment.unwrap_or_else(|| panic!("nothing for {service}"));
        assert_eq!(deployment["spec"]["selector"]["matchLabels"], *selector);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for port in list(service, "/spec/ports") {
            let name = &port["targetPort"];
            let ports = list(container, "/ports");
            assert!(ports.iter().any(|one| one["name"] == *name), "{service}");
        }
    }
    let backend =
        manifest("Ingress", "pushd")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
            .take();
    let service = manifest("Service", text(&backend["name"]));
    assert_eq!(service["spec"]["ports"][0]["name"], backend["port"]["name"]);
    let redis = json!({"name": "PUSHD_REDIS", "value": "redis://pushd-redis:6379"});
    assert!(list(&container(), "/env").contains(&redis));
    let port = manifest("Service", "pushd-redis")["spec"]["ports"][0]["port"].take();
    assert_eq!(port, 6379);
}

/// Who can write to Redis can publish without the token.
#[test]
fn only_pushd_reaches_redis() {
    let policy = manifest("NetworkPolicy", "pushd-redis");
    let labels = |name| {
        let deployment = manifest("Deployment", name);
        deployment["spec"]["template"]["metadata"]["labels"].clone()
    };
    let spec = &policy["spec"];
    assert_eq!(spec["podSelector"]["matchLabels"], labels("pushd-redis"));
    assert_eq!(spec["policyTypes"], json!(["Ingress"]));
    let from = json!([{"podSelector": {"matchLabels": labels("pushd")}}]);
    assert_eq!(
        spec["ingress"],
        json!([{"from": from, "ports": [{"port": "redis"}]}])
    );
}

/// Sends a request to the publish listener with this `Host`, as a publisher in the cluster does.
fn publish(address: SocketAddr, host: &str, token: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ])
    .args(["--json", "{\"n\":1}", "--header"])
    .arg(format!("Host: {host}:5555"))
    .arg("--header")
    .arg(format!("Authorization: Bearer {token}"))
    .arg(format!("http://{address}/publish/t"));
    program::run(&mut curl, WAIT_MS).success()
}

#[test]
fn pushd_runs_with_the_settings_and_answers_the_probes() {
    let redis = Redis::start();
    let mut command = pushd("pushd", &variables(&redis.url()));
    command.args(["--listen=127.0.0.1:0", "--publish-listen=127.0.0.1:0"]);
    // The harness reads this format only.
    command.arg("--log-format=human");
    let (mut process, log) = daemon::start(&mut command);
    let web = listening(&log, "browsers");
    let address = listening(&log, "publishers");

    let container = container();
    let status = |probe: &str| {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["port"], "publish");
        http::get(address, text(&get["path"])).unwrap().status
    };
    assert!(wait_until(WAIT_MS, || status("readinessProbe") == 200));
    assert_eq!(status("livenessProbe"), 200);

    let mut browser = Wamp::subscribed(web, "t");
    assert_eq!(publish(address, "pushd-publish", TOKEN), "200");
    assert_eq!(browser.event("t"), json!({"n": 1}));
    assert_eq!(
        publish(address, "pushd-publish", "another-token-of-32-characters"),
        "401"
    );
    assert_eq!(publish(address, "another-name", TOKEN), "403");

    // A restart would not help, so Kubernetes must not restart the pods.
    let _stopped = redis.kill();
    assert!(wait_until(WAIT_MS, || status("readinessProbe") == 503));
    assert_eq!(status("livenessProbe"), 200);

    let grace = pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
    process.signal(Signal::SIGTERM);
    let ended = process
        .wait(grace * 1000)
        .expect("it ends within the grace period");
    assert_eq!(ended.code(), Some(0), "{}", log.text());
}

#[test]
fn settings_are_those_of_the_ports_and_of_the_grace_period() {
    let settings = settings(&variables("redis://127.0.0.1:1"));
    let container = container();
    for (name, index) in [("listen", 0), ("publish-listen", 1)] {
        let port = &list(&container, "/ports")[index]["containerPort"];
        let address = setting(&settings, name);
        let is_open = address.contains(&format!("\"0.0.0.0:{port}\""));
        assert!(is_open, "{name} is {address}, not port {port}");
    }
    let sleep = list(&container, "/lifecycle/preStop/exec/command");
    assert_eq!(sleep[0], "sleep");
    let needed = duration(text(&sleep[1])) + stop_time(&settings);
    let grace = pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(
        Duration::from_secs(grace) > needed,
        "{grace} s, not {needed:?}"
    );
}
