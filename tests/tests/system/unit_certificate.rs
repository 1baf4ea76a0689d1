//! The service with a certificate whose key only root can read, as OPERATING.md describes it for certbot.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use system_tests::machine::Machine;
use system_tests::{WAIT_MS, document};
use xtask::process::wait_until;

use super::units::{machine, set};

const LINEAGE: &str = "/etc/letsencrypt/live/site.example";
const HOOK: &str = "/etc/letsencrypt/renewal-hooks/deploy/pushd";

/// Returns the blocks of code in the document's section.
fn blocks() -> Vec<String> {
    let name = "crates/pushd/OPERATING.md";
    let text = document::read(name);
    let (_, section) = text.split_once("## The certificate of pushd\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = document::blocks_of(Path::new(name), section).into_iter();
    blocks.map(|block| block.code).collect()
}

/// Makes a new certificate and its key, as certbot does at each renewal.
fn renew(machine: &Machine) {
    let params = CertificateParams::new(["site.example".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let folder = machine.path(LINEAGE);
    fs::create_dir_all(&folder).unwrap();
    let live = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.parent().unwrap(), live).unwrap();
    for (name, text, mode) in [
        ("fullchain.pem", certificate, 0o644),
        ("privkey.pem", key.serialize_pem(), 0o600),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Whether the server shows the current certificate.
fn is_served(machine: &Machine) -> bool {
    let url = "https://site.example:8443/pusher.js";
    let curl = "curl --silent --fail --resolve site.example:8443:127.0.0.1 --cacert";
    let line = format!("{curl} {LINEAGE}/fullchain.pem --output /dev/null {url}");
    machine.run(&line).status.success()
}

#[track_caller]
fn wait_until_served(machine: &Machine) {
    let served = wait_until(2 * WAIT_MS, || is_served(machine));
    assert!(served, "{}", log(machine));
}

fn log(machine: &Machine) -> String {
    machine.sh("journalctl --unit pushd --output cat")
}

#[track_caller]
fn start(machine: &Machine) {
    let started = machine.run("systemctl start pushd");
    assert!(started.status.success(), "{}", log(machine));
}

fn settings(files: &str) -> String {
    format!("listen = '127.0.0.1:8443'\n{files}")
}

mod needs_mounts {
    use super::*;

    #[test]
    fn copies_of_the_deploy_hook_are_served_after_each_renewal() {
        let [hook, files, ..] = &blocks()[..] else {
            panic!("{:?}", blocks());
        };
        let machine = machine();
        machine.sh("ip link set lo up");
        renew(&machine);
        let path = machine.path(HOOK);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, hook).unwrap();
        machine.sh(&format!("chmod 755 {HOOK}"));
        machine.sh(&format!(
            "RENEWED_LINEAGE=/etc/letsencrypt/live/other.example {HOOK}"
        ));
        assert!(!machine.path("/etc/pushd/tls").exists(), "another site's");
        let run_hook = format!("RENEWED_LINEAGE={LINEAGE} {HOOK}");
        machine.sh(&run_hook);
        let stat = "stat -c '%a %U %G' /etc/pushd/tls/privkey.pem";
        assert_eq!(machine.sh(stat).trim(), "640 root pushd");

        set(&machine, &settings(files));
        start(&machine);
        wait_until_served(&machine);
        let pid = machine.sh("systemctl show -P MainPID pushd");
        renew(&machine);
        assert!(!is_served(&machine), "the hook has not run");
        machine.sh(&run_hook);
        wait_until_served(&machine);
        assert_eq!(machine.sh("systemctl show -P MainPID pushd"), pid);
    }

    #[test]
    fn credentials_of_systemd_are_served_after_a_restart() {
        let [_, _, drop_in, files] = &blocks()[..] else {
            panic!("{:?}", blocks());
        };
        let machine = machine();
        // systemd mounts the credentials in another namespace. Outside of containers, it makes mounts shared at its start.
        machine.sh("mount --make-rshared / && ip link set lo up");
        renew(&machine);
        let folder = machine.path("/etc/systemd/system/pushd.service.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("override.conf"), drop_in).unwrap();
        machine.sh("systemctl daemon-reload && systemd-analyze verify --man=no pushd.service");
        set(&machine, &settings(files));
        start(&machine);
        wait_until_served(&machine);
        let read_as = |user: &str| {
            let file = "/run/credentials/pushd.service/privkey.pem";
            machine.run(&format!("setpriv --reuid={user} --clear-groups cat {file}"))
        };
        assert!(read_as("pushd").status.success());
        assert!(!read_as("nobody").status.success());

        set(&machine, &settings(&format!("{files}log = 'debug'\n")));
        // systemd 252 does not show the files to the check of `systemctl reload`.
        machine.sh("/usr/bin/pushd reload");
        let is_changed = |line: &str| line.contains("changed setting=\"log\"");
        let reloaded = || log(&machine).lines().any(is_changed);
        assert!(wait_until(WAIT_MS, reloaded), "{}", log(&machine));
        let refused = machine.run("systemctl reload pushd");
        assert!(!refused.status.success(), "then OPERATING.md need not warn");
        assert!(
            log(&machine).contains("cannot read /run/credentials"),
            "{}",
            log(&machine)
        );
        renew(&machine);
        assert!(!is_served(&machine), "systemd has not read it");
        machine.sh("systemctl restart pushd");
        wait_until_served(&machine);
    }
}
