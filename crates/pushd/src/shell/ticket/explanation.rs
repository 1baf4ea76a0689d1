//! A ticket in words.

use data_encoding::BASE64URL_NOPAD;
use pusher_core::{TicketFault, TicketKeys};
use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::limits::TICKET_LEN_MAX;
use pusher_proto::ticket::COOKIE;
use serde_json::{Map, Value};

use super::claims::{self, text};
use crate::output::escape;
use crate::tickets::{KeyFile, KeyFileError};

/// A ticket, and what to say about it.
pub(super) struct Question<'a> {
    pub(super) ticket: &'a str,
    pub(super) keys: Result<&'a TicketKeys, &'a KeyFileError>,
    pub(super) file: &'a KeyFile,
    /// A topic, and whether it is private.
    pub(super) topic: Option<(&'a str, bool)>,
    pub(super) now_s: u64,
}

/// What a ticket says, line by line, and why it is refused.
pub(super) struct Explanation {
    pub(super) text: String,
    pub(super) fault: Option<TicketFault>,
}

/// Explains a ticket. It may be anything: nothing in it is trusted.
pub(super) fn explain(question: &Question<'_>) -> Explanation {
    let &Question {
        ticket,
        keys,
        file,
        topic,
        now_s,
    } = question;
    let mut lines = Lines::default();
    lines.add(
        "length",
        &format!("{} of at most {TICKET_LEN_MAX} bytes", ticket.len()),
    );
    if let Some(hint) = hint(ticket) {
        lines.add("hint", &hint);
    }
    let mut parts = ticket.split('.');
    header(&mut lines, &object(parts.next()));
    if let Ok(keys) = keys {
        lines.add("signature", &signature(keys, ticket, file));
    }
    match object(parts.next()) {
        Some(claims) => {
            for (label, text) in claims::lines(&claims, now_s) {
                lines.add(label, &text);
            }
        }
        None => lines.add("claims", "not JSON in base64url"),
    }
    let verified = keys.ok().map(|keys| keys.verify(ticket, now_s));
    let fault = match (verified, topic) {
        (None, _) => None,
        (Some(Err(fault)), _) => Some(fault),
        (Some(Ok(_)), None) => None,
        (Some(Ok(ticket)), Some((topic, is_private))) => {
            let of = topic.strip_prefix(PRESENCE_PREFIX).unwrap_or(topic);
            let is_allowed = ticket.allows(of);
            lines.add("topic", &about_topic(topic, is_allowed, is_private));
            (!is_allowed).then_some(TicketFault::Topic)
        }
    };
    if keys.is_ok() && fault.is_none() {
        lines.add(
            "accepted",
            "unless its user was revoked, which only the server knows",
        );
    }
    Explanation {
        text: lines.0,
        fault,
    }
}

/// Recognizes a text around a ticket, or another base64.
fn hint(ticket: &str) -> Option<String> {
    if ticket.starts_with(&format!("{COOKIE}=")) {
        return Some(format!(
            "{COOKIE}= is the name of the cookie: the ticket begins behind it"
        ));
    }
    let is_other = ticket.contains(['=', '+', '/']);
    is_other
        .then(|| "the parts must be base64url: - and _ for + and /, and no = at the end".to_owned())
}

/// Returns the JSON object in a part of a ticket, if it is one.
fn object(part: Option<&str>) -> Option<Map<String, Value>> {
    let bytes = BASE64URL_NOPAD.decode(part?.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn header(lines: &mut Lines, header: &Option<Map<String, Value>>) {
    let Some(header) = header else {
        return lines.add("header", "not JSON in base64url");
    };
    let alg = header.get("alg").map_or_else(|| "none".to_owned(), text);
    lines.add("algorithm", &alg);
    let kid = header.get("kid").map(text);
    lines.add(
        "key",
        kid.as_deref().unwrap_or("not named: every key is tried"),
    );
}

fn signature(keys: &TicketKeys, ticket: &str, file: &KeyFile) -> String {
    match keys.signer(ticket) {
        Some(id) => format!("right, by the key {id} of {file}"),
        None => {
            let ids: Vec<_> = keys.ids().collect();
            format!("wrong, by each key of {file}: {}", ids.join(", "))
        }
    }
}

fn about_topic(topic: &str, is_allowed: bool, is_private: bool) -> String {
    let allowed = match is_allowed {
        true => "the ticket is for it",
        false => "the ticket is not for it",
    };
    match is_private {
        true => format!("{topic}: {allowed}"),
        false => format!("{topic}: {allowed}, and these settings do not make it private"),
    }
}

/// Lines of a label and a text.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        self.0.push_str(&format!("{label:<10} {}\n", escape(text)));
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::ticket::TicketRequest;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn keys() -> TicketKeys {
        "k1 0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    fn ask(ticket: &str, topic: Option<(&str, bool)>) -> Explanation {
        explain(&Question {
            ticket,
            keys: Ok(&keys()),
            file: &KeyFile::default(),
            topic,
            now_s: NOW_S,
        })
    }

    fn ticket(begin_s: u64) -> String {
        let request = TicketRequest {
            topics: &["orders.42", "user.7.*"],
            ttl_s: 300,
            sub: Some("7"),
            info: Some(r#"{"name":"Ann"}"#),
        };
        keys().sign(&request, begin_s).unwrap()
    }

    #[test]
    fn accepted_ticket_is_described() {
        let Explanation { text, fault } = ask(&ticket(NOW_S - 60), None);
        assert_eq!(fault, None);
        let (_, text) = text.split_once('\n').unwrap();
        assert_eq!(
            text,
            "algorithm  HS256\n\
             key        k1\n\
             signature  right, by the key k1 of /etc/pushd/ticket.keys\n\
             for        orders.42\n\
             for        user.7.*, all topics that begin with user.7.\n\
             user       7\n\
             info       {\"name\":\"Ann\"}\n\
             signed     2027-01-15T07:59:00Z, 1m ago\n\
             ends       2027-01-15T08:04:00Z, in 4m\n\
             accepted   unless its user was revoked, which only the server knows\n"
        );
    }

    #[test]
    fn topic_is_compared() {
        for (topic, is_private, part, fault) in [
            (
                "user.7.inbox",
                true,
                "user.7.inbox: the ticket is for it\n",
                None,
            ),
            (
                "pushd:presence:orders.42",
                true,
                "the ticket is for it\n",
                None,
            ),
            (
                "user.70",
                true,
                "the ticket is not for it\n",
                Some(TicketFault::Topic),
            ),
            ("orders.42", false, "do not make it private", None),
        ] {
            let explanation = ask(&ticket(NOW_S), Some((topic, is_private)));
            assert!(explanation.text.contains(part), "{}", explanation.text);
            assert_eq!(explanation.fault, fault, "{topic}");
        }
    }

    #[test]
    fn refused_tickets_are_described_as_far_as_possible() {
        let of_other = BASE64URL_NOPAD.encode(br#"{"alg":"none","kid":"k2"}"#);
        let claims = BASE64URL_NOPAD.encode(br#"{"topics":"a","exp":"soon","iss":"x\u001b"}"#);
        let faulty = BASE64URL_NOPAD.encode(br#"{"topics":["orders*",1,""],"sub":7}"#);
        let faulty = format!("{of_other}.{faulty}.");
        for (ticket, part, fault) in [
            (
                ticket(NOW_S - 400),
                "ends       2027-01-15T07:58:20Z, 1m 40s ago",
                TicketFault::Expired,
            ),
            (
                ticket(NOW_S + 90),
                "signed     2027-01-15T08:01:30Z, in 1m 30s",
                TicketFault::NotYetValid,
            ),
            (
                format!("{of_other}.{claims}."),
                "algorithm  none\nkey        k2\nsignature  wrong",
                TicketFault::Algorithm,
            ),
            (
                format!("{of_other}.{claims}."),
                "\"a\", which is not a list",
                TicketFault::Algorithm,
            ),
            (
                format!("{of_other}.{claims}."),
                "\"soon\", which is not a Unix time",
                TicketFault::Algorithm,
            ),
            (
                format!("{of_other}.{claims}."),
                "ignored    iss: \"x\\u001b\"",
                TicketFault::Algorithm,
            ),
            (
                faulty.clone(),
                "for        orders*, which is refused",
                TicketFault::Algorithm,
            ),
            (
                faulty.clone(),
                "for        1, which is not a text",
                TicketFault::Algorithm,
            ),
            (
                faulty.clone(),
                "for        , which is refused",
                TicketFault::Algorithm,
            ),
            (
                faulty.clone(),
                "user       7, which is not a text",
                TicketFault::Algorithm,
            ),
            (
                faulty,
                "ends       unknown: the claim exp is missing",
                TicketFault::Algorithm,
            ),
            (
                format!("pushd_ticket={}", ticket(NOW_S)),
                "hint       pushd_ticket= is the name of the cookie",
                TicketFault::Malformed,
            ),
            (
                format!("{}=", ticket(NOW_S)),
                "hint       the parts must be base64url",
                TicketFault::Signature,
            ),
            (
                "猫".to_owned(),
                "header     not JSON",
                TicketFault::Malformed,
            ),
            (String::new(), "claims     not JSON", TicketFault::Malformed),
            (
                "a".repeat(4097),
                "length     4097 of at most 4096",
                TicketFault::TooLong,
            ),
        ] {
            let explanation = ask(&ticket, None);
            assert_eq!(explanation.fault, Some(fault), "{ticket}");
            assert!(
                explanation.text.contains(part),
                "{part} in {}",
                explanation.text
            );
        }
    }
}
