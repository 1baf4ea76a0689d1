//! The files for Prometheus and Grafana. A Prometheus loads them, and evaluates them with the metrics of a pushd.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use system_tests::daemon::Daemon;
use system_tests::ports::free_addresses;
use system_tests::{WAIT_MS, program, workspace};
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

const CONFIGURATION: &str = "prometheus.yml";
const RULES: &str = "pushd.rules.yml";
const DASHBOARD: &str = "grafana-dashboard.json";
/// Time limit for promtool, a program of 48 MB that a busy machine loads slowly.
const PROMTOOL_MS: u64 = 60_000;

fn folder() -> PathBuf {
    workspace().root.join("crates/pushd/monitoring")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

#[track_caller]
fn promtool(words: &[&str]) -> String {
    let mut command = Command::new("promtool");
    command.args(words).current_dir(folder());
    program::run(&mut command, PROMTOOL_MS).success()
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", RULES]);
    promtool(&["check", "config", CONFIGURATION]);
    promtool(&["test", "rules", "pushd.rules.test.yml"]);
}

/// Returns the names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("pushd_") || word.starts_with("process_"))
        .collect()
}

/// A pushd with a certificate, which has one more metric.
struct Pushd {
    daemon: Daemon,
    _certificate: TempDir,
}

impl Pushd {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let path = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (chain, key) = (path("chain", chain), path("key", key.serialize_pem()));
        let flags = ["--tls-certificate", &chain, "--tls-key", &key];
        Self {
            daemon: Daemon::start_with(&flags),
            _certificate: folder,
        }
    }
}

#[test]
fn every_metric_exists() {
    let pushd = Pushd::start();
    let page = http::get(pushd.daemon.publish, "/metrics").unwrap().text();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<&str> = samples
        .map(|line| line.split([' ', '{']).next().unwrap())
        .collect();
    for file in [RULES, "pushd.rules.test.yml", DASHBOARD] {
        let text = read(file);
        let used = metrics(&text);
        assert!(used.len() > 10, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    // A label with another value would never match. Values with a count of 0 are shown, too.
    let rules = read(RULES);
    let selectors = rules.split("{reason=\"").skip(1);
    for reason in selectors.map(|rest| rest.split('"').next().unwrap()) {
        assert!(
            page.contains(&format!("{{reason=\"{reason}\"}}")),
            "{reason}"
        );
    }
}

/// Returns all values of this key, at any depth.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| all(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

/// Returns the queries of the dashboard, with values in place of Grafana's variables.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut found = Vec::new();
    all(&dashboard["panels"], "expr", &mut found);
    let texts = found.into_iter().map(|query| query.as_str().unwrap());
    texts
        .map(|query| {
            let query = query.replace("$instance", ".*");
            query.replace("$__rate_interval", "5s")
        })
        .collect()
}

#[test]
fn panels_of_the_dashboard_have_ids_and_places_of_their_own() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{panel} covers another panel");
        }
        let is_row = panel["type"] == "row";
        let targets = panel["targets"].as_array().map_or(0, Vec::len);
        assert!(is_row || targets > 0, "{panel}");
        assert!(is_row || !panel["description"].as_str().unwrap().is_empty());
    }
}

/// A Prometheus with the configuration of this repository, except for addresses and intervals.
struct Prometheus {
    address: SocketAddr,
    process: Background,
    _folder: TempDir,
}

impl Prometheus {
    fn start(pushd: &Pushd) -> Self {
        let own = tempfile::tempdir().unwrap();
        let target = pushd.daemon.publish.to_string();
        let configuration = read(CONFIGURATION).replace("127.0.0.1:5555", &target);
        let configuration = configuration.replace("15s", "1s");
        fs::write(own.path().join(CONFIGURATION), configuration).unwrap();
        fs::copy(folder().join(RULES), own.path().join(RULES)).unwrap();
        let [address] = free_addresses();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={CONFIGURATION}"))
            .arg(format!("--web.listen-address={address}"))
            .arg("--storage.tsdb.path=data")
            .current_dir(own.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Background::start("prometheus", &mut command).unwrap();
        Self {
            address,
            process,
            _folder: own,
        }
    }

    /// Returns the fields of all rules, after their first evaluation.
    #[track_caller]
    fn evaluated_rules(&self) -> Vec<Value> {
        let mut rules = Vec::new();
        let are_evaluated = || {
            let Ok(answer) = http::get(self.address, "/api/v1/rules") else {
                return false;
            };
            let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let groups = answer["data"]["groups"].as_array();
            let in_group = |group: &Value| group["rules"].as_array().cloned().unwrap_or_default();
            rules = groups.into_iter().flatten().flat_map(in_group).collect();
            !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")
        };
        assert!(wait_until(4 * WAIT_MS, are_evaluated), "{rules:#?}");
        rules
    }

    /// Returns the result of a query, an empty text if there is none.
    #[track_caller]
    fn query(&self, query: &str) -> String {
        let server = format!("http://{}", self.address);
        promtool(&["query", "instant", &server, query])
    }
}

#[test]
fn prometheus_evaluates_each_rule_and_each_query() {
    let pushd = Pushd::start();
    let mut prometheus = Prometheus::start(&pushd);
    let rules = prometheus.evaluated_rules();
    assert_eq!(rules.len(), read(RULES).matches("- alert: ").count());
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule:#}");
        assert_eq!(rule["state"], "inactive", "{rule:#}");
    }
    // Rates need two samples. A query with `> 0` has no result while nothing is refused.
    let queries = queries();
    assert!(queries.len() > 30, "{queries:#?}");
    for query in queries {
        let has_result = || !prometheus.query(&query).trim().is_empty();
        let needs_one = !query.ends_with(" > 0");
        assert!(!needs_one || wait_until(WAIT_MS, has_result), "{query}");
        prometheus.query(&query);
    }
    prometheus.process.stop().unwrap();
}
