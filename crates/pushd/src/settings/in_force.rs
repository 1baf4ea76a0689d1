//! The current settings.

use std::collections::BTreeMap;
use std::path::Path;

use pusher_core::RedisAddress;
use pusher_proto::channels::Channel;

use super::config::Config;
use super::environment;
use super::origin::{Given, Origin};
use super::setting::Setting;
use super::table::SETTINGS;
use crate::pusher_app::PusherApp;

/// The current settings and their sources.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// Values that were given, by name. All others are defaults.
    pub(crate) given: BTreeMap<&'static str, Given>,
    /// Variables that Kubernetes sets.
    pub(super) service_links: Vec<String>,
}

impl Settings {
    /// Returns warnings of settings that are valid but probably a mistake.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let exposed_token = exposed("publish-token", self.file_with("publish-token"));
        let has_password = self
            .config
            .redis
            .as_ref()
            .is_some_and(RedisAddress::has_password);
        let exposed_url = exposed(
            "password in redis",
            self.file_with("redis").filter(|_| has_password),
        );
        let password_file = self.config.redis_password_file.as_deref();
        let exposed_password = exposed("password for Redis", password_file);
        let key_file = Some(self.config.ticket_key_file.path());
        let exposed_keys = exposed("keys of tickets", key_file);
        let secret_file = self.config.pusher_app.as_ref().map(PusherApp::secret_file);
        let exposed_secret = exposed("secret of pusher-app", secret_file);
        environment::service_links(&self.service_links)
            .into_iter()
            .chain(exposed_token)
            .chain(exposed_url)
            .chain(exposed_password)
            .chain(exposed_keys)
            .chain(exposed_secret)
            .chain(self.short_replays())
            .chain(self.useless_client_events())
    }

    /// Returns the file that contains the setting, if it is in one.
    fn file_with(&self, name: &str) -> Option<&Path> {
        match &self.given.get(name)?.origin {
            Origin::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Warns of the patterns of `replay-on-subscribe` for which the log keeps fewer events.
    fn short_replays(&self) -> impl Iterator<Item = String> {
        let live = &self.config.options.live;
        let limits = &live.limits;
        let (limit, events_max) = match limits.history_len_max {
            0 => ("history-len-max", 0),
            _ => ("history-topic-events-max", limits.history_topic_events_max),
        };
        let patterns = live.replay_on_subscribe.iter();
        let short = patterns.filter(move |(_, count)| *count > events_max);
        short.map(move |(pattern, count)| {
            format!(
                "replay-on-subscribe {pattern}={count}: new subscribers get {events_max} events at most, because of {limit}"
            )
        })
    }

    /// Warns of the patterns of `pusher-client-events` that no channel matches whose clients may send events.
    fn useless_client_events(&self) -> impl Iterator<Item = String> {
        let patterns = self.config.options.live.client_events.iter();
        let useless = patterns.filter(|pattern| !may_allow_client_events(&pattern.to_string()));
        useless.map(|pattern| {
            format!(
                "pusher-client-events {pattern}: it has no effect, because clients send events only to private- and presence- \
                 channels that are neither cached nor encrypted"
            )
        })
    }

    /// Returns the publish token as it was written. The server's own form of it cannot be read back.
    pub(crate) fn publish_token(&self) -> Option<&str> {
        let given = self.given.get("publish-token")?;
        given.texts.first().map(String::as_str)
    }

    /// Returns the printed value and its source. Secrets are returned as they were written.
    pub(super) fn value(&self, setting: &Setting) -> (String, Option<&Origin>) {
        let given = self.given.get(setting.name);
        let value = match given {
            Some(given) if setting.is_secret => given.texts.join(","),
            _ => (setting.show)(&self.config).map_or_else(|| "none".to_owned(), |v| v.to_string()),
        };
        (value, given.map(|given| &given.origin))
    }

    /// Returns the settings that changed, with the old and the new value. Secrets are masked.
    pub(crate) fn changes<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'static Setting, String, String)> + 'a {
        SETTINGS.iter().filter_map(|setting| {
            let (old, new) = (before.value(setting).0, self.value(setting).0);
            if old == new {
                return None;
            }
            Some(match setting.is_secret {
                true => (setting, "********".to_owned(), "********".to_owned()),
                false => (setting, old, new),
            })
        })
    }
}

fn may_allow_client_events(pattern: &str) -> bool {
    let allows =
        |name: &str| Channel::parse(name).is_ok_and(|channel| channel.allows_client_events());
    match pattern.strip_suffix('*') {
        None => allows(pattern),
        Some(begin) => {
            let kinds = ["private-", "presence-"];
            kinds.iter().any(|kind| kind.starts_with(begin)) || allows(&format!("{begin}x"))
        }
    }
}

/// Warns of a file with a secret that all users can read.
#[cfg(unix)]
fn exposed(secret: &str, file: Option<&Path>) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;

    use super::origin::shown;
    let path = file?;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let is_exposed = mode & 0o004 != 0;
    is_exposed.then(|| {
        let path = shown(path);
        format!("{path}: all users of this machine can read the {secret}: run `chmod o-r {path}`")
    })
}

#[cfg(not(unix))]
fn exposed(_secret: &str, _file: Option<&Path>) -> Option<String> {
    None
}
