//! Finds connections that are dead.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::Connection;

impl Connection {
    /// Records that bytes arrived from the browser.
    pub(crate) fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms, Ordering::Relaxed);
        self.pinged.store(false, Ordering::Relaxed);
    }

    /// Returns the time since the last bytes from the browser, in ms.
    pub(crate) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Sends the ping interval to a browser that speaks `pushd.1`. Scripts cannot see WebSocket pings, but can see this
    /// message.
    pub(crate) fn send_keepalive(&self) {
        self.send(&Bytes::from(self.common.keepalive_frame()));
    }

    /// Sends `ping` to a browser that was silent for `ping_ms`. Drops a browser that did not answer within `pong_ms`.
    pub(crate) fn check_alive(&self, now_ms: u64, ping_ms: u64, pong_ms: u64, ping: &Bytes) {
        let silent_ms = self.silent_ms(now_ms);
        let pinged = self.pinged.load(Ordering::Relaxed);
        if !pinged && silent_ms >= ping_ms {
            self.pinged.store(true, Ordering::Relaxed);
            self.send_ping(ping);
        } else if pinged && silent_ms >= ping_ms + pong_ms {
            self.common.counters.pings_unanswered.add(1);
            let message = format_args!(
                "dropped a browser that did not answer a ping: no data from it for {:?}",
                Duration::from_millis(silent_ms)
            );
            let log = &self.common.browser_log;
            let _logged = log.about(&self.peer().to_string(), message);
            self.drop_all();
            self.reset_on_close();
        }
    }

    /// Lets the kernel close the connection if the browser confirms no bytes for the time of a ping. For event streams,
    /// which have no pings.
    pub(crate) fn detect_dead_peer(&self) {
        let timeout = {
            let limits = self.common.live.limits();
            limits.ping_interval + limits.pong_timeout
        };
        if let Err(error) = self.socket.set_user_timeout(timeout) {
            tracing::debug!(session = %self.id, %error, "cannot set TCP_USER_TIMEOUT");
        }
    }

    /// Returns whether an event stream should send its position: once every `interval_ms`.
    pub(crate) fn is_position_due(&self, now_ms: u64, interval_ms: u64) -> bool {
        let is_due = self.silent_ms(now_ms) >= interval_ms;
        if is_due {
            // An event stream's browser is never heard, so this is the time of the last position.
            self.heard(now_ms);
        }
        is_due
    }
}
