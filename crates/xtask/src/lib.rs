//! What it takes to run the parts on one machine, for `cargo xtask` and for the system tests.
//!
//! | module | what it knows |
//! |---|---|
//! | [`packages`] | which Debian packages each command needs, and how to install them |
//! | [`workspace`] | where the built files are |
//! | [`build`] | the release builds |
//! | [`process`] | commands that must succeed, and processes that end with their owner |
//! | [`http`] | just enough HTTP to see whether a server answers |
//! | [`apache`] | a private Apache with mod_php and the extension |
//! | [`phpt`] | PHP's own runner of tests, and valgrind |
//! | [`php_builds`] | other PHPs to test the extension in |
//! | [`requirements`] | rights that some tests need, and which tests these are |
//! | [`generated`] | what is installed and not written by hand |
//! | [`demo`], [`mod@test`], [`fresh`], [`races`], [`mod@bench`], [`page_time`], [`soak`], [`fuzz`], [`autobahn`], [`install`], [`package`] | the commands |

pub mod apache;
pub mod args;
pub mod autobahn;
pub mod bench;
pub mod build;
pub mod demo;
pub mod fresh;
pub mod fuzz;
pub mod generated;
pub mod http;
pub mod install;
pub mod package;
pub mod packages;
pub mod page_time;
pub mod php_builds;
pub mod phpt;
pub mod process;
pub mod races;
pub mod requirements;
pub mod say;
pub mod soak;
pub mod test;
pub mod workspace;
