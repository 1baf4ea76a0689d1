//! Tools to run the parts on one machine, for `cargo xtask` and for the system tests.
//!
//! | module | contents |
//! |---|---|
//! | [`packages`] | the Debian packages for each command, and their installation |
//! | [`workspace`] | the paths of the built files |
//! | [`build`] | the release builds |
//! | [`process`] | commands that must succeed, and background processes |
//! | [`http`] | a minimal HTTP client |
//! | [`ports`] | free addresses for servers |
//! | [`apache`] | a private Apache with mod_php and the extension |
//! | [`phpt`] | PHP's own test runner, and valgrind |
//! | [`php_builds`] | other PHPs in which the extension is tested |
//! | [`npm`] | packages from npm |
//! | [`pip`] | packages from PyPI |
//! | [`echo`] | laravel-echo from npm |
//! | [`requirements`] | permissions that some tests need, and the names of these tests |
//! | [`generated`] | installed files that programs write |
//! | [`demo`], [`mod@test`], [`fresh`], [`arm64`], [`races`], [`mod@bench`], [`page_time`], [`soak`], [`fuzz`], [`autobahn`], [`proof`], [`install`], [`package`], [`windows`] | the commands |

pub mod apache;
pub mod args;
pub mod arm64;
pub mod autobahn;
pub mod bench;
pub mod build;
pub mod demo;
mod documents;
pub mod echo;
pub mod fresh;
pub mod fuzz;
pub mod generated;
pub mod http;
pub mod install;
pub mod npm;
pub mod package;
pub mod packages;
pub mod page_time;
pub mod php_builds;
pub mod phpt;
pub mod pip;
pub mod ports;
pub mod process;
pub mod proof;
pub mod races;
pub mod requirements;
pub mod say;
mod settings_file;
pub mod soak;
pub mod test;
mod toolchain;
pub mod windows;
pub mod workspace;
