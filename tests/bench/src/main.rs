//! `push-bench`: the program that `cargo xtask bench` runs after it has built and installed everything.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use push_bench::args::{self, Options};
use push_bench::report::Report;
use push_bench::servers::Programs;
use push_bench::{picture, process, run, scenario};
use xtask::say::say;
use xtask::workspace::Workspace;

fn main() -> ExitCode {
    match try_main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("push-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_main() -> Result<()> {
    let Some(options) = args::parse(lexopt::Parser::from_env())? else {
        say(args::HELP.trim_end());
        return Ok(());
    };
    let programs = Programs::install(&Workspace::find()?, &options.all_servers())?;
    check_open_files(&options)?;
    if process::can_pin() {
        process::pin_client()?;
    } else {
        say("There is one processor only: server and client share it.");
    }
    let report = measure(&options, &programs);
    say(&report);
    if let Some(path) = &options.svg {
        write_pictures(&report, &options, path)?;
    }
    if !report.is_good() {
        bail!("not all servers did all their work: see the table");
    }
    Ok(())
}

/// Servers take turns, so other processes of the machine disturb all of them equally.
fn measure(options: &Options, programs: &Programs) -> Report {
    let mut report = Report::default();
    let begin = Instant::now();
    for number in 1..=options.runs {
        for &scenario in &options.scenarios {
            for &server in options.servers_of(&scenario) {
                let outcome = run::run(server, scenario, options.duration, programs);
                report.add(scenario, server, outcome);
            }
        }
        let (runs, seconds) = (options.runs, begin.elapsed().as_secs());
        say(format_args!(
            "run {number} of {runs} is over after {seconds} s"
        ));
    }
    report
}

fn check_open_files(options: &Options) -> Result<()> {
    let most = options
        .scenarios
        .iter()
        .map(|scenario| scenario.connections());
    let needed = most.max().unwrap_or(0) as u64 + 100;
    let allowed = process::raise_open_files()?;
    if allowed < needed {
        bail!("{allowed} open files are allowed, {needed} are needed: see `ulimit -Hn`");
    }
    Ok(())
}

fn write_pictures(report: &Report, options: &Options, path: &Path) -> Result<()> {
    let write = |path: &Path, svg: String| {
        fs::write(path, svg).with_context(|| format!("can't write {}", path.display()))
    };
    let (len, runs) = (scenario::EVENT_LEN, options.runs);
    let caption = format!(
        "Server on one processor, subscribers on another. {len}-byte events if not stated otherwise.\n\
         Medians of {runs} runs. Shorter is better"
    );
    let ratios = format!("{caption}; (x): times the floor.");
    write(path, picture::draw(report, &ratios))?;
    if let Some(svg) = picture::draw_memory(report, &format!("{caption}.")) {
        write(&picture::memory_path(path), svg)?;
    }
    Ok(())
}
