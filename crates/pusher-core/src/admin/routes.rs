//! The admin routes and their answers.

use std::borrow::Cow;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::StatusCode;
use pusher_proto::{TopicError, check_topic};
use tokio::sync::oneshot;

use super::connections::{self, ConnectionsQuery};
use super::health::{health, readiness};
use super::history::{History, Window, record};
use super::metrics;
use super::page::{FILES, File};
use super::status::Snapshot;
use super::watch::Watch;
use crate::context::Context;

/// An admin route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AdminRoute {
    /// A file of the status page.
    File(&'static File),
    Health,
    Readiness,
    Metrics,
    Status,
    Charts(&'static Window),
    Connections(ConnectionsQuery),
    Watch {
        topic: String,
    },
}

impl AdminRoute {
    /// Finds the route of a fixed path. The caller parses `/watch/{topic}` and those with a query, because it decodes
    /// topics and queries.
    pub(crate) fn find(path: &str) -> Option<Self> {
        Some(match path {
            "/healthz" => Self::Health,
            "/readyz" => Self::Readiness,
            "/metrics" => Self::Metrics,
            "/status.json" => Self::Status,
            _ => Self::File(FILES.iter().find(|file| file.path == path)?),
        })
    }

    /// Whether the answer shows topics, events or figures, so that a configured token is required.
    pub(crate) fn needs_token(&self) -> bool {
        !matches!(self, Self::File(_) | Self::Health | Self::Readiness)
    }
}

/// The answer to an admin request.
pub(crate) enum AdminResponse {
    File(&'static File),
    /// The state of the server, in one or few words.
    State(StatusCode, &'static str),
    Text {
        content_type: &'static str,
        text: String,
    },
    Json(Bytes),
    /// Server-Sent Events.
    Events(Watch),
}

/// Errors of admin requests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The topic to watch is invalid.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The server cannot answer now.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
}

/// Answers the admin requests of a server, and holds the state that they share.
#[derive(Debug)]
pub(crate) struct Admin {
    context: Arc<Context>,
    history: History,
    snapshot: Snapshot,
}

impl Admin {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            history: History::default(),
            snapshot: Snapshot::default(),
        }
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Records the figures of each second, for the charts of the status page. Runs as long as the server.
    pub(crate) async fn record_history(self: Arc<Self>) {
        record(&self.context, &self.history).await;
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, route: AdminRoute) -> Result<AdminResponse, AdminError> {
        let context = &self.context;
        Ok(match route {
            AdminRoute::File(file) => AdminResponse::File(file),
            AdminRoute::Health => state(health(context)),
            AdminRoute::Readiness => state(readiness(context)),
            AdminRoute::Metrics => self.metrics().await?,
            AdminRoute::Status => AdminResponse::Json(self.status().await?),
            AdminRoute::Charts(window) => {
                let charts = self.history.json(window);
                AdminResponse::Json(format!("{charts}\n").into())
            }
            AdminRoute::Connections(query) => AdminResponse::Json(self.connections(query).await?),
            AdminRoute::Watch { topic } => {
                check_topic(&topic, context.live.limits().topic_len_max)?;
                let watch = Watch::begin(context, &topic);
                AdminResponse::Events(watch.ok_or_else(too_many_watchers)?)
            }
        })
    }

    async fn metrics(&self) -> Result<AdminResponse, AdminError> {
        let lock = self.snapshot.lock().await;
        let context = self.context.clone();
        let text = self.on_thread(move || {
            let text = metrics::metrics(&context);
            drop(lock);
            text
        });
        Ok(AdminResponse::Text {
            content_type: metrics::CONTENT_TYPE,
            text: text.await?,
        })
    }

    async fn status(&self) -> Result<Bytes, AdminError> {
        let lock = self.snapshot.lock().await;
        if let Some(status) = lock.last() {
            return Ok(status);
        }
        let context = self.context.clone();
        self.on_thread(move || lock.renew(&context)).await
    }

    async fn connections(&self, query: ConnectionsQuery) -> Result<Bytes, AdminError> {
        // One request at a time visits all sessions.
        let lock = self.snapshot.lock().await;
        let context = self.context.clone();
        self.on_thread(move || {
            let list = connections::list(&context, &query);
            drop(lock);
            list
        })
        .await
    }

    /// Runs slow work on a thread of its own, so that no event waits for it. (tokio's `spawn_blocking`
    /// panics if no thread can be started.)
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AdminError> {
        let (sender, result) = oneshot::channel();
        // Shutdown waits for this work as it waits for a publisher.
        let tracked = self.context.tasks.publishers.token();
        let started = thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                let _sent = sender.send(work());
                drop(tracked);
            });
        if let Err(error) = started {
            let text = format!("cannot start a thread for the answer: {error}");
            return Err(AdminError::Unavailable(text.into()));
        }
        let result = result.await;
        result.map_err(|_| {
            let text = "the server could not create the answer: see its log";
            AdminError::Unavailable(text.into())
        })
    }
}

fn state((status, word): (StatusCode, &'static str)) -> AdminResponse {
    AdminResponse::State(status, word)
}

fn too_many_watchers() -> AdminError {
    let text = "watchers-max is reached: too many clients are watching topics";
    AdminError::Unavailable(text.into())
}

#[cfg(test)]
mod tests {
    use std::task::{Context as TaskContext, Waker};

    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::server::Server;

    #[tokio::test]
    async fn waiting_requests_use_no_thread() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        let admin = Server::bind(options, Recipe::default()).unwrap().admin;
        let snapshot = admin.snapshot.lock().await;
        let routes = [
            AdminRoute::Status,
            AdminRoute::Metrics,
            AdminRoute::Status,
            AdminRoute::Metrics,
        ];
        let mut requests = routes.map(|route| Box::pin(admin.answer(route)));
        let mut task = TaskContext::from_waker(Waker::noop());
        for request in &mut requests {
            assert!(request.as_mut().poll(&mut task).is_pending());
        }
        assert_eq!(admin.context.tasks.publishers.len(), 0);
        drop(snapshot);
        for request in requests {
            assert!(request.await.is_ok());
        }
    }
}
