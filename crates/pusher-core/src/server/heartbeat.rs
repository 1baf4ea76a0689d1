//! Finds dead connections and slow consumers.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pusher_proto::wamp::ping_frame;

use crate::connection::{Dialect, Session};
use crate::context::Context;
use crate::hub::Shard;
use crate::stats::SlowConsumer;

/// Bounds of the interval at which a shard's connections are checked.
const TICK_MAX: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(10);

/// Time between two positions that an event stream sends, in ms. Proxies close connections that are silent for longer.
const POSITION_MS: u64 = 20_000;

/// If a round starts later than this, the server itself was stopped, and silence says nothing about browsers.
const LATE_MS: u64 = 1000;

/// Checks all connections of a shard with one timer, because a timer for each would need more memory than the connection
/// itself. Runs until it is dropped.
pub(crate) async fn run(context: Arc<Context>, shard: Arc<Shard>) {
    let mut standstill = Standstill::default();
    loop {
        let times = Times::now(&context, &shard);
        let due_ms = context.clock.now_ms() + times.tick.as_millis() as u64;
        tokio::time::sleep(times.tick).await;
        let now_ms = context.clock.now_ms();
        shard.beat(now_ms);
        if standstill.excuses(now_ms.saturating_sub(due_ms)) {
            continue;
        }
        let mut round = Round::new(&context, times, now_ms);
        // Every shard does it, because an application can block the thread of one.
        context.hub.check_disk();
        if shard.index() == 0 {
            context.hub.drop_old_events();
            context.hub.tickets().end_expired();
            context.presence.tick(now_ms);
        }
        let ping_ms = round.times.ping_ms.min(POSITION_MS);
        // A session that moves within the table during the loop may be missed. The next round visits it.
        for sessions in shard.chunks(|session| needs_attention(session, now_ms, ping_ms)) {
            for session in sessions {
                round.check(session);
            }
            tokio::task::yield_now().await;
        }
        round.make_room();
    }
}

/// Detects that the process or the machine was stopped for a while. After that, data of the browsers waits unread in the
/// sockets, so they look silent until the next round.
#[derive(Debug, Default)]
struct Standstill {
    is_excused: bool,
}

impl Standstill {
    /// Whether to skip a round that starts `late_ms` after it was due. Never skips two in a row.
    fn excuses(&mut self, late_ms: u64) -> bool {
        self.is_excused = !self.is_excused && late_ms > LATE_MS;
        self.is_excused
    }
}

/// Timeouts in milliseconds, and the frames to which a live browser answers.
struct Times {
    tick: Duration,
    ping_ms: u64,
    pong_ms: u64,
    write_ms: u64,
    ping: Bytes,
    /// For `pushd.1`: a ping and KEEPALIVE, sent in one write.
    ping_and_keepalive: Bytes,
}

impl Times {
    fn now(context: &Context, shard: &Shard) -> Self {
        let limits = context.live.limits();
        let (ping, pong) = (limits.ping_interval, limits.pong_timeout);
        let shortest = ping.min(pong).min(limits.write_timeout);
        let keepalive = shard.connections().keepalive_frame();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            tick: (shortest / 4).clamp(TICK_MIN, TICK_MAX),
            ping_ms: ms(ping),
            pong_ms: ms(pong),
            write_ms: ms(limits.write_timeout),
            ping: Bytes::from_static(ping_frame()),
            ping_and_keepalive: [ping_frame(), &keepalive].concat().into(),
        }
    }

    /// Returns the frames that a live browser answers. Event streams have none.
    fn ping(&self, dialect: Dialect) -> Option<&Bytes> {
        match dialect {
            Dialect::Wamp | Dialect::WampResumed | Dialect::Channels | Dialect::Wamp2 => {
                Some(&self.ping)
            }
            Dialect::Pushd1 => Some(&self.ping_and_keepalive),
            Dialect::EventStream => None,
        }
    }
}

/// One check of all connections of a shard.
struct Round<'a> {
    context: &'a Context,
    times: Times,
    now_ms: u64,
    /// Queued events use more than half of `events-len-max`, so the slowest consumers must be dropped.
    is_memory_tight: bool,
    /// Stalled sessions, with the time since their last progress in milliseconds. Filled only if memory is tight.
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

    fn check(&mut self, session: Session) {
        let connection = session.connection();
        let (ping_ms, pong_ms) = (self.times.ping_ms, self.times.pong_ms);
        match self.times.ping(connection.dialect()) {
            Some(ping) => connection.check_alive(self.now_ms, ping_ms, pong_ms, ping),
            None => {
                if connection.is_position_due(self.now_ms, ping_ms.min(POSITION_MS)) {
                    self.context.hub.report_position(&session);
                }
            }
        }
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

    /// Drops the longest stalled sessions until memory is no longer tight.
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

/// Whether a session has been silent for `ping_ms` or has a queue. Most sessions have neither.
fn needs_attention(session: &Session, now_ms: u64, ping_ms: u64) -> bool {
    let connection = session.connection();
    connection.silent_ms(now_ms) >= ping_ms || connection.is_waiting()
}

fn is_memory_tight(context: &Context) -> bool {
    let events_len_max = context.live.limits().events_len_max as u64;
    context.counters.events_len.get() > events_len_max / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_round_after_standstill_is_skipped() {
        let mut standstill = Standstill::default();
        for (late_ms, excused) in [
            (0, false),
            (LATE_MS, false),
            (LATE_MS + 1, true),
            (LATE_MS + 1, false),
            (60_000, true),
            (0, false),
        ] {
            assert_eq!(standstill.excuses(late_ms), excused, "{late_ms}");
        }
    }
}
