//! Every accepted event arrives once and in order, although clients disconnect and the daemon is stopped.

use system_tests::daemon::Daemon;
use system_tests::traffic::{self, Plan};

/// All rounds use one daemon, because a round must not harm the next one.
#[test]
fn what_got_a_receipt_arrives_once_and_in_order() {
    // Staying subscribers may be slow here, which is not the subject of this test.
    let mut daemon = Daemon::start_with(&["--outbox-len-max=64MiB"]);
    for seed in 0..5 {
        let plan = Plan {
            seed,
            topics: 3,
            staying: 8,
            passing: 6,
            publishers: 8,
            publishes: 400,
            freezes: 3,
        };
        let outcome = traffic::run(&mut daemon, &plan);
        outcome.history.check();
        // The run had enough events to be meaningful.
        assert!(outcome.history.receipts() > 1_000);
        let passing = outcome.history.readings.iter();
        assert!(passing.filter(|reading| !reading.stays).count() > plan.passing);
    }
}
