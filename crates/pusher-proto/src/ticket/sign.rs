//! Signs tickets.

use std::borrow::Cow;

use data_encoding::BASE64URL_NOPAD;
use serde_json::value::RawValue;

use super::claims::{Claims, Header, Text, is_info};
use super::{TicketKeys, pattern};
use crate::limits::{
    SUB_LEN_MAX, TICKET_INFO_LEN_MAX, TICKET_LEN_MAX, TICKET_TOPICS_MAX, TICKET_TTL_S_MAX,
};

/// A ticket to sign.
#[derive(Debug, Clone, Copy, Default)]
pub struct TicketRequest<'a> {
    /// Topics, and patterns with a `*` at the end, behind `.`, `/`, `:` or `-`. 1 to
    /// [`TICKET_TOPICS_MAX`].
    pub topics: &'a [&'a str],
    /// Seconds until it ends, 1 to [`TICKET_TTL_S_MAX`].
    pub ttl_s: u64,
    /// The user. Presence and revocation go by it.
    pub sub: Option<&'a str>,
    /// What others may know about the user: one JSON value of up to [`TICKET_INFO_LEN_MAX`] bytes.
    pub info: Option<&'a str>,
}

/// A ticket that cannot be signed: a mistake of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// No topic, or too many.
    #[error("a ticket is for 1 to {TICKET_TOPICS_MAX} topics, not {0}")]
    TopicCount(usize),
    /// A text that is neither a topic nor a pattern.
    #[error(
        "{0:?} is no topic for a ticket: a * may only be its last character, behind . / : or -"
    )]
    Topic(String),
    /// The time to live is out of range.
    #[error("the ttl of a ticket is 1 to {TICKET_TTL_S_MAX} seconds, not {0}")]
    Ttl(u64),
    /// `sub` is empty or too long.
    #[error("sub is {0} bytes long: 1 to {SUB_LEN_MAX} are allowed")]
    Sub(usize),
    /// `info` is not JSON, or too long.
    #[error("info must be one JSON value of at most {TICKET_INFO_LEN_MAX} bytes")]
    Info,
    /// The whole ticket is too long.
    #[error(
        "the ticket is {0} bytes long, at most {TICKET_LEN_MAX} are allowed: it has fewer topics with a pattern, such as user.7.*"
    )]
    TooLong(usize),
}

impl TicketKeys {
    /// Signs a ticket that begins at the Unix time `now_s`, with the first key.
    pub fn sign(&self, request: &TicketRequest<'_>, now_s: u64) -> Result<String, SignError> {
        let TicketRequest {
            topics,
            ttl_s,
            sub,
            info,
        } = *request;
        if !(1..=TICKET_TOPICS_MAX).contains(&topics.len()) {
            return Err(SignError::TopicCount(topics.len()));
        }
        if let Some(topic) = topics.iter().find(|topic| !pattern::is_valid(topic)) {
            return Err(SignError::Topic((*topic).to_owned()));
        }
        if !(1..=TICKET_TTL_S_MAX).contains(&ttl_s) {
            return Err(SignError::Ttl(ttl_s));
        }
        if let Some(sub) = sub.filter(|sub| !(1..=SUB_LEN_MAX).contains(&sub.len())) {
            return Err(SignError::Sub(sub.len()));
        }
        let claims = Claims {
            topics: topics.iter().map(|&topic| text(topic)).collect(),
            sub: sub.map(text),
            exp: now_s.saturating_add(ttl_s),
            iat: now_s,
            nbf: 0,
            info: info.map(raw_info).transpose()?,
        };
        self.seal(&claims)
    }

    fn seal(&self, claims: &Claims<'_>) -> Result<String, SignError> {
        let key = self.first();
        let header = Header {
            alg: Cow::Borrowed("HS256"),
            kid: Some(text(&key.id)),
            crit: None,
        };
        let mut ticket = encoded(&header);
        ticket.push('.');
        ticket.push_str(&encoded(claims));
        let signature = key.sign(ticket.as_bytes());
        ticket.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut ticket);
        match ticket.len() {
            ..=TICKET_LEN_MAX => Ok(ticket),
            len => Err(SignError::TooLong(len)),
        }
    }
}

fn text(text: &str) -> Text<'_> {
    Text(Cow::Borrowed(text))
}

fn raw_info(info: &str) -> Result<&RawValue, SignError> {
    let raw = is_info(info)
        .then(|| serde_json::from_str(info).ok())
        .flatten();
    raw.ok_or(SignError::Info)
}

fn encoded<T: serde::Serialize>(part: &T) -> String {
    // Texts and numbers always have a JSON form.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(part).unwrap_or_default())
}
