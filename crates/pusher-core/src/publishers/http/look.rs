//! Answers to the operator.

use std::sync::Arc;

use http::Response;
use pusher_proto::check_topic;

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
            let metrics = aside(context, |context| operator::metrics(&context)).await?;
            answer::text(METRICS_TYPE, metrics)
        }
        Look::Status => {
            let status = aside(context, |context| operator::status(&context)).await?;
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

/// Does what takes a while where no event waits for it.
async fn aside<T: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(Arc<Context>) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let context = context.clone();
    let done = tokio::task::spawn_blocking(move || work(context)).await;
    done.map_err(|_| Refusal::overloaded("the server is ending"))
}

fn too_many() -> Refusal {
    Refusal::overloaded("enough others watch topics already: the limit is watchers-max")
}
