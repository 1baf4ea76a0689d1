//! Reads the settings again and applies those that can change, without dropping a connection.

use pusher_core::{BindError, Control, Recipe};

use crate::expiry::Expiry;
use crate::file_watch::FileWatch;
use crate::log::Filter;
use crate::server_options::{self, OptionsError};
use crate::settings::{Config, Reload, Settings, Sources};

/// Why new options are not applied.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Control(#[from] BindError),
}

/// The parts of the daemon that a reload changes.
pub(crate) struct Reloader {
    /// Watches the files that the current settings name.
    pub(crate) files: FileWatch,
    pub(crate) expiry: Expiry,
    pub(crate) sources: Sources,
    /// The settings at the start. A difference to them may need a restart.
    pub(crate) started: Settings,
    /// The settings of the last reload, if any.
    pub(crate) current: Option<Settings>,
    pub(crate) open_files: usize,
    pub(crate) filter: Filter,
    pub(crate) recipe: Recipe,
    pub(crate) control: Control,
}

impl Reloader {
    /// Reads the settings again. If any of them is wrong, none changes. Returns the number of changes, or all mistakes.
    pub(crate) fn reload(&mut self) -> Result<usize, String> {
        let file = self.sources.path();
        let settings = match self.sources.load() {
            Ok(settings) => settings,
            Err(mistakes) => {
                for mistake in &mistakes {
                    tracing::error!("{mistake}");
                }
                tracing::error!(file = %file.display(), "the settings stay as they were");
                let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                return Err(texts.join("; "));
            }
        };
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let files = FileWatch::new(&settings.config);
        if let Err(error) = self.apply_options(&settings.config) {
            tracing::error!("{error}");
            tracing::error!(file = %file.display(), "the settings stay as they were");
            return Err(error.to_string());
        }
        self.apply(&settings.config);
        let changed = self.log_changes(&settings);
        self.files = files;
        tracing::info!(file = %file.display(), changed, "the settings were read again");
        self.current = Some(settings);
        Ok(changed)
    }

    /// Loads the files with certificates and keys again. If one is not valid, all stay as they were.
    pub(crate) fn renew_files(&mut self) {
        let current = self.current.as_ref().unwrap_or(&self.started);
        let config = current.config.clone();
        match self.apply_options(&config) {
            Ok(()) => tracing::info!("the files with certificates and keys were read again"),
            Err(error) => {
                tracing::warn!("the files with certificates and keys stay as they were: {error}");
            }
        }
    }

    fn apply_options(&mut self, config: &Config) -> Result<(), ApplyError> {
        let options = server_options::build(config, self.open_files)?.live;
        let certificate = options.certificate.clone();
        self.control.reload(options)?;
        self.expiry = Expiry::new(certificate.as_ref());
        Ok(())
    }

    /// Logs which settings change and which need a restart. Returns the number of changes.
    fn log_changes(&self, settings: &Settings) -> usize {
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

    fn apply(&self, config: &Config) {
        self.filter.set(&config.log);
        self.recipe
            .set_client_publish(config.client_publish.clone());
    }
}
