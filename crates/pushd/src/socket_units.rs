//! Addresses that systemd's socket units open, where the settings say others.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::settings::{Origin, Settings};

/// How long `systemctl` may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);

/// A listener: its setting, its unit, and its clients.
struct Door {
    setting: &'static str,
    unit: &'static str,
    whom: &'static str,
}

const PUBLIC: Door = Door {
    setting: "listen",
    unit: "pushd-public.socket",
    whom: "browsers",
};

const PRIVATE: Door = Door {
    setting: "publish-listen",
    unit: "pushd-private.socket",
    whom: "publishers",
};

/// Warns of settings that have no effect, for this process: `public` and `private` are the sockets that it was
/// handed.
pub(crate) fn warnings(settings: &Settings, public: &[String], private: &[String]) -> Vec<String> {
    let doors = [(PUBLIC, public), (PRIVATE, private)];
    let warnings = doors.map(|(door, opened)| door.warning(settings, opened));
    warnings.into_iter().flatten().collect()
}

/// The same for the daemon that systemd starts, as `systemctl` describes its units. Only settings of the file
/// count: flags and variables may be for another daemon.
pub(crate) fn expected_warnings(settings: &Settings) -> Vec<String> {
    let doors = [PUBLIC, PRIVATE].into_iter().filter(|door| {
        let given = settings.given.get(door.setting);
        given.is_some_and(|given| matches!(given.origin, Origin::File { .. }))
    });
    let warnings = doors.filter_map(|door| {
        let opened = opened_by_unit(&show(door.unit)?);
        door.warning(settings, &opened)
    });
    warnings.collect()
}

impl Door {
    fn warning(&self, settings: &Settings, opened: &[String]) -> Option<String> {
        let Self {
            setting,
            unit,
            whom,
        } = self;
        let given = settings.given.get(setting)?;
        let wanted = self.addresses(settings);
        let differs = wanted.iter().any(|address| !is_among(address, opened))
            || opened.iter().any(|address| !is_among(address, &wanted));
        (!opened.is_empty() && differs).then(|| {
            format!(
                "{}: {setting} = {} has no effect: systemd has opened {} for {whom}; set ListenStream= by \
                 `systemctl edit {unit}`, or `systemctl disable --now {unit}`",
                given.origin,
                wanted.join(", "),
                opened.join(", "),
            )
        })
    }

    fn addresses(&self, settings: &Settings) -> Vec<String> {
        let options = &settings.config.options;
        match self.setting {
            "listen" => options.listen.iter().map(ToString::to_string).collect(),
            _ => options
                .publish_listen
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

/// Whether an address is one of these: the two ways to write all of a machine's are one.
fn is_among(address: &str, others: &[String]) -> bool {
    let all = |address: &str| address.replace("0.0.0.0:", "[::]:");
    others.iter().any(|other| all(other) == all(address))
}

/// Returns the addresses that `systemctl show` prints for an active unit.
fn opened_by_unit(shown: &str) -> Vec<String> {
    let is_used = shown
        .lines()
        .any(|line| ["ActiveState=active", "UnitFileState=enabled"].contains(&line));
    let addresses = shown.lines().filter_map(|line| {
        let address = line.strip_prefix("Listen=")?.strip_suffix(" (Stream)")?;
        Some(match address.starts_with('/') {
            true => format!("unix:{address}"),
            false => address.to_owned(),
        })
    });
    match is_used {
        true => addresses.collect(),
        false => Vec::new(),
    }
}

/// `None` where there is no systemd, or it does not answer.
fn show(unit: &str) -> Option<String> {
    let mut command = Command::new("systemctl");
    command
        .args([
            "show",
            "--property=ActiveState,UnitFileState,Listen",
            "--",
            unit,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // Its few lines fit into the pipe, so that it ends without being read.
    let has_ended = ends(&mut child);
    if !has_ended {
        let _killed = child.kill();
    }
    let output = child.wait_with_output().ok()?;
    (has_ended && output.status.success())
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ends(child: &mut Child) -> bool {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_addresses_are_those_of_systemctl_show() {
        let shown = "Listen=127.0.0.1:5555 (Stream)\nListen=/run/pushd/publish.sock (Stream)\n\
                     Listen=[::]:9 (Datagram)\nActiveState=active\nUnitFileState=disabled\n";
        let addresses = ["127.0.0.1:5555", "unix:/run/pushd/publish.sock"];
        assert_eq!(opened_by_unit(shown), addresses);
        let unused = shown.replace("=active", "=inactive");
        assert!(opened_by_unit(&unused).is_empty());
        assert!(opened_by_unit("ActiveState=active\n").is_empty());
    }

    #[test]
    fn all_addresses_are_the_same_in_both_ways() {
        let opened = ["[::]:8080".to_owned()];
        assert!(is_among("0.0.0.0:8080", &opened) && is_among("[::]:8080", &opened));
        assert!(!is_among("127.0.0.1:8080", &opened) && !is_among("0.0.0.0:80", &opened));
    }
}
