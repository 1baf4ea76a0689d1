//! Continues with the connections of a server that was handed over: see [`handover`](crate::handover).

use std::sync::Arc;

use pusher_proto::Position;
use tokio::runtime::Handle;

use crate::admin::Admin;
use crate::browsers;
use crate::context::Context;
use crate::handover::{Browser, Descriptor, Figures, Publisher, Stage, State};
use crate::publishers;
use crate::unix_time::unix_ms;

/// The connections of a server that was handed over.
#[derive(Debug, Default)]
pub(super) struct Clients {
    browsers: Vec<(Browser, Descriptor)>,
    publishers: Vec<(Publisher, Descriptor)>,
    /// Of the server that was handed over. `None` if there was none.
    before: Option<Before>,
}

#[derive(Debug)]
struct Before {
    figures: Figures,
    paused_at_ms: u64,
    version: String,
    /// The end of its log.
    position: Position,
}

impl Clients {
    /// Takes the connections out of a state. `sockets` are those behind the listeners'.
    pub(super) fn new(state: &mut State, sockets: impl Iterator<Item = Descriptor>) -> Self {
        let mut sockets = sockets;
        let browsers = std::mem::take(&mut state.browsers);
        let browsers = browsers.into_iter().zip(&mut sockets).collect();
        let publishers = std::mem::take(&mut state.publishers);
        let publishers = publishers.into_iter().zip(sockets).collect();
        Self {
            browsers,
            publishers,
            before: Some(Before {
                figures: state.figures,
                paused_at_ms: state.paused_at_ms,
                version: std::mem::take(&mut state.version),
                position: state.position.into(),
            }),
        }
    }

    /// Closes all sessions if this server's log does not continue that of the server before: the sequence numbers that a
    /// session has then belong to other events. `continues` gets the end of the log of the server before. Returns whether
    /// the log is another one.
    pub(super) fn end_sessions_unless(&mut self, continues: impl Fn(Position) -> bool) -> bool {
        let Some(before) = &mut self.before else {
            return false;
        };
        if continues(before.position) {
            return false;
        }
        let count = self.browsers.len();
        let is_handshake = |browser: &Browser| matches!(browser.stage, Stage::Handshake(_));
        self.browsers.retain(|(browser, _)| is_handshake(browser));
        let ended = (count - self.browsers.len()) as u64;
        before.figures.closed += ended;
        tracing::warn!(
            ended,
            "the event log is not the one of the server before: browsers connect again"
        );
        true
    }

    /// Continues with the connections. The shards get the browsers in turn.
    pub(super) async fn resume(self, admin: &Arc<Admin>, shards: &[Handle]) {
        let Self {
            browsers,
            publishers,
            before,
        } = self;
        let Some(before) = before else {
            return;
        };
        let kept = browsers.len() + publishers.len();
        let context = admin.context();
        let mut shares: Vec<Vec<_>> = shards.iter().map(|_| Vec::new()).collect();
        for (index, browser) in browsers.into_iter().enumerate() {
            shares[index % shards.len()].push(browser);
        }
        let resumed = shares.into_iter().zip(shards).enumerate();
        let resumed: Vec<_> = resumed
            .map(|(index, (share, handle))| {
                handle.spawn(resume_browsers(context.clone(), index, share))
            })
            .collect();
        for (publisher, descriptor) in publishers {
            publishers::take_over(admin, publisher, descriptor);
        }
        for resumed in resumed {
            // It fails only if the shard ends.
            let _ended = resumed.await;
        }
        before.report(context, kept as u64);
    }
}

async fn resume_browsers(context: Arc<Context>, shard: usize, share: Vec<(Browser, Descriptor)>) {
    let shard = &context.hub.shards()[shard];
    for (browser, descriptor) in share {
        browsers::take_over(&context, shard, browser, descriptor);
    }
}

impl Before {
    fn report(&self, context: &Context, kept: u64) {
        let closed = self.figures.closed;
        let pause_ms = unix_ms().saturating_sub(self.paused_at_ms);
        let counters = &context.counters;
        counters.handovers.add(self.figures.handovers);
        counters.handovers_failed.add(self.figures.handovers_failed);
        counters.handover_kept.set(kept);
        counters.handover_closed.set(closed);
        counters.handover_pause_ms.set(pause_ms);
        let from = &self.version;
        tracing::info!(from, kept, closed, pause_ms, "took the connections over");
    }
}
