//! A benchmark that gives the same work to pushd, to other servers, and to the floor. The floor is a server that only
//! writes a prebuilt frame to every socket: the least that any push server must do.
//!
//! ```text
//! client (one thread): publishes, receives, checks every delivery   <- core 1
//! server:              one of `servers`                              <- core 0
//! ```
//!
//! CPU time per delivered event depends little on other processes of the machine, and ratios within one run even
//! less. So the servers take turns in each run, and each is compared with the floor of the same run. Latencies do
//! depend on other processes.
//!
//! | module | contents |
//! |---|---|
//! | [`args`] | the command line |
//! | [`scenario`] | the work |
//! | [`servers`] | the servers |
//! | [`client`] | the subscribers and the publisher |
//! | [`process`] | a server's CPU time and memory, as reported by the kernel |
//! | [`run`] | one server, one scenario, one run |
//! | [`figures`] | the figures of a run |
//! | [`report`] | the medians and the table |
//! | [`picture`] | the table as SVG |

pub mod args;
pub mod client;
pub mod figures;
pub mod picture;
pub mod process;
pub mod report;
pub mod run;
pub mod scenario;
pub mod servers;
