//! The command line.

use std::net::SocketAddr;

use clap::Parser;
use pusher_core::{PublishAddress, PublishToken, TopicPattern};
use tracing_subscriber::filter::Targets;

use crate::group;

/// Push for sites that already exist: what is published on the private door reaches every browser
/// that is subscribed on the public one.
///
/// Browsers speak WAMP v1 over WebSocket; their client is served at /pusher.js. Publishers write
/// JSON objects with a "category", or use libpusher or the PHP extension.
///
/// In bash `pushd` alone is a builtin: type `command pushd` or `pusherd`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    /// Where browsers connect; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080")]
    pub(crate) listen: Vec<SocketAddr>,

    /// Where publishers connect: ADDRESS:PORT or unix:/PATH; may be given several times. Without a
    /// token whoever can connect here may publish, so that others than 127.0.0.1 need one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5555")]
    pub(crate) publish_listen: Vec<PublishAddress>,

    /// Permissions of the publishers' unix sockets, in octal: whoever may write may publish
    #[arg(long, value_name = "MODE", default_value = "0660", value_parser = parse_mode)]
    pub(crate) publish_mode: u32,

    /// Group of the publishers' unix sockets, by name or number, such as www-data. By default the
    /// group that pushd runs as
    #[arg(long, value_name = "GROUP", value_parser = group::find)]
    pub(crate) publish_group: Option<u32>,

    /// The secret that publishers must show, wherever they connect; raw JSON and ZeroMQ can't and
    /// are refused. Other users of this machine see what stands here: set the variable instead
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PUSHD_PUBLISH_TOKEN",
        hide_env_values = true
    )]
    pub(crate) publish_token: Option<PublishToken>,

    /// A name by which publishers call this server in HTTP, beside localhost and the address that
    /// they connect to; may be given several times. Requests to other hosts are refused: a page
    /// whose name was pointed here could have sent them
    #[arg(long, value_name = "NAME")]
    pub(crate) publish_host: Vec<String>,

    /// Topics that browsers may publish to, beside publishers: a URI, or its beginning and a `*`;
    /// may be given several times. By default they may not publish at all
    #[arg(long, value_name = "PATTERN")]
    pub(crate) client_publish: Vec<TopicPattern>,

    /// What to log on standard error: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: Targets,
}

/// Three octal digits, or four that begin with 0.
fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|&mode| mode <= 0o777)
        .ok_or_else(|| "permissions are three octal digits, as in 0660 or 666".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_recipes_ports() {
        let args = Args::parse_from(["pushd"]);
        assert_eq!(args.listen, ["0.0.0.0:8080".parse().unwrap()]);
        assert_eq!(args.publish_listen, ["127.0.0.1:5555".parse().unwrap()]);
    }

    #[test]
    fn several_listeners_and_their_access() {
        let args = Args::parse_from([
            "pushd",
            "--publish-listen=localhost:1",
            "--publish-listen=unix:/run/p",
            "--publish-mode=606",
            "--publish-group=0",
        ]);
        let shown: Vec<_> = args
            .publish_listen
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["127.0.0.1:1", "unix:/run/p"]);
        assert_eq!((args.publish_mode, args.publish_group), (0o606, Some(0)));
    }

    #[test]
    fn mistakes_are_named() {
        for (arguments, part) in [
            (["--listen", "8080"], "8080"),
            (["--publish-listen", "localhost"], "localhost"),
            (["--publish-listen", "unix:p.sock"], "absolute"),
            (["--publish-token", "a b"], "without blanks"),
            (["--publish-mode", "888"], "octal"),
            (["--publish-mode", "1777"], "octal"),
            (["--publish-group", "no such group"], "no such group"),
            (["--log", "loud=very"], "loud=very"),
            (["--client-publish", "a*b"], "`*`"),
            (["--lisen", "0.0.0.0:1"], "--listen"),
        ] {
            let error = Args::try_parse_from(["pushd"].into_iter().chain(arguments)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
