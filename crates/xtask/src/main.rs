//! `cargo xtask`: build, demo and test with one command each.

use std::process::ExitCode;

use anyhow::Result;
use xtask::args::{self, Task};
use xtask::say::say;
use xtask::workspace::Workspace;
use xtask::{
    arm64, autobahn, bench, build, demo, fresh, fuzz, install, package, page_time, proof, races,
    soak, test, windows,
};

fn main() -> ExitCode {
    match try_main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_main() -> Result<()> {
    let task = args::parse(lexopt::Parser::from_env())?;
    let workspace = Workspace::find()?;
    match task {
        Task::Demo(options) => demo::run(&workspace, &options),
        Task::Test(php) => test::run(&workspace, php),
        Task::Windows => windows::run(&workspace),
        Task::TestWindows => windows::test(&workspace),
        Task::Fresh(None) => fresh::run(&workspace),
        Task::Fresh(Some(other)) => fresh::other(&workspace, &other),
        Task::Arm64 => arm64::run(&workspace),
        Task::PageTime => page_time::run(&workspace),
        Task::Races => races::run(&workspace),
        Task::Bench(words) => bench::run(&workspace, &words),
        Task::Soak(soak) => soak::run(&workspace, &soak),
        Task::Fuzz(seconds) => fuzz::run(&workspace, seconds),
        Task::Autobahn => autobahn::run(&workspace),
        Task::Proof => proof::run(&workspace),
        Task::Build => build::run(&workspace),
        Task::Install(options) => install::run(&workspace, &options),
        Task::Package(options) => package::run(&workspace, &options),
        Task::Help => {
            say(args::HELP.trim_end());
            Ok(())
        }
    }
}
