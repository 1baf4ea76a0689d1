//! WAMP-CRA v1: optional challenge-response authentication.
//!
//! A client proves with two calls that it knows a secret, without sending the secret:
//!
//! 1. `authreq(authKey, extra)` returns a challenge, a JSON string.
//! 2. `auth(signature)`, with signature = base64(HMAC-SHA256(secret, challenge)), returns the permissions that the
//!    session has from then on.
//!
//! Before that, a session may not subscribe, call or publish.

mod permissions;
mod signature;

use std::collections::HashMap;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use super::Request;
use super::{Application, Call, POLICY_VIOLATION, Refusal};
use crate::connection::{Session, SessionId};

pub use permissions::{Permissions, RpcPermission, TopicPermission};
pub use signature::{KeyDerivation, derive_key};

const AUTHREQ: &str = "http://api.wamp.ws/procedure#authreq";
const AUTH: &str = "http://api.wamp.ws/procedure#auth";
const ERRORS: &str = "http://api.wamp.ws/error#";

/// Longest authKey, in bytes.
const AUTH_KEY_LEN_MAX: usize = 255;

/// Longest `extra` of an authreq, in bytes of JSON.
const EXTRA_LEN_MAX: usize = 4 * 1024;

/// Wrong signatures after which a session is closed.
const FAILURES_MAX: u32 = 3;

/// An account that can authenticate.
#[derive(Debug, Clone)]
pub struct Account {
    /// The key of the signature: the password, or the result of [`derive_key`].
    pub secret: String,
    /// Set if the client derives the secret from a password.
    pub derivation: Option<KeyDerivation>,
    /// Permissions of an authenticated session.
    pub permissions: Permissions,
}

/// Wraps an application, and only passes on requests of authenticated sessions.
#[derive(Debug)]
pub struct Authenticated<A, F> {
    application: A,
    find_account: F,
    /// Sessions that have called `authreq`.
    sessions: Mutex<HashMap<SessionId, State>>,
}

#[derive(Debug)]
enum State {
    /// A challenge was sent, and its signature has not arrived.
    Challenged {
        challenge: String,
        account: Account,
        failures: u32,
    },
    /// The signature of the last challenge was wrong.
    Failed {
        failures: u32,
    },
    Authenticated(Permissions),
}

impl State {
    fn failures(&self) -> u32 {
        match self {
            Self::Challenged { failures, .. } | Self::Failed { failures } => *failures,
            Self::Authenticated(_) => 0,
        }
    }
}

/// The name of an error, and its description.
type CraError = (&'static str, &'static str);

const ALREADY_AUTHENTICATED: CraError = ("already-authenticated", "already authenticated");
const NO_CHALLENGE: CraError = (
    "no-authentication-requested",
    "call authreq first; each challenge can be answered once",
);

/// The challenge. The client signs its JSON text.
#[derive(Serialize)]
struct Challenge<'a> {
    authid: String,
    authkey: &'a str,
    timestamp: String,
    sessionid: String,
    extra: &'a Value,
    permissions: &'a Permissions,
    #[serde(skip_serializing_if = "Option::is_none")]
    authextra: Option<&'a KeyDerivation>,
}

impl<A, F> Authenticated<A, F>
where
    A: Application,
    F: Fn(&str) -> Option<Account> + Send + Sync + 'static,
{
    /// Wraps an application. `find_account` looks up an authKey. It is called on a thread that serves browsers and must
    /// not block.
    pub fn new(application: A, find_account: F) -> Self {
        Self {
            application,
            find_account,
            sessions: Mutex::default(),
        }
    }

    fn authreq(&self, call: Call) {
        match self.make_challenge(&call) {
            Ok(challenge) => call.result(&challenge),
            Err((error, text)) => call.error(&format!("{ERRORS}{error}"), text),
        }
    }

    /// Creates a challenge for a session, and records it.
    fn make_challenge(&self, call: &Call) -> Result<String, CraError> {
        let session = call.session().id();
        match self.sessions.lock().get(&session) {
            Some(State::Authenticated(_)) => return Err(ALREADY_AUTHENTICATED),
            Some(State::Challenged { .. }) => {
                return Err((
                    "authentication-already-requested",
                    "a challenge was already sent",
                ));
            }
            Some(State::Failed { .. }) | None => {}
        }
        let unknown = ("no-such-authkey", "unknown authKey");
        let auth_key = call.argument::<String>(0).map_err(|_| unknown)?;
        if auth_key.len() > AUTH_KEY_LEN_MAX {
            return Err(unknown);
        }
        let account = (self.find_account)(&auth_key).ok_or(unknown)?;
        let extra = call.arguments().get(1).map_or("null", |extra| extra.get());
        if extra.len() > EXTRA_LEN_MAX {
            return Err(("generic", "extra is too long: at most 4 KiB are allowed"));
        }
        let extra = serde_json::from_str(extra).unwrap_or_default();
        let challenge = challenge(&auth_key, session, &extra, &account).ok_or((
            "generic",
            "the server has no random numbers for a challenge",
        ))?;
        let mut sessions = self.sessions.lock();
        let failures = sessions.get(&session).map_or(0, State::failures);
        let state = State::Challenged {
            challenge: challenge.clone(),
            account,
            failures,
        };
        sessions.insert(session, state);
        Ok(challenge)
    }

    fn auth(&self, call: Call) {
        match self.check_signature(&call) {
            Ok(permissions) => call.result(&permissions),
            Err((error, text)) => {
                let session = call.session().clone();
                call.error(&format!("{ERRORS}{error}"), text);
                let state = self.sessions.lock().get(&session.id()).map(State::failures);
                if state.is_some_and(|failures| failures >= FAILURES_MAX) {
                    session.close(POLICY_VIOLATION, "too many wrong signatures");
                }
            }
        }
    }

    /// Checks the signature of the session's challenge. Returns the session's permissions. Each challenge can be tried
    /// only once.
    fn check_signature(&self, call: &Call) -> Result<Permissions, CraError> {
        let session = call.session();
        let mut sessions = self.sessions.lock();
        let (challenge, account, failures) = match sessions.remove(&session.id()) {
            Some(State::Challenged {
                challenge,
                account,
                failures,
            }) => (challenge, account, failures),
            Some(state) => {
                let is_authenticated = matches!(state, State::Authenticated(_));
                sessions.insert(session.id(), state);
                return Err(match is_authenticated {
                    true => ALREADY_AUTHENTICATED,
                    false => NO_CHALLENGE,
                });
            }
            None => return Err(NO_CHALLENGE),
        };
        let signature = call.argument::<String>(0).unwrap_or_default();
        if !signature::is_valid(&account.secret, &challenge, &signature) {
            let failures = failures + 1;
            sessions.insert(session.id(), State::Failed { failures });
            tracing::warn!(session = %session.id(), peer = %session.peer_addr(), failures,
                "wrong signature");
            return Err(("invalid-signature", "the signature is wrong"));
        }
        let permissions = account.permissions;
        sessions.insert(session.id(), State::Authenticated(permissions.clone()));
        Ok(permissions)
    }

    /// Whether the session is authenticated and `test` accepts its permissions.
    fn has(&self, session: &Session, test: impl FnOnce(&Permissions) -> bool) -> bool {
        match self.sessions.lock().get(&session.id()) {
            Some(State::Authenticated(permissions)) => test(permissions),
            _ => false,
        }
    }
}

/// Returns a new challenge as JSON. `None` if the operating system has no random numbers.
fn challenge(
    auth_key: &str,
    session: SessionId,
    extra: &Value,
    account: &Account,
) -> Option<String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let challenge = Challenge {
        authid: SessionId::random().ok()?.to_string(),
        authkey: auth_key,
        timestamp: since.unwrap_or_default().as_secs().to_string(),
        sessionid: session.to_string(),
        extra,
        permissions: &account.permissions,
        authextra: account.derivation.as_ref(),
    };
    serde_json::to_string(&challenge).ok()
}

impl<A, F> Application for Authenticated<A, F>
where
    A: Application,
    F: Fn(&str) -> Option<Account> + Send + Sync + 'static,
{
    fn accept(&self, request: &Request) -> Result<(), Refusal> {
        self.application.accept(request)
    }

    fn opened(&self, session: &Session, request: &Request) {
        self.application.opened(session, request);
    }

    fn may_hand_over(&self, session: &Session) -> bool {
        // The other process would not know who has logged in.
        !self.sessions.lock().contains_key(&session.id()) && self.application.may_hand_over(session)
    }

    fn taken_over(&self, session: &Session) {
        self.application.taken_over(session);
    }

    fn closed(&self, session: &Session) {
        self.sessions.lock().remove(&session.id());
        self.application.closed(session);
    }

    fn may_subscribe(&self, session: &Session, topic: &str) -> bool {
        self.has(session, |permissions| permissions.may_subscribe(topic))
            && self.application.may_subscribe(session, topic)
    }

    fn unsubscribed(&self, session: &Session, topic: &str) {
        self.application.unsubscribed(session, topic);
    }

    fn call(&self, call: Call) {
        match call.proc_uri() {
            AUTHREQ => self.authreq(call),
            AUTH => self.auth(call),
            uri if self.has(call.session(), |permissions| permissions.may_call(uri)) => {
                self.application.call(call);
            }
            _ => call.error(
                &format!("{ERRORS}not-authorized"),
                "this session may not call this procedure",
            ),
        }
    }

    fn may_publish(&self, session: &Session, topic: &str, event: &str) -> bool {
        self.has(session, |permissions| permissions.may_publish(topic))
            && self.application.may_publish(session, topic, event)
    }
}
