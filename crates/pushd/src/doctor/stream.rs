//! Opens an event stream, as pages do on networks that block WebSockets, and checks that nothing on the way holds its
//! events back.

use std::time::{Duration, Instant};

use pusher_proto::Reason;
use serde_json::json;
use tokio::time::timeout;

use super::fault::Fault;
use super::publish::{self, Publisher};
use crate::client::{Answer, Connector, EventStream, MESSAGE, with_causes};

/// Opens the stream of a topic, and waits for its first bytes. If there is a publisher, publishes an event and waits for it,
/// too. `patience` limits each of the three.
pub(super) async fn check(
    connector: &Connector,
    topic: &str,
    publisher: Option<&Publisher>,
    patience: Duration,
) -> Result<((), String), Fault> {
    let url = connector.target.stream_url();
    let opening = timeout(patience, open(connector, topic));
    let mut stream = opening
        .await
        .unwrap_or_else(|_| Err(held_back("the first bytes of the stream", patience)))?;
    let Some(publisher) = publisher else {
        return Ok(((), format!("{url} is an event stream")));
    };
    let begin = Instant::now();
    let event = json!({"from": "pushd's doctor"}).to_string();
    publish::publish(publisher, topic, event, patience).await?;
    let waiting = timeout(patience, wait_for(&mut stream, MESSAGE));
    waiting
        .await
        .unwrap_or_else(|_| Err(held_back("an event of the stream", patience)))?;
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    let what = format!("{url}: event arrived after {ms:.1} ms");
    Ok(((), what))
}

async fn open(connector: &Connector, topic: &str) -> Result<EventStream, Fault> {
    let lost = |error: std::io::Error| lost(&with_causes(&error));
    let wire = connector.connect().await.map_err(lost)?;
    let opened = EventStream::open(wire, &connector.target, topic).await;
    let mut stream = opened
        .map_err(lost)?
        .map_err(|answer| explain(&answer, connector))?;
    wait_for(&mut stream, "position").await?;
    Ok(stream)
}

async fn wait_for(stream: &mut EventStream, name: &str) -> Result<(), Fault> {
    loop {
        let event = stream.next().await;
        match event.map_err(|error| lost(&with_causes(&error)))? {
            Some(event) if event.name == name => return Ok(()),
            Some(_) => {}
            None => return Err(lost("it ended")),
        }
    }
}

fn held_back(what: &str, patience: Duration) -> Fault {
    Fault::new(
        "stream-buffered",
        format!("{what} did not arrive within {patience:?}"),
        "A program on the way collects the response before it passes it on: a cache, a compressor, a content delivery \
         network, a virus scanner. nginx: remove `proxy_ignore_headers X-Accel-Buffering`, or add `proxy_buffering off;` to \
         the location. Apache: no mod_buffer for the path. The others have an option for streaming.",
    )
}

fn lost(why: &str) -> Fault {
    Fault::new(
        "stream-lost",
        format!("the event stream was lost: {why}"),
        "pushd's log says whether pushd closed it (`--log debug`). If not, a program on the way cuts connections.",
    )
}

/// Explains an answer that is not an event stream.
fn explain(answer: &Answer, connector: &Connector) -> Fault {
    let summary = answer.summary();
    match answer.reason {
        Some(Reason::NoHistory) => Fault::new(
            "stream-no-history",
            summary,
            "Topics without history have no event streams. That is as it should be if only some topics have history. \
             Otherwise correct `history` in pushd's configuration.",
        ),
        Some(Reason::NotWebSocket) => Fault::new(
            "stream-unknown",
            summary,
            "This pushd is too old for event streams: update it.",
        ),
        Some(_) => Fault::new(
            "stream-refused",
            summary,
            "pushd opens a WebSocket for this page and refuses the event stream. Its log says why.",
        ),
        None => {
            let todo = format!(
                "The web server passes WebSockets on to pushd, and answers {} itself. It must pass on every request below \
                 the path: use the section that `pusherd setup nginx` (apache, caddy, haproxy) prints.",
                connector.target.stream_url()
            );
            Fault::new("stream-not-proxied", summary, todo)
        }
    }
}
