//! Answers to the operator.

use std::sync::Arc;
use std::thread;

use http::Response;
use pusher_proto::check_topic;
use tokio::sync::oneshot;

use super::answer::{self, Body, Refusal};
use super::request::Look;
use crate::operator::{self, METRICS_TYPE, Watch};
use crate::server::Context;

pub(super) async fn answer(context: &Arc<Context>, look: Look) -> Result<Response<Body>, Refusal> {
    Ok(match look {
        Look::File(file) => answer::file(file),
        Look::Health => answer::state(operator::health(context)),
        Look::Readiness => answer::state(operator::readiness(context)),
        Look::Metrics => {
            let snapshot = context.snapshot.lock().await;
            let work = move |context: Arc<Context>| {
                let metrics = operator::metrics(&context);
                drop(snapshot);
                metrics
            };
            answer::text(METRICS_TYPE, aside(context, work).await?)
        }
        Look::Status => {
            let snapshot = context.snapshot.lock().await;
            let status = match snapshot.last() {
                Some(status) => status,
                None => aside(context, |context| snapshot.renew(&context)).await?,
            };
            answer::json(status)
        }
        Look::Watch { topic } => {
            let max = context.live.limits().topic_len_max;
            check_topic(&topic, max).map_err(|error| Refusal::bad_request(error.to_string()))?;
            let watch = Watch::begin(context, &topic);
            answer::stream(watch.ok_or_else(too_many)?)
        }
    })
}

/// Does what takes a while on a thread of its own, where no event waits for it. (tokio's `spawn_blocking` panics
/// where no thread can be started.)
async fn aside<T: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(Arc<Context>) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let (give, result) = oneshot::channel();
    // The end of the server waits for it as for a publisher.
    let (tracked, context) = (context.tasks.publishers.token(), context.clone());
    let started = thread::Builder::new()
        .name("operator".to_owned())
        .spawn(move || {
            let _given = give.send(work(context));
            drop(tracked);
        });
    if let Err(error) = started {
        let what = format!("cannot start a thread for the answer: {error}");
        return Err(Refusal::overloaded(what));
    }
    let result = result.await;
    result.map_err(|_| Refusal::overloaded("the answer could not be made: the log says why"))
}

fn too_many() -> Refusal {
    Refusal::overloaded("enough others watch topics already: the limit is watchers-max")
}

#[cfg(test)]
mod tests {
    use std::task::{Context as TaskContext, Waker};

    use http::StatusCode;

    use super::*;
    use crate::recipe::Recipe;
    use crate::server::{Options, Server};

    #[tokio::test]
    async fn requests_that_wait_for_their_turn_hold_no_thread() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        let context = Server::bind(options, Recipe::default()).unwrap().context;
        let snapshot = context.snapshot.lock().await;
        let looks = [Look::Status, Look::Metrics, Look::Status, Look::Metrics];
        let mut requests = looks.map(|look| Box::pin(answer(&context, look)));
        let mut task = TaskContext::from_waker(Waker::noop());
        for request in &mut requests {
            assert!(request.as_mut().poll(&mut task).is_pending());
        }
        let threads = context.tasks.publishers.len();
        assert_eq!(threads, 0);
        drop(snapshot);
        for request in requests {
            assert_eq!(request.await.unwrap().status(), StatusCode::OK);
        }
    }
}
