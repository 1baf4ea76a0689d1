//! The interface between the server and the program that embeds it.

pub mod cra;
mod recipe;
mod request;

use std::sync::Arc;

use pusher_proto::wamp::{call_error, call_result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::connection::Session;

pub use recipe::Recipe;
pub(crate) use request::Header;
pub use request::Request;

/// WebSocket close code for a policy violation (RFC 6455, section 7.4.1).
pub const POLICY_VIOLATION: u16 = 1008;

/// The decisions of the program that embeds the server.
///
/// The server calls these methods on the threads that serve browsers, so they must not block. Move slow work, such as
/// the answer to a [`Call`], to a task or thread of your own.
pub trait Application: Send + Sync + 'static {
    /// Accepts or refuses a browser. Called during the WebSocket handshake, before the response.
    fn accept(&self, request: &Request) -> Result<(), Refusal> {
        let _ = request;
        Ok(())
    }

    /// Called after a session was opened. WELCOME is the first message of the session.
    fn opened(&self, session: &Session, request: &Request) {
        let _ = (session, request);
    }

    /// Whether another process can continue the session after a hand-over. Otherwise it is closed, and its page connects
    /// again. Not if the application knows something of the session that the other process would not know.
    fn may_hand_over(&self, session: &Session) -> bool {
        let _ = session;
        true
    }

    /// Called instead of [`opened`](Self::opened) for a session of a server that was handed over. Its subscriptions continue
    /// without a call of [`may_subscribe`](Self::may_subscribe).
    fn taken_over(&self, session: &Session) {
        let _ = session;
    }

    /// Called after a session has ended here, for any reason. After a hand-over it goes on elsewhere.
    fn closed(&self, session: &Session) {
        let _ = session;
    }

    /// Whether the session may subscribe to this topic. The default is yes. WAMP v1 has no response to SUBSCRIBE, so a
    /// refused session just gets no events.
    fn may_subscribe(&self, session: &Session, topic: &str) -> bool {
        let _ = (session, topic);
        true
    }

    /// Called after the session has unsubscribed from a topic. Not called for the subscriptions that end with the
    /// session.
    fn unsubscribed(&self, session: &Session, topic: &str) {
        let _ = (session, topic);
    }

    /// Handles a remote procedure call. The default answers with an error.
    fn call(&self, call: Call) {
        let uri = call.proc_uri().to_owned();
        call.error(&uri, "there is no such procedure");
    }

    /// Whether the session may publish this event, one JSON value, to this topic. If not, the session is closed with
    /// code 1008. The default is no.
    fn may_publish(&self, session: &Session, topic: &str, event: &str) -> bool {
        let _ = (session, topic, event);
        false
    }

    /// Whether the server echoes each message instead of speaking WAMP, for test suites of the WebSocket protocol.
    #[doc(hidden)]
    fn is_echo(&self) -> bool {
        false
    }
}

/// The HTTP response to a browser that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// The body of the response: the reason, and the remedy.
    pub reason: String,
}

/// A remote procedure call that waits for its answer. It can be answered from any thread. A call that is dropped
/// without an answer gets an error.
#[derive(Debug)]
pub struct Call {
    session: Session,
    /// The id as JSON text, which the answer repeats.
    id: String,
    proc_uri: String,
    arguments: Vec<Box<RawValue>>,
    is_answered: bool,
}

impl Call {
    pub(crate) fn new(
        session: Session,
        id: &str,
        proc_uri: String,
        arguments: &[&RawValue],
    ) -> Self {
        Self {
            session,
            id: id.to_owned(),
            proc_uri,
            arguments: arguments.iter().map(|&value| value.to_owned()).collect(),
            is_answered: false,
        }
    }

    /// Returns the session that made the call.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the URI of the procedure, with prefixes expanded.
    pub fn proc_uri(&self) -> &str {
        &self.proc_uri
    }

    /// Returns the arguments as JSON values.
    pub fn arguments(&self) -> &[Box<RawValue>] {
        &self.arguments
    }

    /// Returns the argument at `index` as a Rust value. A missing argument reads as `null`.
    pub fn argument<T: DeserializeOwned>(&self, index: usize) -> serde_json::Result<T> {
        let text = self
            .arguments
            .get(index)
            .map_or("null", |value| value.get());
        serde_json::from_str(text)
    }

    /// Answers with a result.
    pub fn result<T: Serialize>(mut self, result: &T) {
        match serde_json::to_string(result) {
            Ok(result) => self.send(&call_result(&self.id, &result)),
            Err(error) => self
                .send_generic_error(&format!("the result cannot be serialized as JSON: {error}")),
        }
    }

    /// Answers with an error: a URI for programs, and a description for people.
    pub fn error(mut self, error_uri: &str, description: &str) {
        self.send(&call_error(&self.id, error_uri, description, None));
    }

    /// Answers with an error that has details for programs. Details that are `null` are omitted, because WAMP v1
    /// forbids them.
    pub fn error_with_details<T: Serialize>(
        mut self,
        error_uri: &str,
        description: &str,
        details: &T,
    ) {
        let details = serde_json::to_string(details).ok();
        let details = details.as_deref().filter(|&details| details != "null");
        self.send(&call_error(&self.id, error_uri, description, details));
    }

    fn send_generic_error(&mut self, description: &str) {
        let uri = "http://api.wamp.ws/error#generic";
        self.send(&call_error(&self.id, uri, description, None));
    }

    fn send(&mut self, message: &str) {
        self.is_answered = true;
        self.session.connection().send_text(message);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_answered {
            self.send_generic_error("the procedure gave no answer");
        }
    }
}

impl<A: Application> Application for Arc<A> {
    fn accept(&self, request: &Request) -> Result<(), Refusal> {
        (**self).accept(request)
    }

    fn opened(&self, session: &Session, request: &Request) {
        (**self).opened(session, request);
    }

    fn may_hand_over(&self, session: &Session) -> bool {
        (**self).may_hand_over(session)
    }

    fn taken_over(&self, session: &Session) {
        (**self).taken_over(session);
    }

    fn closed(&self, session: &Session) {
        (**self).closed(session);
    }

    fn may_subscribe(&self, session: &Session, topic: &str) -> bool {
        (**self).may_subscribe(session, topic)
    }

    fn unsubscribed(&self, session: &Session, topic: &str) {
        (**self).unsubscribed(session, topic);
    }

    fn call(&self, call: Call) {
        (**self).call(call);
    }

    fn may_publish(&self, session: &Session, topic: &str, event: &str) -> bool {
        (**self).may_publish(session, topic, event)
    }

    fn is_echo(&self) -> bool {
        (**self).is_echo()
    }
}
