//! Publishes an event, and waits for it in the browser's connection.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::fault::Fault;
use super::publish::{self, Publisher, Receipt};
use super::session::explain_end;
use crate::client::{Session, SessionEnd};

/// Publishes an event to a unique topic and waits until it arrives. `patience` limits the publish.
pub(super) async fn check(
    session: &mut Session,
    publisher: &Publisher,
    topic: &str,
    patience: Duration,
) -> Result<((), String), Fault> {
    let subscribed = session.subscribe(topic, None).await;
    subscribed.map_err(|end| explain_end("while subscribing", &end))?;
    let begin = Instant::now();
    let event = json!({"from": "pushd's doctor"}).to_string();
    let receipt = publish::publish(publisher, topic, event, patience).await?;
    let received = match receipt {
        Receipt {
            subscribers: 1.., ..
        } => wait_for_event(session, topic).await,
        // The subscriber may be at another node: this one learns of it within two seconds.
        Receipt {
            nodes: Some(2..), ..
        } => {
            let waiting = timeout(patience, wait_for_event(session, topic)).await;
            waiting.map_err(|_| other_pushd(publisher))?
        }
        _ => return Err(other_pushd(publisher)),
    };
    received.map_err(|end| explain_end("while waiting for the event", &end))?;
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    let reached = match receipt {
        Receipt {
            nodes: Some(nodes @ 2..),
            ..
        } => format!("{nodes} nodes"),
        Receipt { subscribers, .. } => format!("{subscribers} subscriber"),
    };
    let what = format!("published, {reached}, event arrived after {ms:.1} ms");
    Ok(((), what))
}

fn other_pushd(publisher: &Publisher) -> Fault {
    Fault::new(
        "other-pushd",
        format!(
            "published at {}, which has no subscriber for the topic",
            publisher.address
        ),
        "The address for publishers belongs to another pushd than the public URL leads to. Are two running, or does the web \
         server pass requests on to another machine? Several machines that share a Redis need the same redis and \
         redis-prefix.",
    )
}

/// Waits for an event of the topic.
pub(super) async fn wait_for_event(session: &mut Session, topic: &str) -> Result<(), SessionEnd> {
    loop {
        let (of, _) = session.next_event::<Value>().await?;
        if of == topic {
            return Ok(());
        }
    }
}
