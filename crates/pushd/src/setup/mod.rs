//! `pushd setup`: prints the configuration that a web server or proxy in front of pushd needs, for the current settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::{Arg, ArgMatches, Command};
use pusher_core::Limits;

use crate::settings::Settings;

/// The subcommand.
pub(crate) const NAME: &str = "setup";

/// The servers, and the template of each.
const SERVERS: [(&str, &str); 4] = [
    ("apache", include_str!("apache.conf")),
    ("caddy", include_str!("caddy.conf")),
    ("haproxy", include_str!("haproxy.conf")),
    (NGINX, include_str!("nginx.conf")),
];
const NGINX: &str = "nginx";

/// The subcommand and its options.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Prints the configuration that a web server in front of pushd needs")
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .required(true)
                .value_parser(SERVERS.map(|(server, _)| server))
                .help("The web server or proxy of the site"),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("PATH")
                .value_parser(parse_path)
                .default_value("/push")
                .help("The path of push on the site. / is for a host name of its own"),
        )
}

/// Why there is no configuration to print: the operator changes `listen`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("listen has port 0, which the system chooses anew at each start: set a port")]
    PortZero,
    #[error("listen is empty: set an address")]
    NoAddress,
}

/// Returns the configuration to print.
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> Result<String, SetupError> {
    let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
    let options = &settings.config.options;
    let address = address(&options.listen)?;
    let limits = &options.live.limits;
    let template = template(text("server"), text("path"));
    Ok(fill(template, text("path"), address, limits))
}

/// Returns the template for a server. clap accepts no other names than those of [`SERVERS`].
fn template(server: &str, path: &str) -> &'static str {
    let found = SERVERS.into_iter().find(|(name, _)| *name == server);
    let (_, template) = found.unwrap_or_default();
    match template.split_once("location =") {
        // A request for the host always has the path /, so the rule for a missing slash is not needed.
        Some((first, _)) if server == NGINX && path == "/" => first,
        _ => template,
    }
}

fn fill(template: &str, path: &str, address: SocketAddr, limits: &Limits) -> String {
    let folder = format!("{}/", path.trim_end_matches('/'));
    // Twice the longest silence of a living connection.
    let seconds = 2
        * (limits.ping_interval + limits.pong_timeout)
            .as_secs()
            .max(1);
    template
        .replace("@FOLDER@", &folder)
        .replace("@PATH@", path)
        .replace("@ADDRESS@", &address.to_string())
        .replace("@PROXY@", &address.ip().to_string())
        .replace("@SECONDS@", &seconds.to_string())
}

/// Returns the address that a web server on the same machine connects to.
fn address(listen: &[SocketAddr]) -> Result<SocketAddr, SetupError> {
    let mut addresses = listen.iter().copied().map(local_address);
    let local = addresses.clone().find(|address| address.ip().is_loopback());
    match local.or_else(|| addresses.next()) {
        Some(address) if address.port() == 0 => Err(SetupError::PortZero),
        Some(address) => Ok(address),
        None => Err(SetupError::NoAddress),
    }
}

/// Returns the address that programs on the same machine connect to: localhost in place of an unspecified address.
pub(crate) fn local_address(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A path that would need quotes or escapes in a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path begins with / and consists of letters, digits and -._~/ as in /push")]
struct PathError;

/// Parses a path that needs no quotes in any configuration. Removes the slash at the end.
fn parse_path(text: &str) -> Result<String, PathError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !text.starts_with('/')
        || !text.bytes().all(is_plain)
        || text.contains("//")
        || text.contains("..")
    {
        return Err(PathError);
    }
    let trimmed = text.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/" } else { trimmed }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_reachable_for_the_web_server() {
        for (listen, expected) in [
            (&["0.0.0.0:8080"][..], "127.0.0.1:8080"),
            (&["[::]:8080"], "[::1]:8080"),
            (&["192.0.2.1:80", "127.0.0.1:81"], "127.0.0.1:81"),
            (&["192.0.2.1:80", "[::]:82"], "[::1]:82"),
            (&["192.0.2.1:80", "192.0.2.2:80"], "192.0.2.1:80"),
        ] {
            let listen: Vec<_> = listen
                .iter()
                .map(|address| address.parse().unwrap())
                .collect();
            assert_eq!(address(&listen).unwrap().to_string(), expected);
        }
        let error = address(&["0.0.0.0:0".parse().unwrap()]);
        assert_eq!(error, Err(SetupError::PortZero));
        assert_eq!(address(&[]), Err(SetupError::NoAddress));
    }

    #[test]
    fn paths_need_no_quotes() {
        for (text, path) in [
            ("/push", "/push"),
            ("/push/", "/push"),
            ("/", "/"),
            ("/a/b-c.d~1/", "/a/b-c.d~1"),
        ] {
            assert_eq!(parse_path(text).as_deref(), Ok(path));
        }
        for text in [
            "", "push", "//", "/a//b", "/../x", "/a b", "/a\"", "/a;", "/a{", "/ä",
        ] {
            assert!(parse_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn templates_are_filled_and_timeouts_outlast_pings() {
        let mut limits = Limits::default();
        let address = "127.0.0.1:8080".parse().unwrap();
        for (server, _) in SERVERS {
            for path in ["/push", "/"] {
                let filled = fill(template(server, path), path, address, &limits);
                let lines = filled.lines().filter(|line| !line.contains("@pushd"));
                assert!(!lines.collect::<String>().contains('@'), "{filled}");
            }
        }
        let text =
            |server, path, limits: &Limits| fill(template(server, path), path, address, limits);
        assert!(text(NGINX, "/push", &limits).contains("proxy_read_timeout 90s;"));
        assert!(text("haproxy", "/push", &limits).contains("timeout tunnel 90s\n"));
        assert!(!text(NGINX, "/", &limits).contains("location ="));
        limits.ping_interval = std::time::Duration::from_secs(60);
        assert!(text("apache", "/", &limits).contains("timeout=160 "));
    }
}
