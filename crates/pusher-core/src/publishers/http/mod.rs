//! HTTP/1.1: publishes, reads of the log, and the admin routes (see [`crate::admin`]). `POST /publish/{topic}` carries
//! the event as JSON; the answer is the receipt as JSON.
//!
//! Bodies come with a `Content-Length` or in chunks. If a request has both, hyper reads the chunks and
//! closes the connection after the answer (RFC 9112, section 6.1), so no second request can be smuggled behind it.
//! Pages in browsers must not publish: see `csrf`.

mod answer;
mod body;
mod csrf;
mod first_line;
mod log;
mod request;
mod stream;

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pusher_proto::Publish;
use tokio::io::{AsyncRead, AsyncWrite};

use super::peer::Transport;
use super::refusal::http_status;
use super::unfinished::Unfinished;
use super::wire::{Wire, hang_up};
use crate::admin::{Admin, AdminRoute};
use crate::connection::PublisherPermit;
use crate::context::Context;
use crate::hub::PublishError;
use crate::publishers::submit::submit;
use crate::stats::{PublishRefusal, PublisherRefusal, Source};
use answer::{Body, HttpRefusal};
use request::Route;
use stream::Stream;

/// Minimum of hyper's `max_buf_size`, in bytes. It panics below.
const BUFFER_LEN_MIN: usize = 8 * 1024;

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    admin: &Arc<Admin>,
    mut wire: Wire<S>,
    first: Vec<u8>,
    transport: Transport,
) {
    let context = admin.context();
    let len_max = context.live.limits().handshake_len_max;
    let first = match first_line::read(&mut wire, first, len_max).await {
        Some(Ok(first)) => first,
        None => return,
        Some(Err(refusal)) => {
            wire.refuse_publish(refusal.kind(), &refusal);
            let _gone = wire.send(&refusal.into_bytes()).await;
            return wire.hang_up().await;
        }
    };
    let head_timeout = wire.unfinished_timeout();
    let (stream, peer, permit, shutdown) = wire.into_parts();
    let answer_timeout = context.live.limits().answer_timeout;
    let stream = Stream::new(stream, first, answer_timeout, &permit);
    let respond = |request| {
        let (peer, transport, permit) = (peer.as_str(), &transport, &permit);
        Box::pin(async move {
            permit.hold(true);
            let response = respond(admin, peer, transport, permit, request).await;
            // A watcher stays busy until it disconnects.
            permit.hold(matches!(response.body(), Body::Right(_)));
            Ok::<_, Infallible>(response)
        })
    };
    let mut server = server(context);
    server.header_read_timeout(head_timeout);
    // A connection without a permit serves one request, so that its part of the reserve is soon free for the next.
    server.keep_alive(!permit.is_without_permit());
    let mut connection = server.serve_connection(TokioIo::new(stream), service_fn(respond));
    let mut is_evicted = false;
    let served = tokio::select! {
        served = poll_fn(|task| connection.poll_without_shutdown(task)) => served,
        () = shutdown.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|task| connection.poll_without_shutdown(task)).await
        }
        () = permit.must_leave() => {
            is_evicted = true;
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|task| connection.poll_without_shutdown(task)).await
        }
    };
    match served {
        Err(error) if error.is_parse() => {
            let text = format_args!("refusing an HTTP request: {error}");
            let kind = PublishRefusal::BadMessage;
            context.counters.publishes_refused.count(kind);
            context.publisher_log.about(&peer, text);
        }
        Err(error) => {
            if stream::is_write_timeout(&error) {
                let kind = PublisherRefusal::Answer;
                context.counters.publishers_refused.count(kind);
                let text = "dropping an HTTP publisher that does not read its answers";
                context.publisher_log.about(&peer, text);
            }
            tracing::debug!(peer, %error, "an HTTP connection ended: {error}");
            return;
        }
        Ok(()) => {}
    }
    if shutdown.is_cancelled() || is_evicted {
        return;
    }
    let stream = connection.into_parts().io.into_inner().into_inner();
    let (_, linger_timeout) = context.live.end_timeouts();
    hang_up(stream, linger_timeout).await;
}

fn server(context: &Context) -> http1::Builder {
    let limits = context.live.limits();
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        // A client may close its write side and then wait for the answer.
        .half_close(true)
        .max_headers(limits.headers_max)
        .max_header_size(limits.handshake_len_max)
        .max_buf_size(limits.handshake_len_max.max(BUFFER_LEN_MIN));
    server
}

async fn respond(
    admin: &Arc<Admin>,
    peer: &str,
    transport: &Transport,
    permit: &PublisherPermit,
    request: Request<Incoming>,
) -> Response<Body> {
    let context = admin.context();
    // One read may bring a hundred requests, and hyper handles them in a row without yielding.
    tokio::task::yield_now().await;
    let publishes = request::publishes(&request);
    let (head, body) = request.into_parts();
    // hyper closes a connection without a permit after its answer.
    let wants_keep_alive = !permit.is_without_permit() && request::wants_keep_alive(&head);
    let mut response = match handle(admin, transport, permit, head, body).await {
        Ok(response) => response,
        Err(refusal) => {
            let counters = &context.counters;
            match publishes {
                true => counters.publishes_refused.count(refusal.kind()),
                false => counters.publishers_refused.count(PublisherRefusal::Request),
            }
            context.publisher_log.about(peer, &refusal);
            refusal.into_response()
        }
    };
    if wants_keep_alive {
        let idle_timeout = context.live.limits().unfinished_timeout;
        answer::announce_idle_timeout(&mut response, idle_timeout);
    }
    response
}

async fn handle(
    admin: &Arc<Admin>,
    transport: &Transport,
    permit: &PublisherPermit,
    head: Parts,
    body: Incoming,
) -> Result<Response<Body>, HttpRefusal> {
    let context = admin.context();
    request::check_form(&head)?;
    let route = authorize(context, transport, &head)?;
    if route.needs_permit() {
        permit
            .acquire()
            .await
            .map_err(|busy| HttpRefusal::busy(busy.to_string()))?;
    }
    match route {
        Route::Publish { topic } => publish(context, topic, &head, body).await,
        Route::Admin(route) => Ok(answer::admin(admin.answer(route).await?)),
        Route::Position => Ok(answer::json(log::position(context))),
        Route::History { topic, query } => Ok(answer::json(log::history(context, &topic, query))),
        Route::Options { allow } => Ok(answer::options(allow)),
    }
}

/// Returns the route of a request. Refuses pages of other sites and a missing token. This function is not async, so
/// that it drops its guard on the options before the body arrives: replaced options must not stay in memory.
fn authorize(context: &Context, transport: &Transport, head: &Parts) -> Result<Route, HttpRefusal> {
    let options = context.live.options();
    let route = request::route(head);
    let is_page = matches!(&route, Ok(Route::Admin(AdminRoute::File(_))));
    csrf::check(head, is_page, transport, &options.publish_hosts)?;
    let route = route?;
    if let Some(token) = &options.publish_token
        && route.needs_token()
    {
        request::check_token(&head.headers, token)?;
    }
    Ok(route)
}

async fn publish(
    context: &Arc<Context>,
    topic: String,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, HttpRefusal> {
    let (len_max, timeout) = {
        let limits = context.live.limits();
        (limits.event_len_max, limits.unfinished_timeout)
    };
    body::check(&head.headers, len_max)?;
    let id = request::id(&head.headers)?;
    let unfinished = Unfinished::new(context.clone());
    let body = body::read(body, len_max, timeout, unfinished).await?;
    let publish = Publish {
        topic: topic.into(),
        event: body::event(&body)?,
    };
    let receipt = submit(context, &publish, id, Source::Http)
        .await
        .map_err(|error| refusal(&error).keep_alive())?;
    Ok(answer::receipt(receipt))
}

fn refusal(error: &PublishError) -> HttpRefusal {
    let kind = PublishRefusal::from(error);
    let refusal = HttpRefusal::new(http_status(kind), error.to_string()).counting_as(kind);
    match kind {
        PublishRefusal::LogUnavailable | PublishRefusal::Overloaded => refusal.retry_soon(),
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::task::yield_now;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::application::Recipe;
    use crate::config::{LiveOptions, Options};
    use crate::server::Server;

    #[tokio::test]
    async fn slow_body_does_not_keep_replaced_options_alive() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        let admin = Server::bind(options, Recipe::default()).unwrap().admin;
        let context = admin.context();
        let (mut client, stream) = duplex(1024);
        let permit = context.publisher_permits.enter().await;
        let shutdown = CancellationToken::new();
        let wire = Wire::new(context.clone(), stream, "test".to_owned(), permit, shutdown);
        let first = b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\n\
            Content-Type: application/json\r\nContent-Length: 2\r\n\r\n1";
        let serve = serve(&admin, wire, first.to_vec(), Transport::Unix);
        let replace_options = async {
            let replaced = context.live.downgrade();
            while context.counters.unfinished_len.get() == 0 {
                yield_now().await;
            }
            context.live.set(LiveOptions::default());
            assert!(replaced.upgrade().is_none());
            client.write_all(b"2").await.unwrap();
            drop(client);
        };
        tokio::join!(serve, replace_options);
        assert_eq!(context.counters.events.counts().total(), 1);
    }
}
