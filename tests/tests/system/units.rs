//! pushd's units in a systemd of their own: the messages of `systemctl` about wrong settings and about socket units.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use system_tests::machine::Machine;
use system_tests::{WAIT_MS, artefact, document, workspace};
use xtask::process::wait_until;

const SETTINGS: &str = "/etc/pushd/pushd.toml";

/// Starts a machine, and installs the units there as the package does.
pub(super) fn machine() -> Machine {
    let machine = Machine::with_systemd();
    let units = workspace().root.join("crates/pushd/systemd");
    for (name, place) in [
        ("pushd.service", "/etc/systemd/system/pushd.service"),
        (
            "pushd-public.socket",
            "/etc/systemd/system/pushd-public.socket",
        ),
        ("sysusers.conf", "/etc/sysusers.d/pushd.conf"),
    ] {
        let place = machine.path(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(units.join(name), place).unwrap();
    }
    let program = machine.path("/usr/bin/pushd");
    fs::copy(artefact("pushd"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    machine.sh("mkdir -p /etc/pushd && systemd-sysusers && systemctl daemon-reload");
    machine
}

pub(super) fn set(machine: &Machine, settings: &str) {
    fs::write(machine.path(SETTINGS), settings).unwrap();
}

mod needs_mounts {
    use super::*;

    #[test]
    fn a_reload_of_wrong_settings_fails_and_changes_nothing() {
        let machine = machine();
        set(&machine, "listen = '127.0.0.1:8080'\n");
        machine.sh("systemctl start pushd");
        let pid = || machine.sh("systemctl show -P MainPID pushd");
        let (log, started) = ("journalctl --unit pushd --output cat", pid());
        for (settings, part) in [
            (
                "listen = '127.0.0.1:8080'\nlog = 'warning'\n",
                "did you mean \"warn\"?",
            ),
            ("tls-certificate = '/nonexistent'\n", "tls-key is missing"),
        ] {
            set(&machine, settings);
            let reloaded = machine.run("systemctl reload pushd");
            assert!(!reloaded.status.success(), "{settings}");
            let told = || machine.sh(log).contains(part);
            assert!(wait_until(WAIT_MS, told), "{}", machine.sh(log));
            assert_eq!(machine.sh("systemctl is-active pushd"), "active\n");
            assert_eq!(pid(), started);
        }
        set(&machine, "listen = '127.0.0.1:8080'\nlog = 'debug'\n");
        machine.sh("systemctl reload pushd");
        let reloaded = || machine.sh(log).contains("the settings were read again");
        assert!(wait_until(WAIT_MS, reloaded), "{}", machine.sh(log));
        assert_eq!(pid(), started);
    }

    #[test]
    fn a_socket_unit_that_opens_more_than_the_settings_is_reported() {
        let machine = machine();
        set(&machine, "listen = '127.0.0.1:8080'\n");
        machine.sh("systemctl enable --now pushd-public.socket && systemctl start pushd");
        let warning = "listen = 127.0.0.1:8080 has no effect: systemd has opened [::]:8080";
        let log = machine.sh("journalctl --unit pushd --output cat");
        assert!(log.contains(warning), "{log}");
        let checked = machine.run("pushd --check");
        assert!(checked.stderr.contains(warning), "{}", checked.stderr);

        // The drop-in file of INSTALL.md.
        let mut blocks = document::blocks("crates/pushd/INSTALL.md").into_iter();
        let drop_in = blocks.find(|block| block.code.starts_with("[Socket]\n"));
        let folder = machine.path("/etc/systemd/system/pushd-public.socket.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("override.conf"), drop_in.unwrap().code).unwrap();
        machine.sh("systemctl daemon-reload && systemctl stop pushd pushd-public.socket");
        machine.sh("systemctl start pushd-public.socket");
        assert_eq!(machine.run("pushd --check").stderr, "");
    }
}
