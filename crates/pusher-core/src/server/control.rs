//! The operator's hand on a running server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::bind_error::BindError;
use super::listen::check_token;
use crate::config::LiveOptions;
use crate::context::Context;

/// Changes a running server, and tells whether it is well. Cheap to clone; usable from any thread.
/// From [`Server::control`](crate::Server::control).
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
        self.context.live.set(options);
        self.context.reloads.send_replace(());
        Ok(())
    }

    /// How long no event loop of the server has gone round, the slowest one's time. About a second
    /// is as it should be; a minute means that a thread hangs.
    pub fn silent_for(&self) -> Duration {
        self.context.silent_for()
    }

    /// Shows the number of log lines that the program has dropped, in the metrics
    /// (`pushd_log_lines_dropped_total`). The first counter stays.
    pub fn show_dropped_log_lines(&self, dropped: Arc<AtomicU64>) {
        let _is_first = self.context.log_lines_dropped.set(dropped);
    }

    /// Whether the server has been told to end.
    pub fn is_ending(&self) -> bool {
        self.context.tasks.closing.is_cancelled()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}
