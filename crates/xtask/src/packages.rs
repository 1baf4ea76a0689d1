//! The Debian packages that each command needs, and their installation.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{run, shown};
use crate::say::{say, step};

/// A group of packages. A command installs the groups that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Builds the extension, and links any Rust program.
    Build,
    /// Runs the demo blog in PHP's own server.
    Blog,
    /// Runs PHP inside Apache.
    Apache,
    /// Runs the tests.
    Test,
    /// Makes packages.
    Packages,
    /// Makes .zip archives.
    Zip,
    /// Builds other PHPs, in which the extension is tested.
    OtherPhps,
    /// Installs a Debian into a folder.
    Fresh,
    /// Installs packages from npm: the benchmark's node servers, and the clients of Pusher Channels.
    Node,
    /// Runs the benchmark's nginx.
    Nginx,
    /// Runs the benchmark's nats-server.
    Nats,
    /// Runs several servers: the demo, the benchmark and the tests.
    Redis,
    /// Runs a web server or load balancer in front of pushd.
    LoadBalancer,
    /// Builds for arm64, and runs programs for it.
    Arm64,
    /// Builds for Windows.
    Windows,
    /// Runs programs for Windows.
    Wine,
}

use Purpose::{
    Apache, Arm64, Blog, Build, Fresh, LoadBalancer, Nats, Nginx, Node, OtherPhps, Packages, Redis,
    Test, Windows, Wine, Zip,
};

/// A row of the table.
struct Package {
    name: &'static str,
    purpose: Purpose,
    reason: &'static str,
    /// A program that replaces the package if it is on the PATH.
    instead: Option<&'static str>,
}

const fn package(name: &'static str, purpose: Purpose, reason: &'static str) -> Package {
    Package {
        name,
        purpose,
        reason,
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
    package("php8.2-cli", Build, "runs PHP, and names its version for the extension's build"),
    package("php8.2-dev", Build, "has PHP's headers, for the extension"),
    package("libclang1-14", Build, "reads PHP's headers, for the extension"),
    package("libclang-common-14-dev", Build, "reads stddef.h and similar headers, for the extension"),
    package("php8.2-sqlite3", Blog, "stores the demo blog's entries"),
    package("apache2", Apache, "runs PHP as sites do"),
    package("libapache2-mod-php8.2", Apache, "runs PHP inside Apache"),
    package("php8.2-fpm", Test, "runs PHP in php-fpm"),
    package("libfcgi-bin", Test, "sends requests to php-fpm without a web server"),
    package("nginx", LoadBalancer, "serves HTTPS in front of pushd, or balances its load"),
    package("caddy", Test, "serves HTTPS in front of pushd"),
    package("haproxy", Test, "serves HTTPS in front of pushd"),
    package("chromium", Test, "opens the tested pages"),
    or_program(package("nodejs", Test, "runs the tests of pusher.js"), "node"),
    package("node-ws", Test, "has a WebSocket for pusher.js in a Node before 22"),
    package("node-acorn", Test, "checks that old browsers can parse the scripts"),
    or_program(package("g++", Test, "compiles the C++ program that uses libpusher"), "c++"),
    package("pkg-config", Test, "reads libpusher's pusher.pc"),
    package("binutils", Test, "lists libpusher's symbols"),
    or_program(package("curl", Test, "publishes to pushd by HTTP"), "curl"),
    or_program(package("openssl", Test, "makes certificates and keys that pushd must refuse"), "openssl"),
    or_program(package("netcat-openbsd", Test, "publishes raw JSON to pushd"), "nc.openbsd"),
    package("composer", Test, "installs the PHP package as a site does"),
    package("php-laravel-framework", Test, "is the site that uses the Laravel package"),
    package("php-symfony-framework-bundle", Test, "is the site that follows php/SYMFONY.md"),
    package("php-symfony-security-bundle", Test, "has the users of that site"),
    package("php-symfony-twig-bundle", Test, "has the templates of that site"),
    package("php-symfony-yaml", Test, "reads the configuration of that site"),
    package("php-doctrine-orm", Test, "is the database of that site"),
    package("php-slim", Test, "is the site that follows php/FRAMEWORKS.md"),
    package("wordpress", Test, "runs the WordPress plugin"),
    package("wordpress-theme-twentytwentytwo", Test, "is a theme for WordPress"),
    package("mariadb-server", Test, "is WordPress's database"),
    package("php8.2-mysql", Test, "connects WordPress to its database"),
    package("php8.2-mbstring", Test, "handles UTF-8 for WordPress"),
    package("php8.2-apcu", Test, "shares the state of pushd among pages that use the fallback"),
    or_program(package("make", Test, "builds the extension as PIE does"), "make"),
    package("php-zmq", Test, "publishes by ZeroMQ from PHP, as the recipe does"),
    or_program(package("ruby", Test, "signs a ticket as a site in Ruby does"), "ruby"),
    package("python3-venv", Test, "installs clients and libraries from PyPI"),
    package("python3-zmq", Test, "publishes by ZeroMQ from Python"),
    or_program(package("iproute2", Test, "switches a browser's network off"), "ip"),
    or_program(package("nftables", Test, "checks the rules for a firewall"), "nft"),
    package("docker-compose", Test, "checks compose.yaml, without an engine"),
    package("python3-yaml", Test, "parses YAML"),
    or_program(package("groff-base", Test, "formats the manuals"), "groff"),
    package("mandoc", Test, "checks the manuals"),
    or_program(package("strace", Test, "counts pushd's system calls"), "strace"),
    or_program(package("unzip", Test, "unpacks the WordPress plugin"), "unzip"),
    package("prometheus", Test, "evaluates the alert rules and the queries of the dashboard"),
    package("valgrind", Test, "finds memory errors in libpusher"),
    package("debhelper", Packages, "makes the Debian packages"),
    or_program(package("zip", Zip, "makes the archives of the WordPress plugin and for Windows"), "zip"),
    package("dpkg-dev", Packages, "builds them, and finds the shared libraries that they need"),
    or_program(package("adduser", Test, "makes the user of the packaged service"), "adduser"),
    package("lintian", Test, "checks the packages"),
    package("systemd", Test, "runs the packaged service"),
    or_program(package("xz-utils", OtherPhps, "unpacks PHP's sources"), "xz"),
    package("debootstrap", Fresh, "installs a Debian into a folder"),
    or_program(package("npm", Node, "installs the benchmark's node servers, and clients for tests"), "npm"),
    package("nginx-light", Nginx, "is a server in the benchmark"),
    package("libnginx-mod-nchan", Nginx, "adds push to nginx"),
    package("nats-server", Nats, "is a server in the benchmark"),
    or_program(package("redis-server", Redis, "has the log of several pushds"), "redis-server"),
    package("gcc-aarch64-linux-gnu", Arm64, "links programs for arm64"),
    package("libc6-dev-arm64-cross", Arm64, "is the C library of arm64"),
    package("qemu-user-static", Arm64, "runs programs for arm64"),
    package("gcc-mingw-w64-x86-64-win32", Windows, "links programs for Windows"),
    package("wine64", Wine, "runs programs for Windows"),
    or_program(package("wine", Wine, "is the command that runs them"), "wine"),
];

/// Installs the missing packages for `purposes`, and prints each with its reason.
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
        say(format_args!("    {:24} {}", package.name, package.reason));
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    apt_install(&names)?;
    if let Some(hint) = started_services(&names) {
        say(hint);
    }
    Ok(())
}

/// Returns a hint that names the installed packages whose services Debian starts.
fn started_services(installed: &[&str]) -> Option<String> {
    const SERVICES: [&str; 9] = [
        "apache2",
        "caddy",
        "haproxy",
        "mariadb-server",
        "nats-server",
        "nginx",
        "php8.2-fpm",
        "prometheus",
        "redis-server",
    ];
    let started: Vec<&str> = SERVICES
        .into_iter()
        .filter(|service| installed.contains(service))
        .collect();
    match started.as_slice() {
        [] => None,
        [service] => Some(format!(
            "Debian may have started {service} as a service. Nothing here uses it."
        )),
        services => Some(format!(
            "Debian may have started {} as services. Nothing here uses them.",
            services.join(" and ")
        )),
    }
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

/// Reads the answer of dpkg-query. Without an answer, no package counts as installed.
fn says_installed(answer: &io::Result<Output>) -> bool {
    let answer = answer.as_ref();
    answer.is_ok_and(|output| output.stdout == b"installed")
}

/// Returns whether `program` is in a folder of `$PATH`.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

// Updates the package lists only if an installation needs it. A new machine has no lists, an old one has outdated
// ones, and an up-to-date machine should not wait for a mirror.
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

// Another apt, such as the nightly upgrade, may hold the lock. The timeout limits the wait.
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
            "this is not a Debian system (no apt-get): please install the equivalents of {}",
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

/// Returns an error if a component of the Rust toolchain is missing, because apt cannot install it.
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
    fn each_package_is_listed_once_and_has_a_reason() {
        for (index, package) in TABLE.iter().enumerate() {
            assert!(!package.reason.is_empty(), "{}", package.name);
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
    fn the_hint_names_the_services_that_were_installed() {
        assert_eq!(started_services(&["php8.2-cli", "php8.2-sqlite3"]), None);
        assert_eq!(
            started_services(&["php8.2-cli", "apache2"]).as_deref(),
            Some("Debian may have started apache2 as a service. Nothing here uses it.")
        );
        let two = started_services(&["redis-server", "valgrind", "nginx"]);
        assert_eq!(
            two.as_deref(),
            Some(
                "Debian may have started nginx and redis-server as services. Nothing here uses them."
            )
        );
    }

    #[test]
    fn only_an_installed_package_counts() {
        let answer = |text: &str| {
            Ok(Output {
                status: ExitStatus::default(),
                stdout: text.into(),
                stderr: Vec::new(),
            })
        };
        assert!(says_installed(&answer("installed")));
        // Unknown to dpkg, removed with its configuration left, half-installed, and no dpkg.
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
    fn a_program_on_the_path_replaces_its_package() {
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
    fn apt_installs_without_questions_or_recommends() {
        let command = apt(&["sudo"], &install_words("-y", &["apache2", "valgrind"]));
        assert_eq!(
            shown(&command),
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=500 \
             -y --no-install-recommends install apache2 valgrind"
        );
    }
}
