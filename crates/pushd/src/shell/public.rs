//! The public door, as browsers find it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::ArgMatches;

use super::Failed;
use crate::doctor::Fault;
use crate::plain::plain;
use crate::settings::Settings;

/// What was given, or the public door of the settings' own server.
pub(super) fn public_url(matches: &ArgMatches, settings: &Settings) -> Result<String, Failed> {
    match matches.get_one::<String>("url") {
        Some(url) => Ok(url.clone()),
        None => local_url(settings),
    }
}

/// On this machine.
fn local_url(settings: &Settings) -> Result<String, Failed> {
    let first = settings.config.options.listen.first();
    let mut address: SocketAddr = *first.ok_or("there is no public door: give --url")?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("ws://{address}/"))
}

pub(super) fn told(fault: Fault) -> Failed {
    let (what, todo) = fault.told();
    format!("{}. {}", plain(what), plain(todo))
}
