//! The public door, as browsers find it.

use clap::ArgMatches;

use super::Failed;
use crate::doctor::Fault;
use crate::plain::plain;
use crate::settings::Settings;
use crate::setup;

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
    let address = setup::from_here(*first.ok_or("there is no public door: give --url")?);
    Ok(format!("ws://{address}/"))
}

pub(super) fn told(fault: Fault) -> Failed {
    let (what, todo) = fault.told();
    format!("{}. {}", plain(what), plain(todo))
}
