use super::*;
use crate::limits::{
    EVENT_DEPTH_MAX, SUB_LEN_MAX, TICKET_INFO_LEN_MAX, TICKET_LEEWAY_S, TICKET_LEN_MAX,
    TICKET_TOPICS_MAX, TICKET_TTL_S_MAX,
};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const OLD_KEY: &str = "0123456789abcdef0123456789abcdef";
const NEW_KEY: &str = "fedcba9876543210fedcba9876543210";
const NOW_S: u64 = 1_800_000_000;

fn keys(text: &str) -> TicketKeys {
    text.parse().unwrap()
}

fn old_keys() -> TicketKeys {
    keys(&format!("old {OLD_KEY}"))
}

/// Signs any two texts, as somebody with the key could.
fn seal(header: &str, claims: &str, key: &str) -> String {
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    let signature = BASE64URL_NOPAD.encode(&mac.finalize().into_bytes());
    format!("{message}.{signature}")
}

fn seal_claims(claims: &str) -> String {
    seal(r#"{"alg":"HS256","typ":"JWT"}"#, claims, OLD_KEY)
}

fn verify_claims(claims: &str) -> Result<Ticket, TicketFault> {
    old_keys().verify(&seal_claims(claims), NOW_S)
}

fn request<'a>(topics: &'a [&'a str]) -> TicketRequest<'a> {
    TicketRequest {
        topics,
        ttl_s: 300,
        ..TicketRequest::default()
    }
}

#[test]
fn a_signed_ticket_is_verified_with_all_it_says() {
    let request = TicketRequest {
        topics: &["orders.42", "user.7.*"],
        ttl_s: 300,
        sub: Some("7"),
        info: Some(r#"{"name":"猫"}"#),
    };
    let text = old_keys().sign(&request, NOW_S).unwrap();
    let ticket = old_keys().verify(&text, NOW_S).unwrap();
    assert_eq!(ticket.topics().collect::<Vec<_>>(), request.topics);
    assert_eq!((ticket.sub(), ticket.info()), (request.sub, request.info));
    assert_eq!(
        (ticket.issued_s(), ticket.expires_s()),
        (NOW_S, NOW_S + 300)
    );
    let shown = format!("{ticket:?} {:?}", old_keys());
    assert!(
        !shown.contains("orders") && !shown.contains(OLD_KEY),
        "{shown}"
    );
}

/// The example of RFC 7515, appendix A.1, with a key that was binary there, cannot be used: these values were computed
/// with OpenSSL (`openssl dgst -sha256 -hmac`).
#[test]
fn a_ticket_can_be_verified_before() {
    let request = request(&["orders.42", "user.7.*"]);
    let text = old_keys().sign(&request, NOW_S).unwrap();
    let texts = ["", ""].into_iter().chain(request.topics.iter().copied());
    let ticket = Ticket::verified_before(texts, NOW_S, NOW_S + request.ttl_s);
    assert_eq!(ticket, old_keys().verify(&text, NOW_S).ok());
    let longer = "x".repeat(0xD800);
    let ticket = Ticket::verified_before([&*longer].into_iter(), NOW_S, NOW_S);
    assert_eq!(ticket, None);
}

#[test]
fn debug_texts_have_no_secret() {
    let claims = format!(r#"{{"topics":["orders.42"],"sub":"7","exp":{NOW_S}}}"#);
    let ticket = format!("{:?}", verify_claims(&claims).unwrap());
    assert_eq!(ticket, "Ticket { topics: 1, expires_s: 1800000000, .. }");
    assert_eq!(format!("{:?}", old_keys()), r#"["old"]"#);
}

#[test]
fn signature_is_that_of_other_implementations() {
    let text = keys(&format!("k {OLD_KEY}"))
        .sign(&request(&["a"]), 1)
        .unwrap();
    let expected = concat!(
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.",
        "eyJ0b3BpY3MiOlsiYSJdLCJleHAiOjMwMSwiaWF0IjoxfQ.",
        "iv2X-ITzV7H8vGqVhO_WiLiB-qQj96o5WBrs9KwcgWk"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_pattern_matches_below_its_separator_only() {
    for (pattern, topic, allowed) in [
        ("user.7", "user.7", true),
        ("user.7", "user.70", false),
        ("user.7", "User.7", false),
        ("user.7.*", "user.7.a", true),
        ("user.7.*", "user.7.", true),
        ("user.7.*", "user.7", false),
        ("user.7.*", "user.70.a", false),
        ("a/*", "a/b/c", true),
        ("a:*", "a:b", true),
        ("private-*", "private-x", true),
        // Two spellings of one letter are two topics.
        ("caf\u{e9}", "cafe\u{301}", false),
        // A full stop of another script is no separator, and no full stop.
        ("user.7.*", "user.7\u{ff0e}a", false),
    ] {
        let text = old_keys().sign(&request(&[pattern]), NOW_S).unwrap();
        let ticket = old_keys().verify(&text, NOW_S).unwrap();
        assert_eq!(ticket.allows(topic), allowed, "{pattern} {topic}");
    }
}

#[test]
fn a_star_in_another_place_is_an_error() {
    for pattern in [
        "",
        "*",
        "user.7*",
        "user.*.a",
        "user.**",
        "a_*",
        "user.7\u{ff0e}*",
        "a *",
    ] {
        let error = old_keys().sign(&request(&[pattern]), NOW_S).unwrap_err();
        assert_eq!(error, SignError::Topic(pattern.to_owned()));
        let claims = serde_json::json!({"topics": [pattern], "exp": NOW_S + 1});
        let verified = verify_claims(&claims.to_string());
        assert_eq!(verified, Err(TicketFault::Malformed), "{pattern}");
    }
}

#[test]
fn times_have_a_leeway() {
    let l = TICKET_LEEWAY_S;
    let max = TICKET_TTL_S_MAX;
    for (exp, iat, nbf, fault) in [
        (NOW_S + 1, NOW_S, 0, None),
        (NOW_S - l + 1, 0, 0, None),
        (NOW_S - l, 0, 0, Some(TicketFault::Expired)),
        (0, 0, 0, Some(TicketFault::Expired)),
        (NOW_S + 300, NOW_S + l, 0, None),
        (
            NOW_S + 300,
            NOW_S + l + 1,
            0,
            Some(TicketFault::NotYetValid),
        ),
        (NOW_S + 300, NOW_S, NOW_S + l, None),
        (
            NOW_S + 300,
            NOW_S,
            NOW_S + l + 1,
            Some(TicketFault::NotYetValid),
        ),
        (NOW_S + l + max, 0, 0, None),
        (NOW_S + l + max + 1, 0, 0, Some(TicketFault::Lifetime)),
        (u64::MAX, 0, 0, Some(TicketFault::Lifetime)),
    ] {
        let claims = format!(r#"{{"topics":["a"],"exp":{exp},"iat":{iat},"nbf":{nbf}}}"#);
        assert_eq!(verify_claims(&claims).err(), fault, "{claims}");
    }
}

#[test]
fn claims_of_a_wrong_form_are_refused() {
    let long_sub = "s".repeat(SUB_LEN_MAX + 1);
    let long_info = "i".repeat(TICKET_INFO_LEN_MAX - 1);
    let topics: Vec<_> = (0..=TICKET_TOPICS_MAX).map(|n| n.to_string()).collect();
    let exp = NOW_S + 60;
    for claims in [
        "{}".to_owned(),
        "[]".to_owned(),
        format!(r#"[["a"],null,{exp},0,0,null]"#),
        "{".to_owned(),
        format!(r#"{{"exp":{exp}}}"#),
        r#"{"topics":["a"]}"#.to_owned(),
        format!(r#"{{"topics":[],"exp":{exp}}}"#),
        format!(r#"{{"topics":"a","exp":{exp}}}"#),
        format!(r#"{{"topics":[7],"exp":{exp}}}"#),
        format!(r#"{{"topics":{topics:?},"exp":{exp}}}"#),
        format!(r#"{{"topics":["a"],"exp":"{exp}"}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"iat":-1}}"#),
        r#"{"topics":["a"],"exp":1e300}"#.to_owned(),
        format!(r#"{{"topics":["a"],"exp":{exp},"sub":7}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"sub":""}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"sub":"{long_sub}"}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"info":"{long_info}"}}"#),
        // A claim that is there twice.
        format!(r#"{{"topics":["a"],"exp":{exp},"exp":{exp}}}"#),
        format!(r#"{{"topics":["a"],"topics":["b"],"exp":{exp}}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"sub":"a","sub":"b"}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"\u0073ub":"a","sub":"b"}}"#),
    ] {
        let verified = verify_claims(&claims);
        assert_eq!(verified, Err(TicketFault::Malformed), "{claims}");
    }
    for claims in [
        format!(r#"{{"topics":["a"],"exp":{exp}.9,"iss":"x","aud":["y"]}}"#),
        format!(r#"{{"topics":["a"],"exp":{exp},"info":{{"deep":[[]]}}}}"#),
    ] {
        assert!(verify_claims(&claims).is_ok(), "{claims}");
    }
}

#[test]
fn header_cannot_choose_how_the_signature_is_checked() {
    let claims = format!(r#"{{"topics":["a"],"exp":{}}}"#, NOW_S + 60);
    let verify = |header: &str, key: &str| old_keys().verify(&seal(header, &claims, key), NOW_S);
    for (header, key, fault) in [
        (r#"{"alg":"HS256"}"#, OLD_KEY, None),
        (r#"{"alg":"HS256","kid":"old"}"#, OLD_KEY, None),
        // The signature is right, and nothing was claimed about the key that is not true.
        (r#"{"alg":"HS256","kid":"other"}"#, OLD_KEY, None),
        (r#"{"alg":"none"}"#, OLD_KEY, Some(TicketFault::Algorithm)),
        (r#"{"alg":"HS512"}"#, OLD_KEY, Some(TicketFault::Algorithm)),
        (r#"{"alg":"RS256"}"#, NEW_KEY, Some(TicketFault::Algorithm)),
        (r#"{"alg":"hs256"}"#, OLD_KEY, Some(TicketFault::Algorithm)),
        (
            r#"{"alg":"HS256","crit":["exp"]}"#,
            OLD_KEY,
            Some(TicketFault::Algorithm),
        ),
        (
            r#"{"alg":"HS256","alg":"none"}"#,
            OLD_KEY,
            Some(TicketFault::Malformed),
        ),
        (r#"{}"#, OLD_KEY, Some(TicketFault::Malformed)),
        (r#"{"alg":"HS256"}"#, NEW_KEY, Some(TicketFault::Signature)),
        (
            r#"{"alg":"HS256","kid":"old"}"#,
            NEW_KEY,
            Some(TicketFault::Signature),
        ),
        (
            r#"{"alg":"HS256","kid":"new"}"#,
            NEW_KEY,
            Some(TicketFault::UnknownKey),
        ),
    ] {
        assert_eq!(verify(header, key).err(), fault, "{header} {key}");
    }
}

#[test]
fn every_change_of_a_ticket_is_noticed() {
    let text = old_keys().sign(&request(&["a"]), NOW_S).unwrap();
    for (at, old) in text.char_indices() {
        let new = if old == 'A' { 'B' } else { 'A' };
        let mut changed = text.clone();
        changed.replace_range(at..=at, &new.to_string());
        assert!(old_keys().verify(&changed, NOW_S).is_err(), "{at}");
        assert!(old_keys().verify(&text[..at], NOW_S).is_err(), "{at}");
    }
    for changed in [
        format!("{text}="),
        format!("{text}A"),
        format!("{text}."),
        format!(".{text}"),
        format!(" {text}"),
        text.replace('.', ""),
        text.rsplit_once('.').unwrap().0.to_owned() + ".",
    ] {
        assert!(old_keys().verify(&changed, NOW_S).is_err(), "{changed}");
    }
}

#[test]
fn length_has_a_limit() {
    let padding = |len: usize| {
        let claims = format!(
            r#"{{"topics":["a"],"exp":{},"x":"{}"}}"#,
            NOW_S + 60,
            "x".repeat(len)
        );
        seal_claims(&claims)
    };
    // Base64 has 4 characters for 3 bytes.
    let longest = (TICKET_LEN_MAX / 2..)
        .map(padding)
        .find(|text| text.len() >= TICKET_LEN_MAX)
        .unwrap();
    assert_eq!(longest.len(), TICKET_LEN_MAX);
    assert!(old_keys().verify(&longest, NOW_S).is_ok());
    let longer = padding(TICKET_LEN_MAX);
    let verified = old_keys().verify(&longer, NOW_S);
    assert_eq!(verified, Err(TicketFault::TooLong));
    let topic = "t".repeat(TICKET_LEN_MAX);
    let signed = old_keys().sign(&request(&[&topic]), NOW_S);
    assert!(matches!(signed, Err(SignError::TooLong(_))), "{signed:?}");
}

#[test]
fn texts_of_any_length_are_kept() {
    for len in [1, 127, 128, 2047, 2048, 2800] {
        let topic = "t".repeat(len);
        let topics = [&*topic, "orders.*"];
        for sub in [None, Some("7")] {
            let request = TicketRequest {
                sub,
                ..request(&topics)
            };
            let text = old_keys().sign(&request, NOW_S).unwrap();
            let ticket = old_keys().verify(&text, NOW_S).unwrap();
            assert_eq!(ticket.topics().collect::<Vec<_>>(), request.topics);
            assert_eq!((ticket.sub(), ticket.info()), (sub, None));
            assert!(ticket.allows(&topic) && ticket.allows("orders.1"));
        }
    }
}

#[test]
fn requests_have_limits() {
    let topics: Vec<_> = (0..=TICKET_TOPICS_MAX).map(|n| n.to_string()).collect();
    let topics: Vec<_> = topics.iter().map(|topic| &**topic).collect();
    let sign = |request: &TicketRequest<'_>| old_keys().sign(request, NOW_S);
    let most = TICKET_TOPICS_MAX;
    assert!(sign(&request(&topics[..most])).is_ok());
    assert_eq!(
        sign(&request(&topics)),
        Err(SignError::TopicCount(most + 1))
    );
    assert_eq!(sign(&request(&[])), Err(SignError::TopicCount(0)));
    let good = request(&["a"]);
    for (ttl_s, is_ok) in [
        (0, false),
        (1, true),
        (TICKET_TTL_S_MAX, true),
        (TICKET_TTL_S_MAX + 1, false),
    ] {
        assert_eq!(
            sign(&TicketRequest { ttl_s, ..good }).is_ok(),
            is_ok,
            "{ttl_s}"
        );
    }
    let longest = "s".repeat(SUB_LEN_MAX);
    let too_long = "s".repeat(SUB_LEN_MAX + 1);
    for (sub, is_ok) in [
        ("", false),
        ("7", true),
        (&longest, true),
        (&too_long, false),
    ] {
        let sub = Some(sub);
        assert_eq!(sign(&TicketRequest { sub, ..good }).is_ok(), is_ok);
    }
    let longest = format!("\"{}\"", "i".repeat(TICKET_INFO_LEN_MAX - 2));
    let too_long = format!("\"{}\"", "i".repeat(TICKET_INFO_LEN_MAX - 1));
    for (info, is_ok) in [
        ("", false),
        ("{", false),
        ("{}", true),
        (&longest, true),
        (&too_long, false),
    ] {
        let info = Some(info);
        assert_eq!(
            sign(&TicketRequest { info, ..good }).is_ok(),
            is_ok,
            "{info:?}"
        );
    }
}

#[test]
fn info_can_be_nested_in_an_event() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let sign = |info: &str| {
        let info = Some(info);
        let good = request(&["a"]);
        old_keys().sign(&TicketRequest { info, ..good }, NOW_S)
    };
    let deepest = nested(EVENT_DEPTH_MAX - 3);
    let text = sign(&deepest).unwrap();
    let ticket = old_keys().verify(&text, NOW_S).unwrap();
    assert_eq!(ticket.info(), Some(&*deepest));
    let too_deep = nested(EVENT_DEPTH_MAX - 2);
    assert_eq!(sign(&too_deep), Err(SignError::Info));
    let claims = format!(
        r#"{{"topics":["a"],"exp":{},"info":{too_deep}}}"#,
        NOW_S + 1
    );
    assert_eq!(verify_claims(&claims), Err(TicketFault::Malformed));
}

#[test]
fn two_keys_are_valid_at_once() {
    let both = keys(&format!("new {NEW_KEY}\nold {OLD_KEY}\n"));
    let by_old = old_keys().sign(&request(&["a"]), NOW_S).unwrap();
    let by_both = both.sign(&request(&["a"]), NOW_S).unwrap();
    assert!(both.verify(&by_old, NOW_S).is_ok());
    assert!(both.verify(&by_both, NOW_S).is_ok());
    let verified = old_keys().verify(&by_both, NOW_S);
    assert_eq!(verified, Err(TicketFault::UnknownKey));
    assert_eq!(both.ids().collect::<Vec<_>>(), ["new", "old"]);
}

#[test]
fn signer_is_the_key_that_has_signed() {
    let both = keys(&format!("new {NEW_KEY}\nold {OLD_KEY}"));
    // The header names no key, and the claims are not looked at.
    let text = seal_claims("{}");
    assert_eq!(both.signer(&text), Some("old"));
    assert_eq!(keys(&format!("new {NEW_KEY}")).signer(&text), None);
    for text in ["", ".", "a.b", "a.b.c", &text[1..]] {
        assert_eq!(both.signer(text), None, "{text}");
    }
}

#[test]
fn key_file_has_a_key_in_each_line() {
    let parse = |text: &str| text.parse::<TicketKeys>().map(|keys| keys.ids().count());
    let long = "k".repeat(256);
    for (text, expected) in [
        (format!("a {OLD_KEY}"), Ok(1)),
        (
            format!("# comment\r\n\n  a_-9 \t {OLD_KEY}  \nb {long}\n"),
            Ok(2),
        ),
        (String::new(), Err(TicketKeysError::Empty)),
        ("# only a comment".to_owned(), Err(TicketKeysError::Empty)),
        (OLD_KEY.to_owned(), Err(TicketKeysError::Line(1))),
        (
            format!("a {}", &OLD_KEY[1..]),
            Err(TicketKeysError::Line(1)),
        ),
        (format!("\na {long}k"), Err(TicketKeysError::Line(2))),
        (format!("a {OLD_KEY} x"), Err(TicketKeysError::Line(1))),
        (format!("猫 {OLD_KEY}"), Err(TicketKeysError::Line(1))),
        (
            format!("{} {OLD_KEY}", "a".repeat(33)),
            Err(TicketKeysError::Line(1)),
        ),
        (
            format!("a {OLD_KEY}\na {NEW_KEY}"),
            Err(TicketKeysError::SameId(2)),
        ),
        (
            format!("a {OLD_KEY}\nb {NEW_KEY}\nc {long}"),
            Err(TicketKeysError::TooMany),
        ),
    ] {
        assert_eq!(parse(&text), expected, "{text}");
    }
}

#[test]
fn every_code_is_found_again() {
    for &fault in TicketFault::ALL {
        assert_eq!(TicketFault::parse(fault.code()), Some(fault));
        assert!(!fault.to_string().is_empty());
    }
    assert_eq!(TicketFault::parse("expired"), None);
}
