//! Tools to run the parts on one machine, for `cargo xtask` and for the system tests.
//!
//! | module | contents |
//! |---|---|
//! | [`packages`] | the Debian packages for each command, and their installation |
//! | [`workspace`] | the paths of the built files |
//! | [`build`] | the release builds |
//! | [`process`] | commands that must succeed, and background processes |
//! | [`http`] | a minimal HTTP client |
//! | [`apache`] | a private Apache with mod_php and the extension |
//! | [`phpt`] | PHP's own test runner, and valgrind |
//! | [`php_builds`] | other PHPs in which the extension is tested |
//! | [`requirements`] | permissions that some tests need, and the names of these tests |
//! | [`generated`] | installed files that programs write |
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
