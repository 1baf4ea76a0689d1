//! Finds browsers that have gone without a word.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::Shard;
use crate::server::Context;
use crate::session::Session;

/// How often a shard's connections are looked at, at most.
const TICK_MAX: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(10);

/// Connections that are looked at before the event loop goes round again.
const STRETCH: usize = 1024;

/// One timer for all connections of a shard: a timer for each would take more memory than the
/// connection. Works until it is dropped.
pub(crate) async fn run(context: Arc<Context>, shard: Arc<Shard>) {
    loop {
        let (ping, pong) = times(&context);
        let tick = (ping.min(pong) / 4).clamp(TICK_MIN, TICK_MAX);
        let (ping_ms, pong_ms) = (ping.as_millis() as u64, pong.as_millis() as u64);
        tokio::time::sleep(tick).await;
        let now_ms = context.clock.now_ms();
        shard.beat(now_ms);
        let mut seen = 0;
        // Who changes places meanwhile and is missed is seen at the next tick.
        while seen < shard.session_count() {
            let stretch = seen..seen + STRETCH;
            let is_silent = |session: &Session| session.connection().silent_ms(now_ms) >= ping_ms;
            for session in shard.sessions_in(stretch, is_silent) {
                session.connection().check_alive(now_ms, ping_ms, pong_ms);
            }
            seen += STRETCH;
            tokio::task::yield_now().await;
        }
    }
}

/// How long a browser may be silent, and how long it may take to answer.
fn times(context: &Context) -> (Duration, Duration) {
    let limits = context.live.limits();
    (limits.ping_interval, limits.pong_timeout)
}
