//! The packages on a separate machine: install, run by systemd, upgrade, remove.

mod archive;
mod spool;
mod wordpress;

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use system_tests::machine::Machine;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, workspace};
use xtask::process::wait_until;

use super::{archive, deb, debs};

const WEB: &str = "127.0.0.1:8080";
const PUBLISH: &str = "127.0.0.1:5555";

/// Publishes through the unix socket, as a page in Apache does.
const AS_WEB_SERVER: &str = "setpriv --reuid=www-data --regid=www-data --clear-groups";
const AS_NOBODY: &str = "setpriv --reuid=nobody --regid=nogroup --clear-groups";

/// Copies packages into a machine. Returns their paths there, for apt.
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

/// Returns a command that publishes from PHP with its own settings, except for the address and the timeout.
fn publish_from_php(user: &str) -> String {
    format!(
        "{user} /usr/bin/php -d pusher.address=unix:/run/pushd/publish.sock \
         -d pusher.timeout_ms={WAIT_MS} -d display_errors=1 -r 'echo json_encode(Pusher::publish(\"t\", [\"n\" => 1]));'"
    )
}

/// Lists files, folders, users and groups that the packages may have left in the machine.
#[track_caller]
fn leftovers(machine: &Machine) -> Vec<String> {
    // The overlay keeps a character device in place of each file that was removed.
    let found = machine.sh(
        "cd /changes; find . ! -type c \\( -name '*pushd*' -o -name '*pusher*' -o -name '_push*' \\) -print; \
         find /run/pushd || true; grep -H pushd /etc/passwd /etc/group /etc/shadow || true",
    );
    // The packages themselves, and the journal, which is systemd's.
    let ours = |line: &&str| !line.starts_with("./var/tmp/") && !line.contains("journal");
    found.lines().filter(ours).map(str::to_owned).collect()
}

#[test]
fn systemd_runs_pushd_and_the_web_server_may_publish() {
    let machine = Machine::with_systemd();
    assert_eq!(leftovers(&machine), [""; 0]);
    install(&machine, &debs());

    // The service runs with the packaged settings, now and after the next boot.
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

    // The package has made the key of tickets. The site may sign with it, and strangers may not.
    let stat = "stat -c '%a %U %G' /etc/pushd/ticket.keys";
    assert_eq!(machine.sh(stat).trim(), "640 root pushd-spool");
    let in_ini = machine.sh("grep ticket_key_file /etc/php/8.2/mods-available/pusher.ini");
    assert_eq!(
        in_ini.trim(),
        "pusher.ticket_key_file=/etc/pushd/ticket.keys"
    );
    let sign = "pusherd --config /dev/null ticket orders.42";
    let in_group = AS_WEB_SERVER.replace("--clear-groups", "--init-groups");
    machine.sh(&format!("{in_group} {sign} | pusherd ticket explain"));
    let refused = machine.run(&format!("{AS_NOBODY} {sign}"));
    assert!(
        refused.stderr.contains("Permission denied"),
        "{}",
        refused.stderr
    );
    let key = machine.sh("cat /etc/pushd/ticket.keys");

    // The log is in the journal, and a reload applies new settings without a restart.
    let pid = machine.sh("systemctl show -P MainPID pushd");
    machine.sh("echo 'log = \"debug\"' >> /etc/pushd/pushd.toml && systemctl reload pushd");
    let log = "journalctl --unit pushd --output cat";
    let reloaded = || machine.sh(log).contains("the settings were read again");
    assert!(wait_until(WAIT_MS, reloaded), "{}", machine.sh(log));
    assert_eq!(machine.sh("systemctl show -P MainPID pushd"), pid);

    // A reinstallation works like an upgrade: the settings stay, and the daemon becomes the new program with its connections.
    machine.sh("apt-get install -y --reinstall /var/tmp/pushd_*.deb");
    machine.sh("systemctl is-active pushd.service && grep -q debug /etc/pushd/pushd.toml");
    assert_eq!(machine.sh("systemctl show -P MainPID pushd"), pid);
    let handed_over = || machine.sh(log).contains("took the connections over");
    assert!(wait_until(WAIT_MS, handed_over), "{}", machine.sh(log));
    machine.in_its_network(|| publish_raw(PUBLISH.parse().unwrap(), r#"{"category":"t"}"#));
    assert_eq!(browser.event("t"), json!({"category": "t"}));
    assert_eq!(
        machine.sh("cat /etc/pushd/ticket.keys"),
        key,
        "and the key stays"
    );

    // One line makes topics private: the daemon may read the key.
    machine.sh(
        "sed -i '1i private-topics = [\"orders.*\"]' /etc/pushd/pushd.toml && systemctl reload pushd",
    );
    let id = key.split(' ').next().unwrap();
    let knows_key = || machine.sh("pusherd status").contains(id);
    assert!(wait_until(WAIT_MS, knows_key), "{}", machine.sh(log));

    machine.sh("apt-get remove -y pushd php8.2-pusher libpusher-dev libpusher0 php-pushd-pusher wordpress-pushd-live");
    assert!(
        machine.path("/etc/pushd/pushd.toml").exists(),
        "the administrator's"
    );
    assert!(!machine.sh("/usr/bin/php -m").contains("pusher"));
    machine.sh("apt-get purge -y pushd php8.2-pusher");
    let left = leftovers(&machine);
    assert!(left.is_empty(), "{left:#?}");
    assert!(!machine.path("/etc/pushd").exists(), "the key is gone");
}

/// Prints the number of subscribers, or that the class is missing.
const PUSH_PHP: &str =
    "<?php echo class_exists(\"Pusher\") ? Pusher::publish(\"t\", 1)->subscribers : \"no class\";";

/// Debian's PHP packages restart the servers that have PHP loaded. Ours does too, at installation and at removal.
#[test]
fn a_running_apache_and_php_fpm_get_the_class_at_once() {
    let machine = Machine::with_systemd();
    machine.sh("ip link set lo up");
    fs::write(machine.path("/var/www/html/push.php"), PUSH_PHP).unwrap();
    machine.sh("systemctl start apache2 php8.2-fpm");
    let apache = || machine.sh("curl --silent --show-error http://127.0.0.1/push.php");
    let fpm = || {
        machine.sh("SCRIPT_FILENAME=/var/www/html/push.php REQUEST_METHOD=GET \
             cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | tail -n 1")
    };
    assert_eq!((apache().trim(), fpm().trim()), ("no class", "no class"));
    install(&machine, &[deb("pushd_"), deb("php8.2-pusher_")]);
    assert_eq!((apache().trim(), fpm().trim()), ("0", "0"));
    machine.sh("apt-get remove -y php8.2-pusher");
    assert_eq!((apache().trim(), fpm().trim()), ("no class", "no class"));
}

#[test]
fn with_socket_units_no_connection_is_refused_during_a_restart() {
    let machine = Machine::with_systemd();
    install(&machine, &[deb("pushd_"), deb("php8.2-pusher_")]);
    for line in commands_of("## Nobody refused during a restart") {
        machine.sh(&line);
    }
    let pid = machine.sh("systemctl show -P MainPID pushd");
    let receipt = machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert!(receipt.contains(r#""subscribers":0"#), "{receipt}");
    // A connection starts the stopped service.
    machine.sh("systemctl stop pushd.service");
    let mut browser = machine.in_its_network(|| Wamp::subscribed(WEB.parse().unwrap(), "t"));
    machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert_eq!(browser.event("t"), json!({"n": 1}));
    assert_ne!(machine.sh("systemctl show -P MainPID pushd"), pid);

    // An upgrade restarts the service and leaves the sockets open.
    let sockets = "systemctl is-active pushd-public.socket pushd-private.socket";
    let opened = "systemctl show -P ActiveEnterTimestampMonotonic pushd-public.socket";
    let before = machine.sh(opened);
    machine.sh("apt-get install -y --reinstall /var/tmp/pushd_*.deb");
    machine.sh(sockets);
    assert_eq!(machine.sh(opened), before);

    machine.sh("apt-get purge -y pushd");
    let wanted = machine.sh("ls /etc/systemd/system/sockets.target.wants || true");
    assert!(!wanted.contains("pushd"), "{wanted}");
}

#[test]
fn the_service_has_few_rights() {
    let machine = Machine::bare();
    install(&machine, &[deb("pushd_")]);
    machine.sh("systemd-analyze verify pushd.service pushd-public.socket pushd-private.socket");
    // 0 means no rights, 10 all rights. The service keeps network and unix sockets.
    machine.sh(
        "systemd-analyze security --offline=true --threshold=20 /lib/systemd/system/pushd.service",
    );
}

#[test]
fn c_programs_compile_with_the_flags_of_pkg_config() {
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

/// Returns the commands in a section of INSTALL.md.
fn commands_of(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().root.join("crates/pushd/INSTALL.md")).unwrap();
    let (_, section) = text.split_once(&format!("{heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.replace("sudo ", "")).collect()
}

/// There is no container engine here. The test runs each instruction itself, except for those that need a network.
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
