//! The options in force. Those that are read each time they are needed can change while the server
//! runs.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::{Certificate, Limits, LiveOptions};

/// Shared by everything that obeys options. Reading costs a few nanoseconds and takes no lock. Drop the guard soon, and
/// before any await: clippy refuses both types of guard there (`.clippy.toml`).
#[derive(Debug)]
pub(crate) struct Live(ArcSwap<LiveOptions>);

/// The options of this moment.
pub(crate) struct OptionsNow(Guard<Arc<LiveOptions>>);

/// The limits of this moment.
pub(crate) struct LimitsNow(Guard<Arc<LiveOptions>>);

impl Live {
    pub(crate) fn new(options: LiveOptions) -> Self {
        Self(ArcSwap::from_pointee(options))
    }

    pub(crate) fn options(&self) -> OptionsNow {
        OptionsNow(self.0.load())
    }

    pub(crate) fn limits(&self) -> LimitsNow {
        LimitsNow(self.0.load())
    }

    /// How long what is queued may take to leave, and a peer to hang up.
    pub(crate) fn end_timeouts(&self) -> (Duration, Duration) {
        let limits = self.limits();
        (limits.flush_timeout, limits.linger_timeout)
    }

    /// With which connections that begin now are encrypted, if they are to be.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.options().certificate.clone()
    }

    pub(crate) fn set(&self, options: LiveOptions) {
        self.0.store(Arc::new(options));
    }
}

impl Deref for OptionsNow {
    type Target = LiveOptions;

    fn deref(&self) -> &LiveOptions {
        &self.0
    }
}

impl Deref for LimitsNow {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        &self.0.limits
    }
}

#[cfg(test)]
impl Live {
    /// Shows whether somebody still holds the current options after others have replaced them.
    pub(crate) fn downgrade(&self) -> std::sync::Weak<LiveOptions> {
        Arc::downgrade(&self.0.load_full())
    }
}

#[cfg(test)]
impl From<Limits> for Live {
    fn from(limits: Limits) -> Self {
        Self::new(LiveOptions {
            limits,
            ..LiveOptions::default()
        })
    }
}
