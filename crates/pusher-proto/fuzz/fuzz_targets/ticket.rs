//! Tickets: no text panics, nothing is accepted that is not signed, and an accepted ticket says what its claims say.
#![no_main]

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use pusher_proto::ticket::{Ticket, TicketFault, TicketKeys};
use serde_json::Value;
use sha2::Sha256;

const KEY: &str = "0123456789abcdef0123456789abcdef";

const NOW_S: u64 = 1_800_000_000;

fuzz_target!(|text: &str| {
    let keys: TicketKeys = format!("k {KEY}").parse().unwrap();
    assert!(keys.verify(text, NOW_S).is_err(), "it is not signed");
    let Some((header, claims)) = text.split_once('\n') else {
        return;
    };
    match keys.verify(&seal(header, claims), NOW_S) {
        Ok(ticket) => check(&ticket, header, claims),
        Err(fault) => assert_ne!(fault, TicketFault::Signature),
    }
});

/// Signs any two texts.
fn seal(header: &str, claims: &str) -> String {
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    let signature = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
    format!("{message}.{signature}")
}

fn check(ticket: &Ticket, header: &str, claims: &str) {
    let header: Value = serde_json::from_str(header).expect("JSON");
    assert_eq!(header["alg"], "HS256");
    let claims: Value = serde_json::from_str(claims).expect("JSON");
    let topics: Vec<_> = ticket.topics().collect();
    assert_eq!(claims["topics"], serde_json::json!(topics));
    for topic in topics {
        match topic.strip_suffix('*') {
            None => assert!(ticket.allows(topic)),
            Some(start) => {
                assert!(start.ends_with(['.', '/', ':', '-']), "{topic}");
                assert!(ticket.allows(&format!("{start}x")));
            }
        }
    }
    assert_eq!(claims["sub"].as_str(), ticket.sub());
    let exp = claims["exp"].as_f64().expect("a number");
    assert_eq!(exp as u64, ticket.expires_s());
}
