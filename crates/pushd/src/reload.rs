//! SIGHUP: the settings are read again, and those that can change do, without dropping a connection.

use pusher_core::{Control, Recipe};

use crate::log::Filter;
use crate::serve;
use crate::settings::{Config, Reload, Settings, Sources};

/// What there is to change.
pub(crate) struct Reloader {
    pub(crate) sources: Sources,
    /// Those at the start, to which what needs a restart is compared.
    pub(crate) started: Settings,
    /// Those of the last time, if there was one.
    pub(crate) current: Option<Settings>,
    pub(crate) open_files: usize,
    pub(crate) filter: Filter,
    pub(crate) recipe: Recipe,
    pub(crate) control: Control,
}

impl Reloader {
    /// Reads the settings again. If anything is wrong with them, all stay as they were.
    pub(crate) fn reload(&mut self) {
        let file = self.sources.path();
        let settings = match self.sources.load() {
            Ok(settings) => settings,
            Err(mistakes) => {
                for mistake in mistakes {
                    tracing::error!("{mistake}");
                }
                return tracing::error!(file = %file.display(), "the settings stay as they were");
            }
        };
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let options = serve::options(&settings.config, self.open_files);
        if let Err(error) = self.control.reload(options) {
            tracing::error!("{error}");
            return tracing::error!(file = %file.display(), "the settings stay as they were");
        }
        self.put_in_force(&settings.config);
        let changed = self.tell(&settings);
        tracing::info!(file = %file.display(), changed, "the settings were read again");
        self.current = Some(settings);
    }

    /// Tells what changes, and what can't; how much does.
    fn tell(&self, settings: &Settings) -> usize {
        let current = self.current.as_ref().unwrap_or(&self.started);
        let mut changed = 0;
        for (setting, from, to) in settings.changes(current) {
            if setting.reload == Reload::Now {
                changed += 1;
                tracing::info!(setting = setting.name, from, to, "changed");
            }
        }
        for (setting, from, to) in settings.changes(&self.started) {
            if setting.reload == Reload::Restart {
                tracing::warn!(setting = setting.name, from, to, "this needs a restart");
            }
        }
        changed
    }

    fn put_in_force(&self, config: &Config) {
        self.filter.set(config.log.clone());
        self.recipe
            .set_client_publish(config.client_publish.clone());
    }
}
