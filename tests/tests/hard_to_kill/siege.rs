//! What one peer does, nobody else notices: they get their events within a second, and memory stays bounded.

use std::time::Duration;

use system_tests::bystander::Bystander;
use system_tests::daemon::Daemon;
use system_tests::resources::Resources;

/// How soon everybody else gets an event meanwhile: a second, and as much again for a machine that the attackers
/// keep busy too.
const ARRIVAL: Duration = Duration::from_secs(2);

/// Runs an attack; the daemon may take so many MiB more than at its start, at its worst moment.
#[track_caller]
pub(super) fn besiege(memory_more_mib: usize, attack: impl FnOnce(&Daemon)) {
    let mut daemon = Daemon::start();
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
    assert!(seen.slowest < ARRIVAL, "{seen:?}");
}
