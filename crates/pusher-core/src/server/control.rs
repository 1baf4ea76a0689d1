//! Control of a running server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::bind_error::BindError;
use super::listen::check_token;
use crate::config::LiveOptions;
use crate::context::Context;

/// Changes the options of a running server and reports its health. Cheap to clone, and usable from any thread.
/// Returned by [`Server::control`](crate::Server::control).
#[derive(Clone)]
pub struct Control {
    context: Arc<Context>,
}

impl Control {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Replaces the live options, also for the clients that are connected. Connections stay open even if they exceed the
    /// new limits. If the file of a unix socket was removed, the server creates it again.
    ///
    /// Fails if other machines can reach a publish listener and `options` has no token.
    pub fn reload(&self, options: LiveOptions) -> Result<(), BindError> {
        check_token(self.context.open_to_others, &options)?;
        self.context.hub.set_options(options);
        self.context.reloads.send_replace(());
        Ok(())
    }

    /// Returns the time since the slowest event loop last ran its timer. About one second is normal; a minute means that
    /// a thread hangs.
    pub fn silent_for(&self) -> Duration {
        self.context.silent_for()
    }

    /// Adds the number of log lines that the program has dropped to the metrics, as `pushd_log_lines_dropped_total`.
    /// Only the first call has an effect.
    pub fn show_dropped_log_lines(&self, dropped: Arc<AtomicU64>) {
        let _is_first = self.context.log_lines_dropped.set(dropped);
    }

    /// Whether shutdown has begun.
    pub fn is_ending(&self) -> bool {
        self.context.tasks.closing.is_cancelled()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}
