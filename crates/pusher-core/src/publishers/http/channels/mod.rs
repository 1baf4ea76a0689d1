//! Signed requests: the HTTP API of the Pusher Channels protocol, for the server libraries of sites. `PROTOCOL.md` of
//! `pusher-proto` describes it. The signature is the permission, so these requests need no publish token.

mod attributes;
mod queries;
mod route;
mod trigger;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use pusher_proto::channels::Parameters;

use self::route::{ChannelsRoute, signature_refusal};
use super::answer::{self, Body, HttpRefusal};
use super::body::{self, LenMax};
use super::progress::Progress;
use crate::context::Context;
use crate::publishers::revoke::revoke;

pub(super) use self::route::{SignedRequest, check, is_signed, not_found, publishes};

/// Answers a request whose signature was right.
pub(super) async fn answer(
    context: &Arc<Context>,
    progress: &Progress,
    signed: SignedRequest,
    head: &Parts,
    body: Incoming,
) -> Result<Response<Body>, HttpRefusal> {
    let SignedRequest { route, parameters } = signed;
    let body = match route.has_body() {
        true => read(context, progress, head, body).await?,
        false => Bytes::new(),
    };
    let text = std::str::from_utf8(&body)
        .map_err(|_| HttpRefusal::bad_request("the body is not valid UTF-8").keep_alive())?;
    parameters
        .check_body(&body)
        .map_err(|fault| signature_refusal(&fault).keep_alive())?;
    let answered = respond(context, route, &parameters, text).await;
    // The request was read to its end.
    answered.map(answer::json).map_err(HttpRefusal::keep_alive)
}

async fn respond(
    context: &Context,
    route: ChannelsRoute,
    parameters: &Parameters,
    body: &str,
) -> Result<Bytes, HttpRefusal> {
    match route {
        ChannelsRoute::Trigger => trigger::trigger(context, body).await,
        ChannelsRoute::TriggerBatch => trigger::trigger_batch(context, body).await,
        ChannelsRoute::Terminate { user } => {
            let _revoked = revoke(context, &user, None).await?;
            Ok(Bytes::from_static(b"{}"))
        }
        ChannelsRoute::Channels => queries::channels(context, parameters).await,
        ChannelsRoute::Channel { name } => queries::channel(context, &name, parameters).await,
        ChannelsRoute::Users { channel } => queries::users(context, &channel).await,
    }
}

async fn read(
    context: &Arc<Context>,
    progress: &Progress,
    head: &Parts,
    body: Incoming,
) -> Result<Bytes, HttpRefusal> {
    let len_max = LenMax::message(&context.live.limits());
    body::check(&head.headers, len_max)?;
    body::read(context, progress, body, len_max).await
}
