//! The subscribers: many sessions like the one of `pushd subscribe`.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::event::Mark;
use super::tally::{Order, Tally};
use crate::client::{ConnectError, Connector, Session, SessionEnd, WAMP, connect_again};
use crate::progress::Progress;
use crate::shell::error::{ANSWER_TIMEOUT, ShellError};
use crate::shell::public_listener::{PublicListener, explain};

/// Handshakes under way at the same time.
const HANDSHAKES: usize = 32;

/// Opens `subscribers` sessions that subscribe to a unique topic. Returns the topic and the sessions.
pub(super) async fn connect(
    public: &PublicListener,
    subscribers: u32,
    progress: &mut Progress,
) -> Result<(String, Vec<Session>), ShellError> {
    let (mut first, connector) = public.connect(WAMP).await?;
    let topic = first.own_topic("pushd-bench");
    first.subscribe(&topic, None).await?;
    let mut sessions = vec![first];
    let (connector, mut under_way) = (Arc::new(connector), JoinSet::new());
    while sessions.len() < subscribers as usize {
        while under_way.len() < HANDSHAKES
            && sessions.len() + under_way.len() < subscribers as usize
        {
            let (connector, topic) = (connector.clone(), topic.clone());
            under_way.spawn(async move { subscribe(&connector, &topic).await });
        }
        let reason = match under_way.join_next().await {
            Some(Ok(Ok(session))) => {
                sessions.push(session);
                progress.show(|| format!("{} of {subscribers} subscribers", sessions.len()));
                continue;
            }
            Some(Ok(Err(error))) => {
                under_way.shutdown().await;
                // Among many handshakes, a refusal may arrive before the request was sent, and is lost. A single
                // connection gets the reason.
                match connect_again(&connector, ANSWER_TIMEOUT).await {
                    Err(error) => explain(error).await,
                    Ok(_) => error.explain().await,
                }
            }
            Some(Err(error)) => error.into(),
            None => break,
        };
        return Err(ShellError::Subscribers {
            open: sessions.len(),
            reason: Box::new(reason),
        });
    }
    Ok((topic, sessions))
}

/// Why a further subscriber failed.
enum SubscribeError {
    Connect(ConnectError),
    Ended(SessionEnd),
}

impl SubscribeError {
    async fn explain(self) -> ShellError {
        match self {
            Self::Connect(error) => explain(error).await,
            Self::Ended(end) => end.into(),
        }
    }
}

async fn subscribe(connector: &Connector, topic: &str) -> Result<Session, SubscribeError> {
    let connected = connect_again(connector, ANSWER_TIMEOUT).await;
    let mut session = connected.map_err(SubscribeError::Connect)?;
    let subscribed = session.subscribe(topic, None).await;
    subscribed.map_err(SubscribeError::Ended)?;
    Ok(session)
}

/// Reads events until the returned set is dropped. If a connection ends, cancels `stop`.
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
                    Err(end) => {
                        tally.fail(end.into());
                        return stop.cancel();
                    }
                }
            }
        });
    }
    readers
}
