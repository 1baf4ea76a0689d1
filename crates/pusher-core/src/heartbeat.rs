//! Finds browsers that have gone without a word, and those that take nothing.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::hub::Shard;
use crate::server::Context;
use crate::session::Session;
use crate::stats::SlowConsumer;

/// How often a shard's connections are looked at, at most.
const TICK_MAX: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(10);

/// Connections that are looked at before the event loop goes round again.
const STRETCH: usize = 1024;

/// One timer for all connections of a shard: a timer for each would take more memory than the
/// connection. Works until it is dropped.
pub(crate) async fn run(context: Arc<Context>, shard: Arc<Shard>) {
    loop {
        let times = Times::now(&context);
        tokio::time::sleep(times.tick).await;
        let now_ms = context.clock.now_ms();
        shard.beat(now_ms);
        let mut round = Round::new(&context, times, now_ms);
        let mut seen = 0;
        // Who changes places meanwhile and is missed is seen at the next tick.
        while seen < shard.session_count() {
            let stretch = seen..seen + STRETCH;
            for session in shard.sessions_in(stretch, |session| round.wants(session)) {
                round.look_at(session);
            }
            seen += STRETCH;
            tokio::task::yield_now().await;
        }
        round.make_room();
    }
}

/// The limits that go by time, in milliseconds.
struct Times {
    tick: Duration,
    ping_ms: u64,
    pong_ms: u64,
    write_ms: u64,
}

impl Times {
    fn now(context: &Context) -> Self {
        let limits = context.live.limits();
        let (ping, pong) = (limits.ping_interval, limits.pong_timeout);
        let shortest = ping.min(pong).min(limits.write_timeout);
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            tick: (shortest / 4).clamp(TICK_MIN, TICK_MAX),
            ping_ms: ms(ping),
            pong_ms: ms(pong),
            write_ms: ms(limits.write_timeout),
        }
    }
}

/// One look at all connections of a shard.
struct Round<'a> {
    context: &'a Context,
    times: Times,
    now_ms: u64,
    /// Events take half of what they may: the slowest browsers have to go.
    is_memory_tight: bool,
    /// Who has taken nothing, and for how long; only when memory is tight.
    stalled: Vec<(u64, Session)>,
}

impl<'a> Round<'a> {
    fn new(context: &'a Context, times: Times, now_ms: u64) -> Self {
        Self {
            is_memory_tight: is_memory_tight(context),
            context,
            times,
            now_ms,
            stalled: Vec::new(),
        }
    }

    /// Whether there is something to do for a session: for most there is not.
    fn wants(&self, session: &Session) -> bool {
        let connection = session.connection();
        connection.silent_ms(self.now_ms) >= self.times.ping_ms || connection.is_waiting()
    }

    fn look_at(&mut self, session: Session) {
        let connection = session.connection();
        let (ping_ms, pong_ms) = (self.times.ping_ms, self.times.pong_ms);
        connection.check_alive(self.now_ms, ping_ms, pong_ms);
        match connection.stalled_ms(self.now_ms) {
            Some(stalled_ms) if stalled_ms >= self.times.write_ms => {
                connection.drop_slow(SlowConsumer::Stall);
            }
            Some(stalled_ms @ 1..) if self.is_memory_tight => {
                self.stalled.push((stalled_ms, session));
            }
            _ => {}
        }
    }

    /// Drops those who have taken nothing for longest, until memory is not tight any more.
    fn make_room(&mut self) {
        self.stalled
            .sort_by_key(|&(stalled_ms, _)| Reverse(stalled_ms));
        for (_, session) in self.stalled.drain(..) {
            if !is_memory_tight(self.context) {
                return;
            }
            session.connection().drop_slow(SlowConsumer::Memory);
        }
    }
}

fn is_memory_tight(context: &Context) -> bool {
    let events_len_max = context.live.limits().events_len_max as u64;
    context.counters.events_len.get() > events_len_max / 2
}
