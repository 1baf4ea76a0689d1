//! How fast is pushd? The same work for it, for other servers, and for the floor: a server that does nothing but
//! write a prebuilt frame to every socket, the least that any push server must do.
//!
//! ```text
//! client (one thread): publishes, receives, checks every delivery   <- core 1
//! server:              one of `servers`                              <- core 0
//! ```
//!
//! CPU time per delivered event hardly depends on what else the machine does, and ratios within one run even less:
//! servers take turns, run by run, and each is compared with the floor of the same run. Times of day do depend on it.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`scenario`] | what there is to do |
//! | [`servers`] | who does it |
//! | [`client`] | subscribers and publisher |
//! | [`process`] | a server's CPU time and memory, as the kernel tells them |
//! | [`run`] | one server, one scenario, one run |
//! | [`report`] | medians, the table |
//! | [`picture`] | the table as SVG |

pub mod args;
pub mod client;
pub mod picture;
pub mod process;
pub mod report;
pub mod run;
pub mod scenario;
pub mod servers;
