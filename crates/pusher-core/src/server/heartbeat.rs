//! Finds browsers that have gone without a word, and those that take nothing.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pusher_proto::wamp::{Subprotocol, ping_frame};

use crate::connection::Session;
use crate::connection::keepalive_frame;
use crate::context::Context;
use crate::hub::Shard;
use crate::stats::SlowConsumer;

/// How often a shard's connections are looked at, at most.
const TICK_MAX: Duration = Duration::from_secs(1);
const TICK_MIN: Duration = Duration::from_millis(10);

/// A round that is later than this says nothing about browsers.
const LATE_MS: u64 = 1000;

/// One timer for all connections of a shard: a timer for each would take more memory than the
/// connection. Works until it is dropped.
pub(crate) async fn run(context: Arc<Context>, shard: Arc<Shard>) {
    let mut standstill = Standstill::default();
    loop {
        let times = Times::now(&context);
        let due_ms = context.clock.now_ms() + times.tick.as_millis() as u64;
        tokio::time::sleep(times.tick).await;
        let now_ms = context.clock.now_ms();
        shard.beat(now_ms);
        if standstill.excuses(now_ms.saturating_sub(due_ms)) {
            continue;
        }
        let mut round = Round::new(&context, times, now_ms);
        let ping_ms = round.times.ping_ms;
        // A session that changes places meanwhile may be missed. The next tick visits it.
        for sessions in shard.chunks(|session| needs_attention(session, now_ms, ping_ms)) {
            for session in sessions {
                round.look_at(session);
            }
            tokio::task::yield_now().await;
        }
        round.make_room();
    }
}

/// The server itself has not run for a while: it was stopped, or the machine was. What browsers have
/// said meanwhile, or have taken, is not seen yet; a round later it is.
#[derive(Debug, Default)]
struct Standstill {
    is_excused: bool,
}

impl Standstill {
    /// Whether this round must not count, `late_ms` after it was due. Never two in a row.
    fn excuses(&mut self, late_ms: u64) -> bool {
        self.is_excused = !self.is_excused && late_ms > LATE_MS;
        self.is_excused
    }
}

/// The limits that go by time, in milliseconds, and the frames that ask browsers for a sign of life.
struct Times {
    tick: Duration,
    ping_ms: u64,
    pong_ms: u64,
    write_ms: u64,
    ping: Bytes,
    /// For `pushd.1`: a ping and KEEPALIVE, which leave in one write.
    ping_and_keepalive: Bytes,
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
            ping: Bytes::from_static(ping_frame()),
            ping_and_keepalive: [ping_frame(), &keepalive_frame(ping)].concat().into(),
        }
    }

    fn ping(&self, subprotocol: Subprotocol) -> &Bytes {
        match subprotocol {
            Subprotocol::Wamp => &self.ping,
            Subprotocol::Pushd1 => &self.ping_and_keepalive,
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

    fn look_at(&mut self, session: Session) {
        let connection = session.connection();
        let (ping_ms, pong_ms) = (self.times.ping_ms, self.times.pong_ms);
        let ping = self.times.ping(connection.subprotocol());
        connection.check_alive(self.now_ms, ping_ms, pong_ms, ping);
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
    fn one_round_after_a_standstill_does_not_count() {
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
