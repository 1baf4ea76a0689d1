//! `cargo xtask page-time`: measures the time that a publish adds to a page in Apache, while pushd runs, is absent, is
//! stopped, or never answers; and the time of the publish alone.

mod publish_cost;

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::apache::{Apache, Site};
use crate::args::Demo;
use crate::demo::start_daemon;
use crate::packages::{self, Purpose};
use crate::ports::free_addresses;
use crate::process::{Background, wait_until};
use crate::say::{say, step};
use crate::workspace::Workspace;
use crate::{build, http};

/// Requests for each case, in sequence.
const REQUESTS: usize = 200;

/// Limit for the time until the daemon has stopped.
const STOP_MS: u64 = 5_000;

/// Two pages: one publishes, the other does not. Each prints its process id and the result of the publish.
pub const PAGES: [(&str, &str); 2] = [
    (
        "publish.php",
        "<?php $receipt = @Pusher::publish('kittensCategory', ['title' => 'A new kitten']);
         $failure = str_contains(error_get_last()['message'] ?? '', 'not tried') ? 'not tried' : 'failed';
         $success = $receipt?->spooled ? 'spooled' : 'published';
         echo getmypid(), ' ', $receipt ? $success : $failure;",
    ),
    ("index.php", "<?php echo getmypid(), ' nothing';"),
];

/// The measurement of one request.
#[derive(Debug)]
pub struct Visit {
    /// Time from before the connect to the end of the answer.
    pub took: Duration,
    /// The process id of the Apache child that served it.
    pub pid: String,
    /// `published`, `spooled`, `failed`, `not tried`, or `nothing` for the page without a publish.
    pub outcome: String,
}

/// Requests a page of [`PAGES`].
pub fn visit(apache: SocketAddr, page: &str) -> Result<Visit> {
    let begin = Instant::now();
    let answer = http::get(apache, &format!("/{page}"))?;
    let took = begin.elapsed();
    let body = answer.text();
    match (answer.status, body.split_once(' ')) {
        (200, Some((pid, outcome))) => Ok(Visit {
            took,
            pid: pid.to_owned(),
            outcome: outcome.to_owned(),
        }),
        (status, _) => bail!("the page answered {status}: {body}"),
    }
}

/// Measures all cases and prints the table.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Build, Purpose::Apache])?;
    build::release(workspace)?;
    let [push, publish] = free_addresses()?;
    let daemon = || {
        let options = Demo {
            push_port: push.port(),
            publish_port: publish.port(),
            ..Demo::default()
        };
        start_daemon(workspace, &options, &[])
    };
    let spool = writable_folder()?;
    let measure = |name, page, spool| measure(workspace, publish, name, page, spool);
    let no_spool = "".as_ref();
    let mut lines = Vec::new();
    {
        let _running = daemon()?;
        lines.push(measure("(a page without it)", "index.php", no_spool)?);
        lines.push(measure("runs", "publish.php", no_spool)?);
    }
    for (name, spool) in [("is absent", no_spool), ("is absent, spool", spool.path())] {
        lines.push(measure(name, "publish.php", spool)?);
    }
    {
        let mut stopped = daemon()?;
        freeze(&mut stopped)?;
        let measured = [
            ("is stopped (SIGSTOP)", no_spool),
            ("is stopped, spool", spool.path()),
        ]
        .map(|(name, spool)| measure(name, "publish.php", spool));
        // A stopped process cannot end by SIGTERM.
        stopped.signal(Signal::SIGCONT);
        for measured in measured {
            lines.push(measured?);
        }
    }
    // The kernel accepts connections and data for a server that never calls `accept`.
    let _black_hole = TcpListener::bind(publish)?;
    lines.push(measure(
        "takes all, never answers",
        "publish.php",
        no_spool,
    )?);

    step(format_args!(
        "{REQUESTS} requests each, one after the other, with php.ini's defaults (250 ms timeout, 1000 ms retry)"
    ));
    say(
        "pushd                     median       p99       max    published spooled  failed  not tried",
    );
    lines.iter().for_each(say);
    publish_cost::run(workspace)
}

/// Returns a folder that Apache's processes can write to: they have another user.
fn writable_folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777))?;
    Ok(folder)
}

fn measure(
    workspace: &Workspace,
    publish: SocketAddr,
    name: &str,
    page: &str,
    spool: &Path,
) -> Result<String> {
    let site = tempfile::tempdir()?;
    for (name, content) in PAGES {
        fs::write(site.path().join(name), content)?;
    }
    // A new Apache for each case, because its children remember failures of an earlier case.
    let [address] = free_addresses()?;
    let apache = Apache::start(&Site {
        application: site.path(),
        docroot: ".",
        port: address.port(),
        ini: &[
            format!("extension={}", workspace.extension()?.display()),
            format!("pusher.address=tcp://{publish}"),
            format!("pusher.spool={}", spool.display()),
        ],
        environment: &[],
        children: None,
    })?;
    let visits = (0..REQUESTS).map(|_| visit(apache.address, page));
    Ok(report(name, visits.collect::<Result<_>>()?))
}

/// Formats a row of the table.
fn report(name: &str, mut visits: Vec<Visit>) -> String {
    visits.sort_by_key(|visit| visit.took);
    let at = |share: f64| {
        visits[((visits.len() - 1) as f64 * share).round() as usize]
            .took
            .as_secs_f64()
            * 1e3
    };
    let count = |outcome| {
        visits
            .iter()
            .filter(|visit| visit.outcome == outcome)
            .count()
    };
    format!(
        "{name:24}{:7.1} ms{:7.1} ms{:7.1} ms{:13}{:8}{:8}{:11}",
        at(0.5),
        at(0.99),
        at(1.0),
        count("published"),
        count("spooled"),
        count("failed"),
        count("not tried"),
    )
}

fn freeze(daemon: &mut Background) -> Result<()> {
    daemon.signal(Signal::SIGSTOP);
    let stat = format!("/proc/{}/stat", daemon.pid());
    let is_stopped = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "));
    if !wait_until(STOP_MS, is_stopped) {
        bail!("pushd does not stop");
    }
    Ok(())
}
