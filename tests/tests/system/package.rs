//! `cargo xtask package`, and what it makes: installed on a machine of its own, run by systemd, removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;
use system_tests::machine::Machine;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, debug_program, program, workspace};
use xtask::process::wait_until;

/// Whatever isn't built yet is.
const BUILD_MS: u64 = 1_800_000;
/// lintian takes its time.
const LINT_MS: u64 = 300_000;

/// Lintian's warnings that are as they should be, and why.
const ACCEPTED: [&str; 2] = [
    // It is not about building: upgrade, removal and the service are in it.
    "package-contains-upstream-installation-documentation",
    // They are not in Debian's archive, where a package closes the request for it.
    "initial-upload-closes-no-bugs",
];

const WEB: &str = "127.0.0.1:8080";
const PUBLISH: &str = "127.0.0.1:5555";

/// Publishes by the unix socket, as a page in Apache would.
const AS_WEB_SERVER: &str = "setpriv --reuid=www-data --regid=www-data --clear-groups";
const AS_NOBODY: &str = "setpriv --reuid=nobody --regid=nogroup --clear-groups";

#[track_caller]
fn make(folder: &Path) {
    let mut command = Command::new(debug_program("xtask"));
    command.arg("package").arg("--out").arg(folder);
    program::run(&mut command, BUILD_MS).success();
}

/// The packages, made once for all tests.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = workspace().target.join("package-test");
        // Of another version, or from last time.
        let _ = fs::remove_dir_all(&folder);
        make(&folder);
        folder
    })
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn debs() -> Vec<PathBuf> {
    files(packages(), "deb")
}

fn deb(name: &str) -> PathBuf {
    let mut debs = debs().into_iter();
    debs.find(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(name)
    })
    .unwrap()
}

/// Puts packages into a machine; how apt calls them there.
#[track_caller]
fn bring(machine: &Machine, debs: &[PathBuf]) -> String {
    let there = debs.iter().map(|deb| {
        let path = format!("/var/tmp/{}", deb.file_name().unwrap().to_str().unwrap());
        fs::copy(deb, machine.path(&path)).unwrap();
        path
    });
    there.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn install(machine: &Machine, debs: &[PathBuf]) {
    let names = bring(machine, debs);
    machine.sh(&format!(
        "apt-get install -y --no-install-recommends {names}"
    ));
}

/// What the extension prints that a user's PHP has by itself, without any setting on the command line but the address.
fn publish_from_php(user: &str) -> String {
    format!(
        "{user} /usr/bin/php -d pusher.address=unix:/run/pushd/publish.sock \
         -d pusher.timeout_ms={WAIT_MS} -d display_errors=1 -r 'echo json_encode(Pusher::publish(\"t\", [\"n\" => 1]));'"
    )
}

/// Every file and folder that is ours or might be.
#[track_caller]
fn ours(machine: &Machine) -> BTreeSet<String> {
    let workspace = workspace();
    // Where whoever builds and tests meanwhile may make files.
    let elsewhere = format!(
        "/proc -o -path /tmp -o -path /root -o -path /home -o -path {} -o -path {}",
        workspace.root.display(),
        workspace.target.display()
    );
    let found = machine.sh(&format!(
        "find / -xdev \\( -path {elsewhere} \\) -prune \
         -o \\( -name '*pushd*' -o -name '*pusher*' -o -name '_push*' \\) -print; find /run/pushd || true; \
         grep -H pushd /etc/passwd /etc/group /etc/shadow || true",
    ));
    let lines = found.lines().filter(|line| !line.starts_with("/var/tmp/"));
    lines.map(str::to_owned).collect()
}

#[test]
fn made_again_they_are_the_same() {
    let again = tempfile::tempdir().unwrap();
    make(again.path());
    let mut made = debs();
    made.extend(files(packages(), "gz"));
    assert_eq!(made.len(), 5, "{made:?}");
    for path in made {
        let other = again.path().join(path.file_name().unwrap());
        assert!(
            fs::read(&path).unwrap() == fs::read(other).unwrap(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn lintian_has_nothing_to_say() {
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--tag-display-limit=0"]);
    lintian.args(["--suppress-tags", &ACCEPTED.join(",")]);
    let ended = program::run(lintian.args(debs()), LINT_MS);
    let tags: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| !line.starts_with("N:"))
        .collect();
    assert!(
        tags.is_empty() && ended.status.success(),
        "{tags:#?}\n{}",
        ended.stderr
    );
}

#[test]
fn systemd_runs_it_and_the_web_server_may_publish() {
    let machine = Machine::with_systemd();
    let before = ours(&machine);
    install(&machine, &debs());

    // With the packaged settings, at once, and after the next boot.
    machine.sh("systemctl is-active pushd.service && systemctl is-enabled pushd.service");
    let settings = machine.sh("pusherd --print-config");
    let line = "publish-listen = [\"127.0.0.1:5555\", \"unix:/run/pushd/publish.sock\"]  # /etc/pushd/pushd.toml:";
    assert!(settings.contains(line), "{settings}");
    assert_eq!(
        machine
            .sh("stat -c '%a %U %G' /etc/pushd/pushd.toml")
            .trim(),
        "640 root pushd"
    );
    let user = machine.sh("ps -o user= -p $(systemctl show -P MainPID pushd)");
    assert_eq!(user.trim(), "pushd");

    // phpenmod has enabled the extension.
    assert!(
        machine
            .sh("/usr/bin/php -m")
            .lines()
            .any(|line| line == "pusher")
    );
    let mut browser = machine.in_its_network(|| Wamp::subscribed(WEB.parse().unwrap(), "t"));
    let receipt = machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert!(receipt.contains(r#""subscribers":1"#), "{receipt}");
    assert_eq!(browser.event("t"), json!({"n": 1}));
    let refused = machine.sh(&publish_from_php(AS_NOBODY));
    assert!(
        refused.contains("Permission denied") && refused.ends_with("null"),
        "{refused}"
    );
    machine.in_its_network(|| publish_raw(PUBLISH.parse().unwrap(), r#"{"category":"t"}"#));
    assert_eq!(browser.event("t"), json!({"category": "t"}));

    // The log is where it belongs, and settings come into force without a restart.
    let pid = machine.sh("systemctl show -P MainPID pushd");
    machine.sh("echo 'log = \"debug\"' >> /etc/pushd/pushd.toml && systemctl reload pushd");
    let log = "journalctl --unit pushd --output cat";
    let reloaded = || machine.sh(log).contains("the settings were read again");
    assert!(wait_until(WAIT_MS, reloaded), "{}", machine.sh(log));
    assert_eq!(machine.sh("systemctl show -P MainPID pushd"), pid);

    // The same package again is an upgrade: the settings stay, the daemon is another.
    machine.sh("apt-get install -y --reinstall /var/tmp/pushd_*.deb");
    machine.sh("systemctl is-active pushd.service && grep -q debug /etc/pushd/pushd.toml");
    assert_ne!(machine.sh("systemctl show -P MainPID pushd"), pid);

    machine.sh("apt-get remove -y pushd php8.2-pusher libpusher-dev libpusher0");
    assert!(
        machine.path("/etc/pushd/pushd.toml").exists(),
        "the administrator's"
    );
    assert!(!machine.sh("/usr/bin/php -m").contains("pusher"));
    machine.sh("apt-get purge -y pushd php8.2-pusher");
    let left: Vec<_> = ours(&machine).difference(&before).cloned().collect();
    // What it has logged is systemd's.
    let left: Vec<_> = left
        .iter()
        .filter(|path| !path.contains("journal"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn with_the_sockets_units_nobody_is_refused_while_it_is_away() {
    let machine = Machine::with_systemd();
    install(&machine, &[deb("pushd_"), deb("php8.2-pusher_")]);
    for line in commands_of("## Nobody refused during a restart") {
        machine.sh(&line);
    }
    let pid = machine.sh("systemctl show -P MainPID pushd");
    let receipt = machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert!(receipt.contains(r#""subscribers":0"#), "{receipt}");
    // Who comes while it is away makes it start.
    machine.sh("systemctl stop pushd.service");
    let mut browser = machine.in_its_network(|| Wamp::subscribed(WEB.parse().unwrap(), "t"));
    machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert_eq!(browser.event("t"), json!({"n": 1}));
    assert_ne!(machine.sh("systemctl show -P MainPID pushd"), pid);
}

#[test]
fn the_service_has_few_rights() {
    let machine = Machine::bare();
    install(&machine, &[deb("pushd_")]);
    machine.sh("systemd-analyze verify pushd.service pushd-public.socket pushd-private.socket");
    // 0 is nothing allowed, 10 everything; what is left is network and unix sockets.
    machine.sh(
        "systemd-analyze security --offline=true --threshold=20 /lib/systemd/system/pushd.service",
    );
}

#[test]
fn c_programs_are_compiled_with_what_pkg_config_says() {
    let machine = Machine::bare();
    install(&machine, &[deb("libpusher0_"), deb("libpusher-dev_")]);
    let source = workspace().root.join("tests/c/publish.c");
    fs::copy(source, machine.path("/var/tmp/publish.c")).unwrap();
    machine.sh(
        "cd /var/tmp; gcc publish.c $(pkg-config --cflags --libs pusher) -o publish; \
         ldd ./publish | grep -q 'libpusher.so.0 => /lib/.*-linux-gnu/'",
    );
    let ended = machine.run("PUSH_ADDRESS=tcp://127.0.0.1:1 /var/tmp/publish t 1");
    assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
    machine.sh("MANPAGER=cat man -w push_client_publish");
}

#[test]
fn the_archive_is_unpacked_below_usr_local() {
    let machine = Machine::with_systemd();
    let archive = files(packages(), "gz").remove(0);
    fs::copy(archive, machine.path("/var/tmp/pushd.tar.gz")).unwrap();
    for line in commands_of("## From the .tar.gz") {
        machine.sh(&line.replace("pushd-*.tar.gz", "/var/tmp/pushd.tar.gz"));
    }
    machine.in_its_network(|| Wamp::connect(WEB.parse().unwrap()));
    let program = machine.sh("ps -o args= -p $(systemctl show -P MainPID pushd)");
    assert_eq!(program.trim(), "/usr/local/bin/pushd");
    let receipt = machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert!(receipt.contains("subscribers"), "{receipt}");
}

/// The lines to type in a section of INSTALL.md.
fn commands_of(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().root.join("crates/pushd/INSTALL.md")).unwrap();
    let (_, section) = text.split_once(&format!("{heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.replace("sudo ", "")).collect()
}

/// No container engine runs here: its instructions are carried out one by one, but for what needs a network.
#[test]
fn the_dockerfile_needs_only_the_package() {
    let text = fs::read_to_string(workspace().root.join("crates/pushd/Dockerfile")).unwrap();
    let instruction = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}"))
            .trim()
            .to_owned()
    };
    assert_eq!(instruction("COPY"), "pushd_*.deb /tmp/");
    let machine = Machine::bare();
    machine.sh("find /tmp -mindepth 1 -maxdepth 1 -name 'pushd_*' -delete");
    let brought = bring(&machine, &[deb("pushd_")]);
    machine.sh(&format!("mv {brought} /tmp"));
    let run = instruction("RUN");
    let (update, rest) = run.split_once(" && ").unwrap();
    assert_eq!(update, "apt-get update");
    machine.sh(rest);
    machine.sh("ip link set lo up");

    let user = instruction("USER");
    let words: Vec<String> = serde_json::from_str(&instruction("CMD")).unwrap();
    let mut command = machine.command("setpriv");
    command.args([
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".to_owned(),
    ]);
    let (mut process, log) = system_tests::daemon::start(command.args(words));
    let ready = log.find(WAIT_MS, |line| {
        line.contains("ready version=").then_some(())
    });
    assert!(ready.is_some(), "{}", log.text());
    let mut browser = machine.in_its_network(|| Wamp::subscribed(WEB.parse().unwrap(), "t"));
    machine.in_its_network(|| publish_raw(PUBLISH.parse().unwrap(), r#"{"category":"t"}"#));
    assert_eq!(browser.event("t"), json!({"category": "t"}));
    process.stop().unwrap();
}
