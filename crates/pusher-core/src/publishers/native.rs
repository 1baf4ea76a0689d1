//! The native protocol. Every publish gets a receipt or an error, in order.

use std::time::Duration;

use pusher_proto::native::{
    ErrorCode, FromPublisher, VERSION, encode_drained, encode_error, encode_members,
    encode_position, encode_receipt, encode_revoked, encode_welcome,
};
use pusher_proto::{JsonStream, SessionNameError, check_id};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::pending::Pending;
use super::present::{PresenceError, members};
use super::refusal::{RefusedMessage, native_code};
use super::revoke::{RevokeError, revoke};
use super::stream::Stream;
use super::wire::{ReadOutcome, Wire};
use crate::connection::Busy;
use crate::context::Context;
use crate::handover::PublisherProtocol;
use crate::hub::{Publish, Recipients};
use crate::stats::Source;

/// Answers are written as soon as they have this many bytes. The receipts for one read are shorter. The limit
/// matters for messages whose error is longer than the message.
const ANSWERS_LEN: usize = 64 * 1024;

/// Longest time in which a publisher waits for the spool.
const DRAIN_WAIT: Duration = Duration::from_secs(5);

/// Answers a publisher that gets no permit.
pub(super) async fn refuse<S: Stream>(mut wire: Wire<S>, busy: &Busy) {
    let mut answer = Vec::new();
    encode_error(&mut answer, None, ErrorCode::Overloaded, &busy.to_string());
    if wire.send(&answer).await.is_ok() {
        wire.hang_up().await;
    }
}

/// What a publisher has agreed on with the server.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Agreed {
    pub(super) has_greeted: bool,
    /// Whether the publisher writes refused events to a spool.
    pub(super) has_spool: bool,
    /// Whether an earlier event of this publisher is in its spool. Until the next DRAIN, a later event could overtake it.
    pub(super) is_behind_spool: bool,
}

pub(super) async fn serve<S: Stream>(
    context: &Context,
    mut wire: Wire<S>,
    agreed: Agreed,
    first: &[u8],
) {
    let mut json = JsonStream::new(context.live.limits().publish_len_max);
    json.feed(first);
    let mut session = NativeSession {
        context,
        peer: wire.peer().to_owned(),
        answers: Vec::new(),
        pending: Pending::default(),
        agreed,
    };
    loop {
        let continues = session.answer_all(&mut wire, &mut json).await;
        let answers = std::mem::take(&mut session.answers);
        if wire.send(&answers).await.is_err() {
            return;
        }
        if !continues {
            return wire.hang_up().await;
        }
        match wire.read(&mut json, None).await {
            ReadOutcome::More => {}
            ReadOutcome::End | ReadOutcome::IdleTimeout => return,
            ReadOutcome::Evicted => return wire.evict(),
            ReadOutcome::NoRoom(no_room) => {
                let text = no_room.to_string();
                encode_error(&mut session.answers, None, ErrorCode::Overloaded, &text);
                let _gone = wire.send(&session.answers).await;
                drop(json);
                return wire.hang_up().await;
            }
            ReadOutcome::HandOver => {
                let Agreed {
                    has_greeted,
                    has_spool,
                    is_behind_spool,
                } = session.agreed;
                let protocol = PublisherProtocol::Native {
                    has_greeted,
                    has_spool,
                    is_behind_spool,
                };
                return wire.hand_over(protocol, json.unread().to_vec());
            }
            ReadOutcome::ShuttingDown => {
                let text = "the server is about to end";
                session.refuse(None, ErrorCode::ShuttingDown, text);
                let _gone = wire.send(&session.answers).await;
                return;
            }
        }
    }
}

struct NativeSession<'a> {
    context: &'a Context,
    /// For the log.
    peer: String,
    /// Written together once every complete message is answered.
    answers: Vec<u8>,
    /// The publishes whose receipts follow `answers`.
    pending: Pending<u64>,
    agreed: Agreed,
}

impl NativeSession<'_> {
    /// Answers every complete message. Returns false if the connection must be closed.
    async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        wire: &mut Wire<S>,
        json: &mut JsonStream,
    ) -> bool {
        loop {
            if wire.hands_over() {
                return self.answer_pending().await;
            }
            let continues = match json.next_value() {
                Ok(None) => return self.answer_pending().await,
                Ok(Some(text)) => {
                    wire.message_is_complete().await;
                    self.answer(text).await
                }
                Err(error) => {
                    self.answer_pending().await;
                    let refused = RefusedMessage::stream(&error, json.waiting_len());
                    self.refuse(None, native_code(refused.kind), &refused.to_string())
                }
            };
            if !continues {
                return false;
            }
            if self.answers.len() >= ANSWERS_LEN {
                let answers = std::mem::take(&mut self.answers);
                if wire.send(&answers).await.is_err() {
                    return false;
                }
            }
        }
    }

    async fn answer(&mut self, text: &str) -> bool {
        let message = FromPublisher::decode(text);
        let is_publish = matches!(message, Ok(FromPublisher::Publish { .. }));
        // Answers are in the order of the messages.
        if (!is_publish || self.pending.is_full()) && !self.answer_pending().await {
            return false;
        }
        let message = match message {
            Ok(message) => message,
            Err(error) => return self.refuse(None, ErrorCode::BadMessage, &error.to_string()),
        };
        match message {
            FromPublisher::Hello {
                version,
                token,
                has_spool,
            } => {
                self.agreed.has_spool = has_spool;
                self.greet(version, token.as_deref())
            }
            _ if !self.agreed.has_greeted => {
                let text = "the first message must be HELLO: [1,1]";
                self.refuse(None, ErrorCode::Version, text)
            }
            FromPublisher::Publish {
                request,
                publish,
                id,
                exclude,
            } => {
                let publish = Publish {
                    id: id.as_deref(),
                    ..Publish::new(&publish.topic, publish.event, Source::Native)
                };
                self.publish(request, publish, exclude.as_deref()).await
            }
            FromPublisher::Position { request } => {
                let position = self.context.hub.position();
                encode_position(&mut self.answers, request, position);
                true
            }
            FromPublisher::Drain { request } => self.drain(request).await,
            FromPublisher::Revoke {
                request,
                sub,
                before_s,
            } => self.revoke(request, &sub, before_s).await,
            FromPublisher::Presence { request, topic } => self.presence(request, &topic).await,
            FromPublisher::Unknown { kind } => {
                let text = format!("unknown message type {kind}");
                self.refuse(None, ErrorCode::UnknownType, &text)
            }
        }
    }

    /// Waits until the spool is drained. Without a spool, it is.
    async fn drain(&mut self, request: u64) -> bool {
        if let Some(spool) = &self.context.spool
            && timeout(DRAIN_WAIT, spool.drains.drained()).await.is_err()
        {
            let text = "the spool is not drained yet";
            return self.refuse(Some(request), ErrorCode::Overloaded, text);
        }
        self.agreed.is_behind_spool = false;
        encode_drained(&mut self.answers, request);
        true
    }

    async fn revoke(&mut self, request: u64, sub: &str, before_s: Option<u64>) -> bool {
        let error = match revoke(self.context, sub, before_s).await {
            Ok(revoked) => {
                encode_revoked(&mut self.answers, request, revoked.sessions as u64);
                return true;
            }
            Err(error) => error,
        };
        let code = match error {
            RevokeError::Sub(_) => ErrorCode::BadSub,
            RevokeError::Full(_) => ErrorCode::Overloaded,
            RevokeError::NotKept(_) => ErrorCode::LogUnavailable,
        };
        self.refuse(Some(request), code, &error.to_string())
    }

    async fn presence(&mut self, request: u64, topic: &str) -> bool {
        let error = match members(self.context, topic).await {
            Ok(members) => {
                let list = members.list_json();
                encode_members(&mut self.answers, request, members.count as u64, &list);
                return true;
            }
            Err(error) => error,
        };
        let code = match error {
            PresenceError::Off(_) => ErrorCode::NoPresence,
            PresenceError::LogUnavailable => ErrorCode::LogUnavailable,
        };
        self.refuse(Some(request), code, &error.to_string())
    }

    fn greet(&mut self, version: u32, token: Option<&str>) -> bool {
        if version == 0 {
            let text = format!("there is no version 0: this server supports 1 to {VERSION}");
            return self.refuse(None, ErrorCode::Version, &text);
        }
        if let Err(text) = self.check_token(token) {
            return self.refuse(None, ErrorCode::Denied, text);
        }
        self.agreed.has_greeted = true;
        let ident = &self.context.server_ident;
        let len_max = self.context.live.limits().publish_len_max;
        encode_welcome(&mut self.answers, version.min(VERSION), ident, len_max);
        true
    }

    fn check_token(&self, shown: Option<&str>) -> Result<(), &'static str> {
        match (&self.context.live.options().publish_token, shown) {
            (None, _) => Ok(()),
            (Some(token), Some(shown)) if token.is(shown) => Ok(()),
            (Some(_), Some(_)) => Err("the token is wrong"),
            (Some(_), None) => Err("this server requires a token: [1,1,{\"token\":\"...\"}]"),
        }
    }

    async fn publish(
        &mut self,
        request: u64,
        mut publish: Publish<'_>,
        exclude: Option<&str>,
    ) -> bool {
        if let Some(Err(error)) = publish.id.map(check_id) {
            self.answer_pending().await;
            return self.refuse(Some(request), ErrorCode::BadId, &error.to_string());
        }
        match exclude.map(str::parse).transpose() {
            Ok(excluded) => publish.recipients = excluded.map(Recipients::all_but),
            Err(SessionNameError) => {
                self.answer_pending().await;
                let text = SessionNameError.to_string();
                return self.refuse(Some(request), ErrorCode::BadExclude, &text);
            }
        }
        if self.agreed.is_behind_spool {
            let text = "an earlier event of this publisher is in its spool";
            return self.refuse(Some(request), ErrorCode::Overloaded, text);
        }
        let (context, pending) = (self.context, &mut self.pending);
        let is_accepted = pending.publish(context, publish, request).await;
        // A refusal can decide about the next message.
        is_accepted || self.answer_pending().await
    }

    /// Answers the publishes that wait for their receipts. Returns whether the session continues.
    async fn answer_pending(&mut self) -> bool {
        let mut continues = true;
        while let Some((request, receipt)) = self.pending.next(self.context).await {
            match receipt {
                Ok(receipt) => encode_receipt(&mut self.answers, request, receipt),
                Err(error) => {
                    let refused = RefusedMessage::from(error);
                    let code = native_code(refused.kind);
                    let is_spooled =
                        matches!(code, ErrorCode::Overloaded | ErrorCode::LogUnavailable);
                    self.agreed.is_behind_spool |= self.agreed.has_spool && is_spooled;
                    continues &= self.refuse(Some(request), code, &refused.to_string());
                }
            }
        }
        continues
    }

    /// Answers with an error. Returns whether the session continues.
    fn refuse(&mut self, request: Option<u64>, code: ErrorCode, text: &str) -> bool {
        if code != ErrorCode::ShuttingDown {
            let name = code.name();
            let text = format_args!("refusing a publisher's message ({name}): {text}");
            let refused = &self.context.counters.publishes_refused;
            refused.refuse(code.into(), &self.context.publisher_log, &self.peer, text);
        }
        encode_error(&mut self.answers, request, code, text);
        !code.closes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishers::wire::tests::wire;

    /// The other process answers the messages that have arrived, and none is published here.
    #[tokio::test]
    async fn complete_messages_are_handed_over() {
        const MESSAGES: &[u8] = b"[1,1][3,1,\"t\",1][3,2,\"t\",2]";
        let (server, mut wire) = wire(tokio::io::duplex(1).0, 1).await;
        let context = server.admin.context();
        let mut json = JsonStream::new(1000);
        json.feed(MESSAGES);
        let mut session = NativeSession {
            context,
            peer: String::new(),
            answers: Vec::new(),
            pending: Pending::default(),
            agreed: Agreed::default(),
        };
        context.handover.begin();
        assert!(session.answer_all(&mut wire, &mut json).await);
        assert_eq!(json.unread(), MESSAGES);
        assert_eq!(session.answers, b"");
        assert_eq!(context.hub.position().sequence, 0);
    }
}
