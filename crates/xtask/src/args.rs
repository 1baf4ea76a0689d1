//! The command line.

use std::ffi::OsString;

use anyhow::{Context, Result, bail, ensure};
use lexopt::{Arg, Parser, ValueExt};

use crate::install::Install;
use crate::package::Package;

/// The text of `cargo xtask --help`.
pub const HELP: &str = "\
Usage: cargo xtask <command>

  demo    install missing packages, build, start pushd and the demo blog; Ctrl-C stops both
          --apache            run the blog in a private Apache with mod_php
          --nodes N           run N pushds on one Redis, behind nginx as the load balancer (2 to 9).
                              Their ports follow --push-port, and begin with --publish-port
          --web-port N        the blog's port (default 8000)
          --push-port N       pushd's public listener, for browsers (default 8080)
          --publish-port N    pushd's publish listener (default 5555)
  test    install missing packages, and run every check and test
          --php all           also test the extension under valgrind, in PHP 8.4 and in a debug build
                              with threads (builds these PHPs first; takes long)
          --php valgrind|8.4|zts    test the extension in one of these only
          --windows           build for Windows, and only check that in wine
  fresh   run both commands of the README, and install the packages, on a newly installed Debian
          (needs root, a Debian mirror, and an hour)
          --system NAME       only install the packages of target/package, on trixie (Debian 13) or noble
                              (Ubuntu 24.04), and try them there
          --mirror URL        the mirror of Ubuntu
  races   look for data races in libpusher with ThreadSanitizer (takes minutes, needs Rust's sources)
  page-time   measure the time that a publish adds to a page while pushd runs, is absent or hangs
  bench   compare pushd with other servers; `cargo xtask bench --help` lists the options
  soak    run load and churn for a long time, and print statistics every minute
          --minutes N         duration (default 60)
          --seeds N           run the simulator of disasters with this number of seeds instead
          --seed N            repeat one seed of the simulator
          --steps LIST        with --seed: only these disasters, such as 0,3
          --nodes N           with --seeds or --seed: this number of nodes with one log in Redis
  fuzz    run a fuzzer on every decoder (needs cargo-fuzz)
          --seconds N         duration of each (default 60)
  autobahn  run the Autobahn test suite against the WebSocket (needs Python 2.7)
  proof   run what shows that pushd keeps its promises, and write tests/PROOF.md (takes half an hour)
  build   build everything in release mode: pushd, libpusher, the PHP extension
  install build pushd and libpusher, and install them with headers and manuals
          --prefix DIR        the folder they will run from, such as /usr/local
          --destdir DIR       a folder that stands for /, for package builders
  package make Debian packages, a .tar.gz of everything, and a .zip of the WordPress plugin
          --out DIR           the folder for them (default target/package)
  arm64   build pushd and libpusher for Linux on arm64, and try them in an emulator
  windows make a .zip for Windows: pushd.exe, pusher.dll, the PHP package, the demo blog
";

/// Another system for the packages.
#[derive(Debug, PartialEq, Eq)]
pub struct Other {
    /// The name of its release, as `debootstrap` knows it.
    pub suite: String,
    /// Its mirror, if it is Ubuntu. Debian's is that of this machine.
    pub mirror: Option<String>,
}

/// The work of `soak`.
#[derive(Debug, PartialEq, Eq)]
pub enum Soak {
    /// Load and churn for this number of minutes.
    Minutes(u64),
    /// The simulator with this number of seeds and of nodes.
    Seeds(u64, usize),
    /// One seed of the simulator, with all its disasters or only those with these numbers, and this number of nodes.
    Seed(u64, Option<String>, usize),
}

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Start the demo.
    Demo(Demo),
    /// Run every test.
    Test(Option<OtherPhp>),
    /// Test the build for Windows.
    TestWindows,
    /// Make the .zip for Windows.
    Windows,
    /// Try the README on a fresh Debian, or only the packages on another system.
    Fresh(Option<Other>),
    /// Build for arm64, and try that.
    Arm64,
    /// Measure pages that publish.
    PageTime,
    /// Look for data races.
    Races,
    /// Run the benchmark, with these arguments.
    Bench(Vec<OsString>),
    /// Run load and churn, or the simulator.
    Soak(Soak),
    /// Fuzz every decoder for this number of seconds.
    Fuzz(u64),
    /// Run the Autobahn test suite.
    Autobahn,
    /// Run the proof, and write its page.
    Proof,
    /// Build everything.
    Build,
    /// Install the daemon and the library.
    Install(Install),
    /// Make packages.
    Package(Package),
    /// Show [`HELP`].
    Help,
}

/// The PHPs, other than Debian's, in which the extension is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherPhp {
    /// All of these, and everything else.
    All,
    /// Debian's PHP under valgrind.
    Valgrind,
    /// PHP 8.4.
    Php84,
    /// A debug build with threads.
    ZtsDebug,
}

/// The demo's options.
#[derive(Debug, PartialEq, Eq)]
pub struct Demo {
    /// Apache with mod_php instead of PHP's own server.
    pub apache: bool,
    /// The blog's port.
    pub web_port: u16,
    /// pushd's port for browsers.
    pub push_port: u16,
    /// pushd's port for publishers.
    pub publish_port: u16,
    /// Number of pushds. If it is not 1, they share a Redis, and `push_port` is that of the load balancer.
    pub nodes: u16,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            apache: false,
            web_port: 8000,
            push_port: 8080,
            publish_port: 5555,
            nodes: 1,
        }
    }
}

/// Reads the options of `soak`.
fn soak(mut words: Parser) -> Result<Task> {
    let mut chosen = None;
    let mut steps = None;
    let mut nodes = None;
    while let Some(word) = words.next()? {
        let next = match word {
            Arg::Long("minutes") => Soak::Minutes(words.value()?.parse()?),
            Arg::Long("seeds") => Soak::Seeds(words.value()?.parse()?, 1),
            Arg::Long("seed") => Soak::Seed(words.value()?.parse()?, None, 1),
            Arg::Long("steps") => {
                steps = Some(words.value()?.string()?);
                continue;
            }
            Arg::Long("nodes") => {
                nodes = Some(words.value()?.parse()?);
                continue;
            }
            Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        };
        ensure!(
            chosen.is_none(),
            "soak has one of --minutes, --seeds and --seed"
        );
        chosen = Some(next);
    }
    ensure!(nodes != Some(0), "the least is 1");
    let soak = match (chosen, steps) {
        (Some(Soak::Seed(seed, ..)), steps) => Soak::Seed(seed, steps, nodes.unwrap_or(1)),
        (Some(Soak::Seeds(seeds, _)), None) if seeds > 0 => Soak::Seeds(seeds, nodes.unwrap_or(1)),
        _ if nodes.is_some() => bail!("--nodes needs --seeds or --seed"),
        (None, None) => Soak::Minutes(60),
        (_, Some(_)) => bail!("--steps needs --seed"),
        (Some(Soak::Minutes(0) | Soak::Seeds(0, _)), None) => bail!("the least is 1"),
        (Some(other), None) => other,
    };
    Ok(Task::Soak(soak))
}

/// Reads the command line.
pub fn parse(mut words: Parser) -> Result<Task> {
    let task = match words.next()? {
        None => Task::Help,
        Some(Arg::Short('h') | Arg::Long("help")) => Task::Help,
        Some(Arg::Value(name)) => match name.string()?.as_str() {
            "demo" => return demo(words),
            "install" => return install(words),
            "package" => return package(words),
            "test" => return test(words),
            "fresh" => return fresh(words),
            "bench" => return Ok(Task::Bench(words.raw_args()?.collect())),
            "soak" => return soak(words),
            "fuzz" => {
                return number(words, "seconds", 60).map(|n| n.map_or(Task::Help, Task::Fuzz));
            }
            "autobahn" => Task::Autobahn,
            "races" => Task::Races,
            "arm64" => Task::Arm64,
            "windows" => Task::Windows,
            "page-time" => Task::PageTime,
            "proof" => Task::Proof,
            "build" => Task::Build,
            "help" => Task::Help,
            other => bail!("there is no command `{other}`\n\n{HELP}"),
        },
        Some(other) => return Err(other.unexpected().into()),
    };
    match words.next()? {
        Some(extra) => Err(extra.unexpected().into()),
        None => Ok(task),
    }
}

fn demo(mut words: Parser) -> Result<Task> {
    let mut demo = Demo::default();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("apache") => demo.apache = true,
            Arg::Long("nodes") => demo.nodes = nodes(&mut words)?,
            Arg::Long("web-port") => demo.web_port = port(&mut words)?,
            Arg::Long("push-port") => demo.push_port = port(&mut words)?,
            Arg::Long("publish-port") => demo.publish_port = port(&mut words)?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let last_port = demo.push_port.max(demo.publish_port);
    ensure!(
        demo.nodes == 1 || last_port <= u16::MAX - demo.nodes,
        "the ports of {} nodes follow {last_port}, and would be above 65535",
        demo.nodes
    );
    Ok(Task::Demo(demo))
}

fn fresh(mut words: Parser) -> Result<Task> {
    let (mut suite, mut mirror) = (None, None);
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("system") => suite = Some(words.value()?.string()?),
            Arg::Long("mirror") => mirror = Some(words.value()?.string()?),
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    match (suite.as_deref(), &mirror) {
        (None | Some("trixie"), None) | (Some("noble"), Some(_)) => {}
        (Some("noble"), None) => bail!("noble needs --mirror, a mirror of Ubuntu"),
        (None | Some("trixie"), Some(_)) => bail!("--mirror needs --system noble"),
        (Some(other), _) => bail!("`{other}` is neither trixie nor noble"),
    }
    Ok(Task::Fresh(suite.map(|suite| Other { suite, mirror })))
}

fn test(mut words: Parser) -> Result<Task> {
    let mut php = None;
    let mut windows = false;
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("php") => php = Some(other_php(&words.value()?.string()?)?),
            Arg::Long("windows") => windows = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(!windows || php.is_none(), "--windows tests no PHP");
    Ok(match windows {
        true => Task::TestWindows,
        false => Task::Test(php),
    })
}

fn other_php(name: &str) -> Result<OtherPhp> {
    Ok(match name {
        "all" => OtherPhp::All,
        "valgrind" => OtherPhp::Valgrind,
        "8.4" => OtherPhp::Php84,
        "zts" => OtherPhp::ZtsDebug,
        _ => bail!("`{name}` is not one of all, valgrind, 8.4, zts"),
    })
}

fn install(mut words: Parser) -> Result<Task> {
    let (mut prefix, mut destdir) = (None, None);
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("prefix") => prefix = Some(words.value()?.into()),
            Arg::Long("destdir") => destdir = Some(words.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let prefix = prefix.context("--prefix is missing: use --prefix /usr/local, for instance")?;
    Ok(Task::Install(Install { prefix, destdir }))
}

/// Reads the only option of a command, a number. Returns `None` for `--help`.
fn number(mut words: Parser, name: &str, default: u64) -> Result<Option<u64>> {
    let mut number = default;
    while let Some(word) = words.next()? {
        match word {
            Arg::Long(long) if long == name => {
                let value = words.value()?.string()?;
                number = match value.parse() {
                    Ok(0) | Err(_) => bail!("`{value}` is not a number of {name}"),
                    Ok(number) => number,
                };
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(number))
}

fn package(mut words: Parser) -> Result<Task> {
    let mut package = Package::default();
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("out") => package.folder = Some(words.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Task::Package(package))
}

fn port(words: &mut Parser) -> Result<u16> {
    let value = words.value()?.string()?;
    match value.parse() {
        Ok(0) | Err(_) => bail!("`{value}` is not a port: it must be a number from 1 to 65535"),
        Ok(port) => Ok(port),
    }
}

fn nodes(words: &mut Parser) -> Result<u16> {
    let value = words.value()?.string()?;
    match value.parse() {
        Ok(nodes @ 2..=9) => Ok(nodes),
        _ => bail!("`{value}` is not a number of nodes from 2 to 9"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<Task> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn commands_take_their_options() {
        assert_eq!(check("").unwrap(), Task::Help);
        assert_eq!(check("--help").unwrap(), Task::Help);
        assert_eq!(check("test").unwrap(), Task::Test(None));
        for (name, php) in [("all", OtherPhp::All), ("8.4", OtherPhp::Php84)] {
            let line = format!("test --php {name}");
            assert_eq!(check(&line).unwrap(), Task::Test(Some(php)));
        }
        assert_eq!(check("races").unwrap(), Task::Races);
        assert_eq!(check("fresh").unwrap(), Task::Fresh(None));
        let other = |suite: &str, mirror: Option<&str>| {
            let (suite, mirror) = (suite.to_owned(), mirror.map(str::to_owned));
            Task::Fresh(Some(Other { suite, mirror }))
        };
        assert_eq!(
            check("fresh --system trixie").unwrap(),
            other("trixie", None)
        );
        let words = "fresh --system noble --mirror http://mirror.example/ubuntu";
        let mirror = Some("http://mirror.example/ubuntu");
        assert_eq!(check(words).unwrap(), other("noble", mirror));
        for wrong in [
            "fresh --system sid",
            "fresh --system noble",
            "fresh --mirror http://mirror.example/",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check("arm64").unwrap(), Task::Arm64);
        assert_eq!(check("windows").unwrap(), Task::Windows);
        assert_eq!(check("test --windows").unwrap(), Task::TestWindows);
        assert!(check("test --windows --php all").is_err());
        assert_eq!(check("page-time").unwrap(), Task::PageTime);
        assert_eq!(check("build").unwrap(), Task::Build);
        let words = ["--runs", "1"].map(OsString::from).to_vec();
        assert_eq!(check("bench --runs 1").unwrap(), Task::Bench(words));
        assert_eq!(check("autobahn").unwrap(), Task::Autobahn);
        for (words, soak) in [
            ("soak", Soak::Minutes(60)),
            ("soak --minutes 5", Soak::Minutes(5)),
            ("soak --seeds 1000", Soak::Seeds(1000, 1)),
            ("soak --nodes 2 --seeds 9", Soak::Seeds(9, 2)),
            ("soak --seed 7", Soak::Seed(7, None, 1)),
            (
                "soak --seed 7 --steps 0,3 --nodes 2",
                Soak::Seed(7, Some("0,3".to_owned()), 2),
            ),
        ] {
            assert_eq!(check(words).unwrap(), Task::Soak(soak), "{words}");
        }
        assert_eq!(check("fuzz --seconds=600").unwrap(), Task::Fuzz(600));
        assert_eq!(check("fuzz --help").unwrap(), Task::Help);
        assert_eq!(check("demo").unwrap(), Task::Demo(Demo::default()));
        let expected = Demo {
            apache: true,
            web_port: 1,
            push_port: 2,
            publish_port: 65532,
            nodes: 3,
        };
        assert_eq!(
            check("demo --apache --web-port 1 --push-port=2 --publish-port 65532 --nodes 3")
                .unwrap(),
            Task::Demo(expected)
        );
    }

    #[test]
    fn install_requires_a_prefix() {
        let install = |destdir: Option<&str>| {
            Task::Install(Install {
                prefix: "/usr".into(),
                destdir: destdir.map(Into::into),
            })
        };
        assert_eq!(check("install --prefix /usr").unwrap(), install(None));
        assert_eq!(
            check("install --destdir=/tmp/x --prefix /usr").unwrap(),
            install(Some("/tmp/x"))
        );
        let error = check("install").unwrap_err().to_string();
        assert!(error.contains("--prefix"), "{error}");
    }

    #[test]
    fn package_takes_a_folder() {
        let package = |folder: Option<&str>| {
            Task::Package(Package {
                folder: folder.map(Into::into),
            })
        };
        assert_eq!(check("package").unwrap(), package(None));
        assert_eq!(check("package --out x").unwrap(), package(Some("x")));
    }

    #[test]
    fn invalid_arguments_are_errors() {
        for line in [
            "dome",
            "--demo",
            "test --apache",
            "test now",
            "test --php",
            "test --php 5.3",
            "demo --port 1",
            "demo --web-port",
            "demo --web-port 0",
            "demo --web-port 65536",
            "demo --web-port x",
            "demo --nodes 1",
            "demo --nodes 10",
            "demo --nodes 3 --push-port 65533",
            "soak --minutes 0",
            "soak --seconds 1",
            "soak --seeds 0",
            "soak --seeds x",
            "soak --steps 1",
            "soak --nodes 2",
            "soak --seeds 1 --nodes 0",
            "soak --seeds 1 --minutes 1",
            "fuzz --seconds x",
            "fuzz wamp",
            "install /usr/local",
            "install --prefix",
            "package --out",
            "package here",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }
}
