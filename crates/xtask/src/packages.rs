//! Which Debian packages each command needs, and how they get there.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{run, shown};
use crate::say::{say, step};

/// A reason to need a package: packages are installed for the ones that a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Building the extension, and linking any Rust program.
    Build,
    /// Running the demo blog in PHP's own server.
    Blog,
    /// Running PHP inside Apache.
    Apache,
    /// What only the tests run.
    Test,
    /// Making packages.
    Packages,
    /// Building other PHPs, to test the extension in.
    OtherPhps,
    /// Installing a Debian into a folder.
    Fresh,
    /// Servers of the benchmark that node runs.
    Node,
    /// nginx, in the benchmark.
    Nginx,
    /// nats-server, in the benchmark.
    Nats,
}

use Purpose::{Apache, Blog, Build, Fresh, Nats, Nginx, Node, OtherPhps, Packages, Test};

/// One line of the table: package, what it is for, why, and the program that will do in its place.
struct Package {
    name: &'static str,
    purpose: Purpose,
    why: &'static str,
    /// Whoever has this program on the PATH, from wherever, needs no package.
    instead: Option<&'static str>,
}

const fn package(name: &'static str, purpose: Purpose, why: &'static str) -> Package {
    Package {
        name,
        purpose,
        why,
        instead: None,
    }
}

const fn or_program(package: Package, program: &'static str) -> Package {
    Package {
        instead: Some(program),
        ..package
    }
}

#[rustfmt::skip]
const TABLE: &[Package] = &[
    or_program(package("gcc", Build, "links Rust programs"), "cc"),
    package("libc6-dev", Build, "links Rust programs"),
    package("php8.2-cli", Build, "PHP, and what tells the extension's build about it"),
    package("php8.2-dev", Build, "PHP's headers, for the extension"),
    package("libclang1-14", Build, "reads PHP's headers, for the extension"),
    package("libclang-common-14-dev", Build, "stddef.h and its like, for the extension"),
    package("php8.2-sqlite3", Blog, "the demo blog's entries are kept in SQLite"),
    package("apache2", Apache, "runs PHP as sites do"),
    package("libapache2-mod-php8.2", Apache, "PHP inside Apache"),
    package("php8.2-fpm", Test, "the extension is tested in php-fpm"),
    package("libfcgi-bin", Test, "asks php-fpm without a web server"),
    package("nginx", Test, "a web server with HTTPS in front of pushd"),
    package("chromium", Test, "the browser that the pages are tested in"),
    or_program(package("nodejs", Test, "runs the tests of pusher.js"), "node"),
    package("node-ws", Test, "a WebSocket for pusher.js in a Node before 22"),
    package("node-acorn", Test, "parses the scripts in the grammar of old browsers"),
    or_program(package("g++", Test, "compiles the C++ program that uses libpusher"), "c++"),
    package("pkg-config", Test, "reads libpusher's pusher.pc"),
    package("binutils", Test, "nm and readelf look at libpusher's symbols"),
    or_program(package("curl", Test, "publishes to pushd by HTTP"), "curl"),
    or_program(package("openssl", Test, "makes certificates and keys that pushd can not use"), "openssl"),
    or_program(package("netcat-openbsd", Test, "publishes raw JSON to pushd"), "nc.openbsd"),
    package("composer", Test, "installs the PHP package as a site does"),
    package("wordpress", Test, "the WordPress plugin is tested in it"),
    package("wordpress-theme-twentytwentytwo", Test, "what that WordPress looks like"),
    package("mariadb-server", Test, "WordPress's database"),
    package("php8.2-mysql", Test, "WordPress's way to its database"),
    package("php8.2-mbstring", Test, "WordPress's way with texts"),
    package("php8.2-apcu", Test, "what one page has learned of pushd, the fallback tells the next"),
    or_program(package("make", Test, "builds the extension as PIE does"), "make"),
    package("php-zmq", Test, "ZeroMQ in PHP publishes to pushd, as the recipe has it"),
    package("python3-zmq", Test, "ZeroMQ in Python publishes to pushd"),
    or_program(package("iproute2", Test, "pulls a browser's network cable"), "ip"),
    or_program(package("groff-base", Test, "formats the manuals"), "groff"),
    package("mandoc", Test, "looks for mistakes in the manuals"),
    or_program(package("strace", Test, "counts pushd's system calls"), "strace"),
    package("valgrind", Test, "looks for memory errors in libpusher"),
    package("debhelper", Packages, "makes the Debian packages"),
    package("dpkg-dev", Packages, "builds them, and finds the libraries they depend on"),
    or_program(package("adduser", Test, "makes the user of the packaged service"), "adduser"),
    package("lintian", Test, "looks for mistakes in the packages"),
    package("systemd", Test, "runs the packaged service"),
    or_program(package("xz-utils", OtherPhps, "unpacks PHP's sources"), "xz"),
    package("debootstrap", Fresh, "installs a Debian into a folder"),
    or_program(package("npm", Node, "installs uWebSockets, ws and Socket.IO, for the benchmark"), "npm"),
    package("nginx-light", Nginx, "a server in the benchmark"),
    package("libnginx-mod-nchan", Nginx, "what makes nginx push"),
    package("nats-server", Nats, "a server in the benchmark"),
];

/// Installs what `purposes` need and the machine lacks, and says what and why; does nothing when nothing is missing.
pub fn install(purposes: &[Purpose]) -> Result<()> {
    let missing: Vec<&Package> = TABLE
        .iter()
        .filter(|package| purposes.contains(&package.purpose) && !is_there(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    step("These Debian packages are missing and will be installed:");
    for package in &missing {
        say(format_args!("    {:24} {}", package.name, package.why));
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    apt_install(&names)?;
    const SERVICES: [&str; 5] = [
        "apache2",
        "mariadb-server",
        "nats-server",
        "nginx",
        "php8.2-fpm",
    ];
    if SERVICES.iter().any(|service| names.contains(service)) {
        let services = SERVICES.join(", ");
        say(format_args!(
            "Debian may have started some of {services} as services. Nothing here uses them."
        ));
    }
    Ok(())
}

fn is_there(package: &Package) -> bool {
    package.instead.is_some_and(on_path) || is_installed(package.name)
}

fn is_installed(name: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", name])
        .stderr(Stdio::null())
        .output();
    says_installed(&query)
}

/// Reads the answer of dpkg-query. Where there is none, nothing is known to be installed.
fn says_installed(answer: &io::Result<Output>) -> bool {
    let answer = answer.as_ref();
    answer.is_ok_and(|output| output.stdout == b"installed")
}

/// Whether `program` is in a folder of `$PATH`.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

// The lists are fetched only when they are needed: a fresh machine has none, an old one has outdated ones,
// and a machine that is up to date should not wait for a mirror.
fn apt_install(names: &[&str]) -> Result<()> {
    let become_root = how_to_become_root(names)?;
    let known = apt(&[], &install_words("--simulate", names))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if known.is_ok_and(|status| status.success())
        && run(&mut apt(become_root, &install_words("-y", names))).is_ok()
    {
        return Ok(());
    }
    run(&mut apt(become_root, &["update"]))?;
    run(&mut apt(become_root, &install_words("-y", names)))
        .context("some packages could not be installed; Debian 12 (bookworm) has them all")
}

fn install_words<'a>(how: &'a str, names: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec![how, "--no-install-recommends", "install"];
    words.extend(names);
    words
}

// The lock: somebody else's apt (the nightly upgrade) may be running; wait for it, but not for ever.
fn apt(become_root: &[&str], words: &[&str]) -> Command {
    let line: Vec<&str> = become_root
        .iter()
        .chain(&[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=500",
        ])
        .chain(words)
        .copied()
        .collect();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]);
    command
}

fn how_to_become_root(names: &[&str]) -> Result<&'static [&'static str]> {
    if !on_path("apt-get") {
        bail!(
            "this is not a Debian system (no apt-get): please install what corresponds to {}",
            names.join(" ")
        );
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(&[]);
    }
    if on_path("sudo") {
        return Ok(&["sudo"]);
    }
    let by_hand = shown(&apt(&[], &install_words("-y", names)));
    bail!("installing needs root, and there is no sudo. As root, run:\n    {by_hand}")
}

/// Reports what is missing of the Rust toolchain itself: apt has nothing to offer there.
pub fn check_rust_components(cargo: &Path) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let found = Command::new(cargo)
            .args([subcommand, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            bail!("`cargo {subcommand}` is missing: run `rustup component add {component}`");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn no_package_is_listed_twice_and_each_says_why() {
        for (index, package) in TABLE.iter().enumerate() {
            assert!(!package.why.is_empty(), "{}", package.name);
            assert!(
                TABLE[..index]
                    .iter()
                    .all(|other| other.name != package.name),
                "{}",
                package.name
            );
        }
    }

    #[test]
    fn an_installed_package_is_told_from_others() {
        let answer = |text: &str| {
            Ok(Output {
                status: ExitStatus::default(),
                stdout: text.into(),
                stderr: Vec::new(),
            })
        };
        assert!(says_installed(&answer("installed")));
        // Unknown to dpkg, removed with its configuration left, half-installed, and no dpkg here.
        for text in ["", "config-files", "half-installed"] {
            assert!(!says_installed(&answer(text)), "{text}");
        }
        assert!(!says_installed(&Err(io::ErrorKind::NotFound.into())));
        assert!(!is_installed("no-such-package-exists"));
        if on_path("dpkg-query") {
            assert!(is_installed("dpkg"));
        }
    }

    #[test]
    fn a_program_from_elsewhere_does_for_its_package() {
        assert!(is_there(&or_program(
            package("no-such-package", Test, ""),
            "sh"
        )));
        assert!(!is_there(&or_program(
            package("no-such-package", Test, ""),
            "no-such-program"
        )));
    }

    #[test]
    fn the_install_command_is_the_one_that_debian_wants() {
        let command = apt(&["sudo"], &install_words("-y", &["apache2", "valgrind"]));
        assert_eq!(
            shown(&command),
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=500 \
             -y --no-install-recommends install apache2 valgrind"
        );
    }
}
