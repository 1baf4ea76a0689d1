//! SIGHUP: the settings are read again, and those that can change do, without dropping a connection.

use pusher_core::{Control, Recipe};

use crate::expiry::Expiry;
use crate::log::Filter;
use crate::serve;
use crate::settings::{Config, Reload, Settings, Sources};
use crate::tls::Watch;

/// What there is to change.
pub(crate) struct Reloader {
    /// Of the settings in force.
    pub(crate) certificate: Watch,
    pub(crate) expiry: Expiry,
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
        let certificate = Watch::new(&settings.config);
        if let Err(error) = self.set_options(&settings.config) {
            tracing::error!("{error}");
            return tracing::error!(file = %file.display(), "the settings stay as they were");
        }
        self.put_in_force(&settings.config);
        let changed = self.tell(&settings);
        self.certificate = certificate;
        tracing::info!(file = %file.display(), changed, "the settings were read again");
        self.current = Some(settings);
    }

    /// Reads the certificate again. If it is none, or not the key's, the last one stays in force.
    pub(crate) fn renew_certificate(&mut self) {
        let current = self.current.as_ref().unwrap_or(&self.started);
        let config = current.config.clone();
        match self.set_options(&config) {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::warn!("the certificate stays as it was: {error}"),
        }
    }

    fn set_options(&mut self, config: &Config) -> Result<(), String> {
        let options = serve::options(config, self.open_files)?;
        let certificate = options.certificate.clone();
        let set = self.control.reload(options);
        set.map_err(|error| error.to_string())?;
        self.expiry = Expiry::look_at(certificate.as_ref());
        Ok(())
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
        self.filter.set(&config.log);
        self.recipe
            .set_client_publish(config.client_publish.clone());
    }
}
