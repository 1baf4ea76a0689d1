//! Programs that know other formats of the state.

use nix::sys::signal::Signal;
use system_tests::artefact;

use super::{Clients, Installed, copy_program};

#[test]
fn a_program_gets_the_newest_format_that_it_knows() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    // As the version before this one: it does not know format 3. It becomes the program `real`, from which the next update starts.
    let real = daemon.folder.path().join("real");
    copy_program(&artefact("pushd"), &real);
    let real = real.display();
    let before =
        format!("#!/bin/sh\n[ \"$1$2\" = --check-handover3 ] && exit 1\nexec {real} \"$@\"\n");
    daemon.install(before.as_bytes());
    for (number, format) in [(1, 2), (2, 3)] {
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        daemon.wait_for(lines, &format!("format={format}"));
        daemon.wait_for(lines, "took the connections over");
        clients.go_on();
        assert_eq!(daemon.metric("pushd_handovers_total"), number);
    }
    daemon.ends();
}
