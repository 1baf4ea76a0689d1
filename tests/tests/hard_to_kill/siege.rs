//! What one peer does, nobody else notices: they get their events within a second, and memory stays bounded.

use std::time::Duration;

use system_tests::bystander::Bystander;
use system_tests::daemon::Daemon;
use system_tests::resources::Resources;

/// How much the daemon may do for the attackers while an event of somebody else is on its way. On a machine that has
/// nothing else to do that takes as long at most; time itself can't be measured where tests share processors.
const WORK_MAX: Duration = Duration::from_millis(500);

/// The limits that would end the attackers before they have begun.
const UNHINDERED: [&str; 3] = [
    "--connections-per-address-max=100000",
    "--client-messages-per-second=1000000000",
    "--client-messages-burst=65535",
];

/// Runs an attack; the daemon may take so many MiB more than at its start, at its worst moment.
#[track_caller]
pub(super) fn besiege(memory_more_mib: usize, attack: impl FnOnce(&Daemon)) {
    let mut daemon = Daemon::start_with(&UNHINDERED);
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
