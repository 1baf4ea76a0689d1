//! HTTP/1.1: publishes, reads of the log, and the admin routes (see [`crate::admin`]). `POST /publish/{topic}` carries
//! the event as JSON; the answer is the receipt as JSON. `/apps/ID/...` are the signed requests of the Pusher Channels
//! protocol.
//!
//! Bodies come with a `Content-Length` or in chunks. If a request has both, hyper reads the chunks and
//! closes the connection after the answer (RFC 9112, section 6.1), so no second request can be smuggled behind it.
//! Pages in browsers must not publish: see `csrf`.

mod answer;
mod body;
mod channels;
mod charts;
mod connections;
mod csrf;
mod first_line;
mod headers;
mod kept_request;
mod log;
mod percent;
mod progress;
mod query;
mod request;
mod stream;
mod users;

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::peer::{Peer, Transport};
use super::stream::Stream as PublisherStream;
use super::wire::{Wire, hang_up};
use crate::admin::{Admin, AdminRoute};
use crate::connection::PublisherPermit;
use crate::context::Context;
use crate::handover::PublisherProtocol;
use crate::hub::{Publish, Recipients};
use crate::publishers::submit::submit;
use crate::stats::{PublishRefusal, PublisherRefusal, Source};
use answer::{Body, HttpRefusal};
use body::LenMax;
use first_line::FirstLine;
use kept_request::{BUFFER_LEN_MIN, KeptRequest};
use progress::Progress;
use request::Route;
use stream::Stream;

pub(super) async fn serve<S: PublisherStream>(
    admin: &Arc<Admin>,
    mut wire: Wire<S>,
    first: Vec<u8>,
) {
    let context = admin.context();
    let len_max = context.live.limits().handshake_len_max;
    let first = match first_line::read(&mut wire, first, len_max).await {
        FirstLine::Complete(first) => first,
        FirstLine::Gone => return,
        FirstLine::HandOver(unread) => return wire.hand_over(PublisherProtocol::Http, unread),
        FirstLine::Refused(refusal) => {
            wire.refuse_publish(refusal.kind(), &refusal);
            let _gone = wire.send(&refusal.into_bytes()).await;
            return wire.hang_up().await;
        }
    };
    let head_timeout = wire.unfinished_timeout();
    let (stream, peer, permit, shutdown) = wire.into_parts();
    let answer_timeout = context.live.limits().answer_timeout;
    let progress = Progress::new(KeptRequest::new(context.clone()));
    let stream = Stream::new(stream, first, answer_timeout, &permit, &progress);
    let respond = |request: Request<Incoming>| {
        let (peer, permit, progress) = (&peer, &permit, &progress);
        Box::pin(async move {
            permit.hold(true);
            progress.begin(request.headers());
            let response = respond(admin, peer, permit, progress, request).await;
            // A watcher stays busy until it disconnects.
            let watches = matches!(response.body(), Body::Right(_));
            permit.hold(watches);
            progress.answer(watches);
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
            if context.handover.has_begun() {
                if progress.is_stream() {
                    // Its client comes back.
                    return;
                }
                progress.stop_reading();
                // The bytes of a request that waits. Without one, hyper has them.
                let waiting = poll_fn(|task| {
                    match connection.poll_without_shutdown(task) {
                        Poll::Pending if progress.is_quiet() => Poll::Ready(Some(None)),
                        Poll::Pending => match progress.take_waiting() {
                            None => Poll::Pending,
                            waiting => Poll::Ready(Some(waiting)),
                        },
                        // The client wanted to have one answer only.
                        served => served.map(|_| None),
                    }
                });
                if let Some(waiting) = waiting.await {
                    let parts = connection.into_parts();
                    let begun = waiting.as_deref().unwrap_or(&parts.read_buf);
                    let (stream, unread) = parts.io.into_inner().into_parts(begun);
                    peer.hand_over(context, stream, PublisherProtocol::Http, unread);
                }
                return;
            }
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
            peer.refuse_publish(context, PublishRefusal::BadMessage, text);
        }
        Err(error) => {
            if stream::is_write_timeout(&error) {
                let text = "dropping an HTTP publisher that does not read its answers";
                peer.refuse(context, PublisherRefusal::Answer, text);
            }
            tracing::debug!(peer = peer.name, %error, "an HTTP connection ended: {error}");
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
    peer: &Peer,
    permit: &PublisherPermit,
    progress: &Progress,
    request: Request<Incoming>,
) -> Response<Body> {
    let context = admin.context();
    // One read may bring a hundred requests, and hyper handles them in a row without yielding.
    tokio::task::yield_now().await;
    let publishes = request::publishes(&request);
    let (head, body) = request.into_parts();
    // hyper closes a connection without a permit after its answer.
    let wants_keep_alive = !permit.is_without_permit() && request::wants_keep_alive(&head);
    let mut response = match handle(admin, peer, permit, progress, head, body).await {
        Ok(response) => response,
        Err(refusal) => {
            match publishes {
                true => peer.refuse_publish(context, refusal.kind(), &refusal),
                false => peer.refuse(context, PublisherRefusal::Request, &refusal),
            }
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
    peer: &Peer,
    permit: &PublisherPermit,
    progress: &Progress,
    head: Parts,
    body: Incoming,
) -> Result<Response<Body>, HttpRefusal> {
    let context = admin.context();
    request::check_form(&head)?;
    let route = authorize(context, peer.transport, &head)?;
    permit.set_operator(route.is_operators());
    if route.needs_permit() {
        let _waiting = progress.wait();
        permit
            .acquire()
            .await
            .map_err(|busy| HttpRefusal::busy(busy.to_string()))?;
    }
    match route {
        Route::Publish { topic } => publish(context, progress, topic, &head, body).await,
        Route::Admin(route) => Ok(answer::admin(admin.answer(route).await?)),
        Route::Revoke { sub, before_s } => users::revoke(context, &sub, before_s).await,
        Route::Presence { topic } => users::presence(context, &topic).await,
        Route::Signed(signed) => channels::answer(context, progress, signed, &head, body).await,
        Route::Close { id } => connections::close(context, peer, id).await,
        Route::Upgrade => upgrade(context).await,
        Route::Reload => reload(context).await,
        Route::Position => Ok(answer::json(log::position(context))),
        Route::History { topic, query } => Ok(answer::json(log::history(context, &topic, query))),
        Route::Options { allow } => Ok(answer::options(allow)),
    }
}

/// Returns the route of a request. Refuses pages of other sites, a missing token and a wrong signature. This function is not async, so
/// that it drops its guard on the options before the body arrives: replaced options must not stay in memory.
fn authorize(context: &Context, transport: Transport, head: &Parts) -> Result<Route, HttpRefusal> {
    let options = context.live.options();
    // No page of another site can sign, so these requests need no other check.
    if let Some(app) = &options.channels_app
        && channels::is_signed(head.uri.path())
    {
        return Ok(Route::Signed(channels::check(head, app)?));
    }
    if transport == Transport::Signed {
        return Err(channels::not_found());
    }
    let route = request::route(head);
    let is_page = matches!(&route, Ok(Route::Admin(AdminRoute::File(_))));
    csrf::check(head, is_page, transport, &options.publish_hosts)?;
    let route = route?;
    if let Some(token) = &options.publish_token
        && route.needs_token()
    {
        headers::check_token(&head.headers, token)?;
    }
    Ok(route)
}

async fn publish(
    context: &Arc<Context>,
    progress: &Progress,
    topic: String,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, HttpRefusal> {
    let len_max = LenMax::event(&context.live.limits());
    body::check_event(&head.headers, len_max)?;
    let id = headers::id(&head.headers)?;
    let excluded = headers::excluded(&head.headers)?;
    let body = body::read(context, progress, body, len_max).await?;
    let publish = Publish {
        id,
        recipients: excluded.map(Recipients::all_but),
        ..Publish::new(&topic, body::event(&body)?, Source::Http)
    };
    let receipt = submit(context, publish)
        .await
        .map_err(|error| HttpRefusal::publish(&error).keep_alive())?;
    Ok(answer::receipt(receipt))
}

/// Begins an upgrade of the program.
async fn upgrade(context: &Context) -> Result<Response<Body>, HttpRefusal> {
    let Some(upgrade) = context.upgrade.get() else {
        let reason =
            "the program of this server cannot be upgraded in this way: restart it instead";
        return Err(HttpRefusal::new(StatusCode::NOT_IMPLEMENTED, reason));
    };
    match upgrade().await {
        Ok(()) => Ok(answer::accepted()),
        Err(error) => Err(HttpRefusal::upgrade(&error)),
    }
}

/// Reads the settings of the program again.
async fn reload(context: &Context) -> Result<Response<Body>, HttpRefusal> {
    let Some(reload) = context.reload.get() else {
        let reason = "the program of this server reads no settings again";
        return Err(HttpRefusal::new(StatusCode::NOT_IMPLEMENTED, reason));
    };
    match reload().await {
        Ok(changed) => Ok(answer::json(format!("{{\"changed\":{changed}}}\n").into())),
        Err(reason) => Err(HttpRefusal::new(StatusCode::CONFLICT, reason)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::task::yield_now;

    use super::*;
    use crate::application::Recipe;
    use crate::config::{LiveOptions, Options};
    use crate::server::Server;

    impl PublisherStream for tokio::io::DuplexStream {
        fn reset_on_close(&self) {}
    }

    #[tokio::test]
    async fn slow_body_does_not_keep_replaced_options_alive() {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        let admin = Server::bind(options, Recipe::default()).unwrap().admin;
        let context = admin.context();
        let (mut client, stream) = duplex(1024);
        let permit = context.publisher_permits.enter().await;
        let peer = Peer {
            name: "test".to_owned(),
            transport: Transport::Unix,
        };
        let wire = Wire::new(context.clone(), stream, peer, permit);
        let first = b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\n\
            Content-Type: application/json\r\nContent-Length: 2\r\n\r\n1";
        let serve = serve(&admin, wire, first.to_vec());
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
