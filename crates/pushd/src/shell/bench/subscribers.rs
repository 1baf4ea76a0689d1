//! The subscribers: many of what `pushd subscribe` is.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::event::Mark;
use super::tally::{Order, Tally};
use super::{Failed, Progress, TIMEOUT};
use crate::doctor::{self, Session};
use crate::shell::public::told;

/// Handshakes under way at once.
const HANDSHAKES: usize = 32;

/// Opens so many sessions, subscribed to a topic that nobody else has; that topic, and they.
pub(super) async fn connect(
    url: &str,
    subscribers: u32,
    progress: &mut Progress,
) -> Result<(String, Vec<Session>), Failed> {
    let (mut first, way) = doctor::connect(url, TIMEOUT).await.map_err(told)?;
    let topic = first.topic("pushd-bench");
    first.subscribe(&topic).await.map_err(told)?;
    let mut sessions = vec![first];
    let (way, mut under_way) = (Arc::new(way), JoinSet::new());
    while sessions.len() < subscribers as usize {
        while under_way.len() < HANDSHAKES
            && sessions.len() + under_way.len() < subscribers as usize
        {
            let (way, topic) = (way.clone(), topic.clone());
            under_way.spawn(async move {
                let mut session = way.connect().await?;
                session.subscribe(&topic).await?;
                Ok(session)
            });
        }
        match under_way.join_next().await {
            Some(Ok(Ok(session))) => sessions.push(session),
            Some(Ok(Err(fault))) => {
                under_way.shutdown().await;
                // Where many come at once, a refusal may be there before the request is, and is not
                // understood: one alone hears the reason.
                let fault = way.connect().await.err().unwrap_or(fault);
                let open = sessions.len();
                return Err(format!("after {open} subscribers: {}", told(fault)));
            }
            Some(Err(error)) => return Err(error.to_string()),
            None => break,
        }
        progress.show(|| format!("{} of {subscribers} subscribers", sessions.len()));
    }
    Ok((topic, sessions))
}

/// Reads what comes, until it is dropped. An end of a connection stops everything.
pub(super) fn read(
    sessions: Vec<Session>,
    tally: &Arc<Tally>,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    for mut session in sessions {
        let (tally, stop) = (tally.clone(), stop.clone());
        readers.spawn(async move {
            let mut order = Order::default();
            loop {
                match session.next_event::<Mark>().await {
                    Ok((_, Mark { n, at_us })) => {
                        tally.deliver(order.take(n), Duration::from_micros(at_us));
                    }
                    Err(fault) => {
                        tally.fail(told(fault));
                        return stop.cancel();
                    }
                }
            }
        });
    }
    readers
}
