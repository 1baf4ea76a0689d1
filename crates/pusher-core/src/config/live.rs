//! The current values of the options that can change while the server runs.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::{Certificate, Limits, LiveOptions};

/// The current options, shared by all tasks. Reading costs a few nanoseconds and takes no lock. Drop the guard soon,
/// and before any await: clippy refuses both types of guard there (`.clippy.toml`).
#[derive(Debug)]
pub(crate) struct Live(ArcSwap<LiveOptions>);

/// The current options, as a guard.
pub(crate) struct OptionsNow(Guard<Arc<LiveOptions>>);

/// The current limits, as a guard.
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

    /// Returns `flush_timeout` and `linger_timeout`.
    pub(crate) fn end_timeouts(&self) -> (Duration, Duration) {
        let limits = self.limits();
        (limits.flush_timeout, limits.linger_timeout)
    }

    /// Returns the certificate for new connections. `None` if TLS is off.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        self.options().certificate.clone()
    }

    /// Replaces the options. Returns the ones before.
    pub(crate) fn set(&self, options: LiveOptions) -> Arc<LiveOptions> {
        self.0.swap(Arc::new(options))
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
    /// Returns a weak reference. A test can see with it whether old options are freed after a reload.
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
