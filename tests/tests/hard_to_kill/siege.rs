//! Attacks by one peer must not affect others: these get their events within a second, and memory stays bounded.

use std::time::Duration;

use system_tests::bystander::Bystander;
use system_tests::daemon::Daemon;
use system_tests::resources::Resources;

/// Largest CPU time of the daemon for the attackers while an event of another client is on its way. On an idle
/// machine, the event takes at most this time. Tests share processors, so they can't measure elapsed time.
const WORK_MAX: Duration = Duration::from_millis(500);

/// Limits that would stop the attackers before the attack.
const UNHINDERED: [&str; 3] = [
    "--connections-per-address-max=100000",
    "--client-messages-per-second=1000000000",
    "--client-messages-burst=65535",
];

/// Runs an attack. The peak of the daemon's memory may exceed its start by `memory_more_mib`.
#[track_caller]
pub(super) fn besiege(memory_more_mib: usize, attack: impl FnOnce(&Daemon)) {
    besiege_with(&[], memory_more_mib, attack);
}

/// Runs an attack on a daemon with more flags.
#[track_caller]
pub(super) fn besiege_with(flags: &[&str], memory_more_mib: usize, attack: impl FnOnce(&Daemon)) {
    let mut daemon = Daemon::start_with(&[&UNHINDERED, flags].concat());
    let bystander = Bystander::start(&daemon);
    let resources = Resources::of(daemon.process.pid());
    let before_kib = resources.memory_kib();
    attack(&daemon);
    let seen = bystander.end();
    daemon.assert_running();
    let more_mib = resources.memory_peak_kib().saturating_sub(before_kib) / 1024;
    assert!(
        more_mib <= memory_more_mib,
        "{more_mib} MiB more at its worst"
    );
    assert!(seen.most_work < WORK_MAX, "{seen:?}");
}
