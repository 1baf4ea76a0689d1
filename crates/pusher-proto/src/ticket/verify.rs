//! Verifies tickets.

use data_encoding::BASE64URL_NOPAD;

use super::claims::{Claims, Header, Text, is_info};
use super::parts::Parts;
use super::{Ticket, TicketFault, TicketKeys, pattern};
use crate::limits::{
    SUB_LEN_MAX, TICKET_LEEWAY_S, TICKET_LEN_MAX, TICKET_TOPICS_MAX, TICKET_TTL_S_MAX,
};

/// Length of a signature with HMAC-SHA256, in bytes.
const SIGNATURE_LEN: usize = 32;

impl TicketKeys {
    /// Verifies a ticket at the Unix time `now_s`.
    ///
    /// The signature comes first: HMAC-SHA256 with every key, before anything of the text is parsed. So the header cannot
    /// choose how the signature is checked, and claims that the site has not signed are never parsed.
    pub fn verify(&self, ticket: &str, now_s: u64) -> Result<Ticket, TicketFault> {
        if ticket.len() > TICKET_LEN_MAX {
            return Err(TicketFault::TooLong);
        }
        let (message, _) = ticket.rsplit_once('.').ok_or(TicketFault::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TicketFault::Malformed)?;
        let is_signed = self.signer(ticket).is_some();
        // On the stack: each handshake with a ticket comes here.
        let mut buffer = [0; TICKET_LEN_MAX];
        let (header, rest) = object(header, &mut buffer)?;
        let header: Result<Header<'_>, _> = serde_json::from_slice(header);
        let header = header.map_err(|_| TicketFault::Malformed)?;
        if !is_signed {
            return Err(self.why_not_signed(&header));
        }
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(TicketFault::Algorithm);
        }
        let (payload, _) = object(payload, rest)?;
        let claims = serde_json::from_slice(payload).map_err(|_| TicketFault::Malformed)?;
        check_times(&claims, now_s)?;
        into_ticket(claims)
    }

    /// Returns the id of the key that has signed a ticket. Looks at nothing but the signature: see
    /// [`verify`](Self::verify).
    pub fn signer(&self, ticket: &str) -> Option<&str> {
        let (message, signature) = ticket.rsplit_once('.')?;
        let mut buffer = [0; SIGNATURE_LEN];
        let (signature, _) = decoded(signature, &mut buffer).ok()?;
        let mut keys = self.iter();
        let signer = keys.find(|key| key.has_signed(message.as_bytes(), signature));
        signer.map(|key| &*key.id)
    }

    /// Explains why no key has made a signature, from the header that somebody else has written.
    fn why_not_signed(&self, header: &Header<'_>) -> TicketFault {
        if header.alg != "HS256" {
            return TicketFault::Algorithm;
        }
        match &header.kid {
            Some(Text(kid)) if !self.ids().any(|id| id == kid) => TicketFault::UnknownKey,
            _ => TicketFault::Signature,
        }
    }
}

fn check_times(claims: &Claims<'_>, now_s: u64) -> Result<(), TicketFault> {
    let latest_s = now_s.saturating_add(TICKET_LEEWAY_S);
    if claims.exp.saturating_add(TICKET_LEEWAY_S) <= now_s {
        return Err(TicketFault::Expired);
    }
    if claims.iat.max(claims.nbf) > latest_s {
        return Err(TicketFault::NotYetValid);
    }
    if claims.exp > latest_s.saturating_add(TICKET_TTL_S_MAX) {
        return Err(TicketFault::Lifetime);
    }
    Ok(())
}

fn into_ticket(claims: Claims<'_>) -> Result<Ticket, TicketFault> {
    let topics = claims.topics.iter().map(|topic| &*topic.0);
    let has_topics =
        (1..=TICKET_TOPICS_MAX).contains(&topics.len()) && topics.clone().all(pattern::is_valid);
    let sub = claims.sub.as_ref().map(|sub| &*sub.0);
    let has_sub = sub.is_none_or(|sub| (1..=SUB_LEN_MAX).contains(&sub.len()));
    let info = claims.info.map(serde_json::value::RawValue::get);
    let has_info = info.is_none_or(is_info);
    if !has_topics || !has_sub || !has_info {
        return Err(TicketFault::Malformed);
    }
    let texts = [sub, info].map(Option::unwrap_or_default);
    let parts = Parts::new(texts.into_iter().chain(topics));
    Ok(Ticket {
        parts: parts.ok_or(TicketFault::Malformed)?,
        issued_s: claims.iat,
        expires_s: claims.exp,
    })
}

/// Decodes a part of a ticket, a JSON object. (serde would accept an array of the members, too.)
fn object<'a>(part: &str, buffer: &'a mut [u8]) -> Result<(&'a [u8], &'a mut [u8]), TicketFault> {
    let (bytes, rest) = decoded(part, buffer)?;
    match bytes.trim_ascii_start().starts_with(b"{") {
        true => Ok((bytes, rest)),
        false => Err(TicketFault::Malformed),
    }
}

/// Decodes a part into the beginning of a buffer. Returns the bytes, and the rest of the buffer.
fn decoded<'a>(part: &str, buffer: &'a mut [u8]) -> Result<(&'a [u8], &'a mut [u8]), TicketFault> {
    let len = BASE64URL_NOPAD.decode_len(part.len());
    let split = len.ok().and_then(|len| buffer.split_at_mut_checked(len));
    let (bytes, rest) = split.ok_or(TicketFault::Malformed)?;
    let written = BASE64URL_NOPAD.decode_mut(part.as_bytes(), bytes);
    written.map_err(|_| TicketFault::Malformed)?;
    Ok((bytes, rest))
}
