//! `POST /revoke/{sub}` and `GET /presence/{topic}`: users, for programs.

use bytes::Bytes;
use http::{Response, StatusCode};
use pusher_proto::native::ErrorCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{self, Body, HttpRefusal};
use crate::context::Context;
use crate::publishers::present::{self, PresenceError};
use crate::publishers::revoke::{self, RevokeError};
use crate::stats::PublishRefusal;

#[derive(Serialize)]
struct RevokeAnswer<'a> {
    sub: &'a str,
    before: u64,
    sessions: usize,
}

/// Answers `POST /revoke/{sub}`.
pub(super) async fn revoke(
    context: &Context,
    sub: &str,
    before_s: Option<u64>,
) -> Result<Response<Body>, HttpRefusal> {
    let revoked = revoke::revoke(context, sub, before_s).await?;
    Ok(answer::json(line(&RevokeAnswer {
        sub,
        before: revoked.before_s,
        sessions: revoked.sessions,
    })))
}

#[derive(Serialize)]
struct PresenceAnswer<'a> {
    topic: &'a str,
    count: usize,
    members: Box<RawValue>,
}

/// Answers `GET /presence/{topic}`.
pub(super) async fn presence(
    context: &Context,
    topic: &str,
) -> Result<Response<Body>, HttpRefusal> {
    let members = present::members(context, topic).await?;
    let list = RawValue::from_string(members.list_json());
    Ok(answer::json(line(&PresenceAnswer {
        topic,
        count: members.count,
        // The list is always JSON.
        members: list.unwrap_or_default(),
    })))
}

fn line(answer: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(answer).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

impl From<PresenceError> for HttpRefusal {
    fn from(error: PresenceError) -> Self {
        let text = error.to_string();
        match error {
            PresenceError::Off(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_code(ErrorCode::NoPresence.name())
            }
            PresenceError::LogUnavailable => Self::overloaded(text)
                .counting_as(PublishRefusal::LogUnavailable)
                .retry_soon(),
        }
    }
}

impl From<RevokeError> for HttpRefusal {
    fn from(error: RevokeError) -> Self {
        let text = error.to_string();
        match error {
            RevokeError::Sub(_) => Self::bad_request(text),
            RevokeError::Full(_) => Self::overloaded(text),
            RevokeError::NotKept(_) => Self::overloaded(text)
                .counting_as(PublishRefusal::LogUnavailable)
                .retry_soon(),
        }
    }
}
