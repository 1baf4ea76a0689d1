//! What was accepted arrives, once, in order, whoever goes and whatever stops meanwhile.

use system_tests::daemon::Daemon;
use system_tests::traffic::{self, Plan};

/// On one daemon, round after round: what a round leaves behind must not harm the next.
#[test]
fn what_got_a_receipt_arrives_once_and_in_order() {
    // Who stays may be slow: that is not what this is about.
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
        // It was not for nothing.
        assert!(outcome.history.receipts() > 1_000);
        let passing = outcome.history.readings.iter();
        assert!(passing.filter(|reading| !reading.stays).count() > plan.passing);
    }
}
