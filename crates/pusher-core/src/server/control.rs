//! Control of a running server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::bind_error::BindError;
use super::listen::{check_live, check_token};
use crate::config::LiveOptions;
use crate::context::{Context, Reload, Upgrade};
use crate::handover::NoUpgrade;
use crate::publishers::{self, RevokeError, Revoked};

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
    /// Fails if other machines can reach a publish listener and `options` has no token, and if the options of tickets
    /// or webhooks contradict others. Subscriptions to topics that are private now, and that the session's ticket does not allow, end.
    pub fn reload(&self, options: LiveOptions) -> Result<(), BindError> {
        check_token(self.context.open_to_others, &options)?;
        check_live(&options)?;
        self.context.hub.set_options(options);
        self.context.reloads.send_replace(());
        Ok(())
    }

    /// Ends the tickets of a user that were signed up to `before_s`, a Unix time in seconds. `None` means now. Their private
    /// subscriptions end, at all servers that share the log, and a restart does not forget it if the server has a state
    /// directory or shares its log.
    pub async fn revoke(&self, sub: &str, before_s: Option<u64>) -> Result<Revoked, RevokeError> {
        publishers::revoke(&self.context, sub, before_s).await
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

    /// Sets the function that begins an upgrade of the program, for `POST /upgrade` on the publish listener. Its future is ready
    /// when the other program was found to be able to take over, or with the reason why not. Only the first call has an effect.
    pub fn on_upgrade<F>(&self, upgrade: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), NoUpgrade>> + Send + 'static,
    {
        let upgrade: Upgrade = Box::new(move || Box::pin(upgrade()));
        let _is_first = self.context.upgrade.set(upgrade);
    }

    /// Sets the function that reads the program's settings again, for `POST /reload` on the publish listener. Its future has the
    /// number of changes, or says why nothing has changed. Only the first call has an effect.
    pub fn on_reload<F>(&self, reload: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<usize, String>> + Send + 'static,
    {
        let reload: Reload = Box::new(move || Box::pin(reload()));
        let _is_first = self.context.reload.set(reload);
    }

    /// Counts a hand-over that did not begin.
    pub fn count_failed_hand_over(&self) {
        self.context.counters.handovers_failed.add(1);
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
