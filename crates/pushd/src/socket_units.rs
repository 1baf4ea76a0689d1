//! Warns if systemd's socket units open other addresses than the settings name.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::settings::{Origin, Settings};

/// How long `systemctl` may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);

/// A listener: its setting, its unit, and its clients.
struct Listener {
    setting: &'static str,
    unit: &'static str,
    clients: &'static str,
}

const PUBLIC: Listener = Listener {
    setting: "listen",
    unit: "pushd-public.socket",
    clients: "browsers",
};

const PUBLISH: Listener = Listener {
    setting: "publish-listen",
    unit: "pushd-private.socket",
    clients: "publishers",
};

/// Warns of settings that have no effect for this process. `public` and `publish` are the addresses of its inherited
/// sockets.
pub(crate) fn warnings(settings: &Settings, public: &[String], publish: &[String]) -> Vec<String> {
    let listeners = [(PUBLIC, public), (PUBLISH, publish)];
    let warnings = listeners.map(|(listener, opened)| listener.warning(settings, opened));
    warnings.into_iter().flatten().collect()
}

/// Warns of settings that have no effect for the daemon that systemd starts, according to `systemctl`. Only settings in
/// the file count: flags and variables may be for another daemon.
pub(crate) fn expected_warnings(settings: &Settings) -> Vec<String> {
    let listeners = [PUBLIC, PUBLISH].into_iter().filter(|listener| {
        let given = settings.given.get(listener.setting);
        given.is_some_and(|given| matches!(given.origin, Origin::File { .. }))
    });
    let warnings = listeners.filter_map(|listener| {
        let opened = opened_by_unit(&show(listener.unit)?);
        listener.warning(settings, &opened)
    });
    warnings.collect()
}

impl Listener {
    fn warning(&self, settings: &Settings, opened: &[String]) -> Option<String> {
        let Self {
            setting,
            unit,
            clients,
        } = self;
        let given = settings.given.get(setting)?;
        let wanted = self.addresses(settings);
        let differs = wanted.iter().any(|address| !is_among(address, opened))
            || opened.iter().any(|address| !is_among(address, &wanted));
        (!opened.is_empty() && differs).then(|| {
            format!(
                "{}: {setting} = {} has no effect: systemd has opened {} for {clients}; set ListenStream= by \
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

/// Returns whether an address is in a list. The two unspecified addresses count as the same.
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

/// Asks `systemctl`. Returns `None` if there is no systemd or it does not answer.
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
    // The few lines fit in the pipe's buffer, so the child ends without being read.
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
    fn addresses_of_a_unit_come_from_systemctl_show() {
        let shown = "Listen=127.0.0.1:5555 (Stream)\nListen=/run/pushd/publish.sock (Stream)\n\
                     Listen=[::]:9 (Datagram)\nActiveState=active\nUnitFileState=disabled\n";
        let addresses = ["127.0.0.1:5555", "unix:/run/pushd/publish.sock"];
        assert_eq!(opened_by_unit(shown), addresses);
        let unused = shown.replace("=active", "=inactive");
        assert!(opened_by_unit(&unused).is_empty());
        assert!(opened_by_unit("ActiveState=active\n").is_empty());
    }

    #[test]
    fn both_unspecified_addresses_are_equal() {
        let opened = ["[::]:8080".to_owned()];
        assert!(is_among("0.0.0.0:8080", &opened) && is_among("[::]:8080", &opened));
        assert!(!is_among("127.0.0.1:8080", &opened) && !is_among("0.0.0.0:80", &opened));
    }
}
