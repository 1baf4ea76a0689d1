//! What an application decides: the server does the rest.

pub mod cra;
mod recipe;
mod request;

use std::sync::Arc;

use pusher_proto::wamp::{call_error, call_result, text_frame};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::connection::Session;

pub use recipe::Recipe;
pub(crate) use request::Header;
pub use request::Request;

/// WebSocket close code of a violation of policy (RFC 6455, section 7.4.1).
pub const POLICY_VIOLATION: u16 = 1008;

/// An application on top of the push server.
///
/// Its methods are called on the threads that serve browsers: they must not block. Whatever takes
/// time (a [`Call`], say) is moved to a task or thread of the application's own.
pub trait Application: Send + Sync + 'static {
    /// A browser shakes hands. Called before it gets an answer.
    fn accept(&self, request: &Request) -> Result<(), Refusal> {
        let _ = request;
        Ok(())
    }

    /// A session has begun: its WELCOME is on the way.
    fn opened(&self, session: &Session, request: &Request) {
        let _ = (session, request);
    }

    /// A session has ended, in whatever way.
    fn closed(&self, session: &Session) {
        let _ = session;
    }

    /// May the session subscribe to this topic? WAMP v1 has no answer to SUBSCRIBE: a refused
    /// session just gets no events.
    fn may_subscribe(&self, session: &Session, topic: &str) -> bool {
        let _ = (session, topic);
        true
    }

    /// The session has unsubscribed from a topic that it was subscribed to. Not called for the
    /// topics that a closed session still had.
    fn unsubscribed(&self, session: &Session, topic: &str) {
        let _ = (session, topic);
    }

    /// The session calls a procedure. The default answers that there is none.
    fn call(&self, call: Call) {
        let uri = call.proc_uri().to_owned();
        call.error(&uri, "there is no such procedure");
    }

    /// May the session publish this event, one JSON value, to this topic? If not, it is closed
    /// with code 1008. The default is no.
    fn may_publish(&self, session: &Session, topic: &str, event: &str) -> bool {
        let _ = (session, topic, event);
        false
    }

    /// Whether each message is just sent back, in place of WAMP and without a WELCOME: for test suites that
    /// judge WebSocket alone.
    #[doc(hidden)]
    fn is_echo(&self) -> bool {
        false
    }
}

/// Why a browser is turned away: an HTTP status and a line for whoever reads the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400 to 599.
    pub status: u16,
    /// What is wrong and what to do about it.
    pub reason: String,
}

/// A remote procedure call that waits for its answer. It may be answered from any thread; one that
/// is dropped unanswered is answered with an error.
#[derive(Debug)]
pub struct Call {
    session: Session,
    /// JSON text of the id.
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

    /// Who calls.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The procedure's full URI.
    pub fn proc_uri(&self) -> &str {
        &self.proc_uri
    }

    /// The arguments as they came, each a JSON value.
    pub fn arguments(&self) -> &[Box<RawValue>] {
        &self.arguments
    }

    /// The argument at `index` as a Rust value; a missing one reads as `null`.
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
            Err(error) => self.send_generic_error(&format!("the result is no JSON: {error}")),
        }
    }

    /// Answers with an error: its URI, and a description for people.
    pub fn error(mut self, error_uri: &str, description: &str) {
        self.send(&call_error(&self.id, error_uri, description, None));
    }

    /// Answers with an error that has details for programs. Details that are `null` are left out,
    /// since WAMP v1 does not allow them to be.
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
        let connection = self.session.connection();
        connection.send(&connection.counted_frame(text_frame(message)));
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
