//! The events of a topic as Server-Sent Events (HTML standard, section 9.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Interval, interval};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::context::Context;
use crate::hub::{Hub, WatchItem, Watcher};

/// Interval of comments in the stream. A write to a watcher that has disconnected fails, which ends the watch.
const COMMENT_INTERVAL: Duration = Duration::from_secs(5);

/// The body of the answer. It ends when the client disconnects or the server shuts down.
pub(crate) struct Watch {
    hub: Hub,
    watcher: Watcher,
    /// The next event, as soon as it may be shown.
    next: Option<Pin<Box<dyn Future<Output = String> + Send>>>,
    comments: Interval,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Watch {
    /// Starts a watch. `None` if `watchers_max` is reached.
    pub(crate) fn begin(context: &Context, topic: &str) -> Option<Self> {
        let limits = context.live.limits();
        let (len_max, watchers_max) = (limits.outbox_len_max, limits.watchers_max);
        let watcher = context.hub.watch(topic, len_max, watchers_max)?;
        let end = context.tasks.stop_publishers.clone();
        Some(Self {
            hub: context.hub.clone(),
            watcher,
            next: None,
            // The first tick comes at once, and sends the head of the answer once the watcher is registered.
            comments: interval(COMMENT_INTERVAL),
            end: Box::pin(end.cancelled_owned()),
        })
    }
}

impl Body for Watch {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.end.as_mut().poll(task).is_ready() {
            return Poll::Ready(None);
        }
        let text = if self.comments.poll_tick(task).is_ready() {
            ": watching\n\n".to_owned()
        } else {
            ready!(self.poll_next(task))
        };
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}

impl Watch {
    fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<String> {
        let next = match &mut self.next {
            Some(next) => next,
            None => match ready!(self.watcher.poll_next(task)) {
                WatchItem::Event { sequence, json } => {
                    let hub = self.hub.clone();
                    self.next.insert(Box::pin(async move {
                        hub.settled(sequence).await;
                        event(sequence, &json)
                    }))
                }
                WatchItem::Missed(count) => {
                    return Poll::Ready(format!("event: missed\ndata: {count}\n\n"));
                }
            },
        };
        let text = ready!(next.as_mut().poll(task));
        self.next = None;
        Poll::Ready(text)
    }
}

/// Formats an event. JSON with line ends between its values becomes several `data` lines.
fn event(sequence: u64, json: &str) -> String {
    let mut text = format!("id: {sequence}\n");
    for line in json.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        text.extend(["data: ", line, "\n"]);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multi_line_event_has_several_data_fields() {
        assert_eq!(
            event(7, "{\"a\":\"\\n\"}"),
            "id: 7\ndata: {\"a\":\"\\n\"}\n\n"
        );
        let pretty = "{\r\n  \"a\": 1,\n\n\r  \"b\": 2\n}";
        let expected = "id: 8\ndata: {\ndata:   \"a\": 1,\ndata:   \"b\": 2\ndata: }\n\n";
        assert_eq!(event(8, pretty), expected);
    }
}
