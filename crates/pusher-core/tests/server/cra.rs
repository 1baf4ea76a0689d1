//! WAMP-CRA v1, as clients use it.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use pusher_core::cra::{
    Account, Authenticated, KeyDerivation, Permissions, RpcPermission, TopicPermission, derive_key,
};
use pusher_core::{Application, Call, Limits, Session};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Browser, TestServer, start_with};

const PASSWORD: &str = "s3cret";

/// An application that allows everything, so that only the permissions decide.
struct Open;

impl Application for Open {
    fn call(&self, call: Call) {
        call.result(&"done");
    }

    fn may_publish(&self, _: &Session, _: &str, _: &str) -> bool {
        true
    }
}

fn salted() -> KeyDerivation {
    KeyDerivation {
        salt: "pepper".to_owned(),
        iterations: 100,
        keylen: 32,
    }
}

fn find_account(auth_key: &str) -> Option<Account> {
    let topic = |uri: &str, prefix, publish| TopicPermission {
        uri: uri.to_owned(),
        prefix,
        publish,
        subscribe: true,
    };
    let permissions = Permissions {
        pubsub: vec![
            topic("http://x/news", false, false),
            topic("http://x/chat/", true, true),
        ],
        rpc: vec![RpcPermission {
            uri: "http://x/do".to_owned(),
            call: true,
        }],
    };
    match auth_key {
        "ann" => Some(Account {
            secret: PASSWORD.to_owned(),
            derivation: None,
            permissions,
        }),
        "bob" => Some(Account {
            secret: derive_key(PASSWORD, &salted()),
            derivation: Some(salted()),
            permissions,
        }),
        _ => None,
    }
}

fn start() -> TestServer {
    start_with(Limits::default(), Authenticated::new(Open, find_account))
}

fn sign(secret: &str, challenge: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(challenge.as_bytes());
    BASE64.encode(&mac.finalize().into_bytes())
}

fn call(browser: &mut Browser, procedure: &str, argument: &str) -> Value {
    let uri = format!("http://api.wamp.ws/procedure#{procedure}");
    browser.send(&json!([2, "1", uri, argument]).to_string());
    serde_json::from_str(&browser.message()).unwrap()
}

/// Returns the last part of a CALLERROR's URI.
fn error_name(answer: &Value) -> &str {
    assert_eq!(answer[0], 4, "{answer}");
    answer[2].as_str().unwrap().split_once('#').unwrap().1
}

fn challenge(browser: &mut Browser, auth_key: &str) -> String {
    let answer = call(browser, "authreq", auth_key);
    assert_eq!(answer[0], 3, "{answer}");
    answer[2].as_str().unwrap().to_owned()
}

#[test]
fn right_signature_grants_permissions() {
    let server = start();
    let mut browser = server.browser();
    let challenge = challenge(&mut browser, "ann");
    let contents: Value = serde_json::from_str(&challenge).unwrap();
    assert_eq!(contents["authkey"], "ann");
    assert_eq!(contents["sessionid"], browser.session_id);
    assert_eq!(contents["authextra"], Value::Null);
    let answer = call(&mut browser, "auth", &sign(PASSWORD, &challenge));
    assert_eq!(
        answer[2],
        json!({
            "pubsub": [
                {"uri": "http://x/news", "prefix": false, "pub": false, "sub": true},
                {"uri": "http://x/chat/", "prefix": true, "pub": true, "sub": true},
            ],
            "rpc": [{"uri": "http://x/do", "call": true}],
        })
    );
    for topic in [
        "http://x/news",
        "http://x/news/more",
        "http://x/chat/1",
        "other",
    ] {
        browser.subscribe(topic);
    }
    let mut topics = server.hub.topics();
    topics.sort();
    assert_eq!(
        topics,
        [("http://x/chat/1".into(), 1), ("http://x/news".into(), 1)]
    );
    browser.send(r#"[7,"http://x/chat/1","hi"]"#);
    assert_eq!(browser.message(), r#"[8,"http://x/chat/1","hi"]"#);
    browser.send(r#"[2,"c","http://x/do"]"#);
    assert_eq!(browser.message(), r#"[3,"c","done"]"#);
    browser.send(r#"[2,"c","http://x/other"]"#);
    assert!(browser.message().contains("error#not-authorized"));
    browser.send(r#"[7,"http://x/news","fake"]"#);
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn derived_key_signs_like_a_secret() {
    let server = start();
    let mut browser = server.browser();
    let challenge = challenge(&mut browser, "bob");
    let contents: Value = serde_json::from_str(&challenge).unwrap();
    let extra = json!({"salt": "pepper", "iterations": 100, "keylen": 32});
    assert_eq!(contents["authextra"], extra);
    let key = derive_key(PASSWORD, &salted());
    let answer = call(&mut browser, "auth", &sign(&key, &challenge));
    assert_eq!(answer[0], 3, "{answer}");
}

#[test]
fn unauthenticated_session_has_no_permissions() {
    let server = start();
    let mut browser = server.browser();
    browser.subscribe("http://x/news");
    assert_eq!(server.hub.topic_count(), 0);
    browser.send(r#"[2,"c","http://x/do"]"#);
    assert!(browser.message().contains("error#not-authorized"));
    browser.send(r#"[7,"http://x/chat/1","hi"]"#);
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn each_error_has_its_uri() {
    let server = start();
    let mut browser = server.browser();
    let browser = &mut browser;
    let name = |answer: Value| error_name(&answer).to_owned();
    assert_eq!(
        name(call(browser, "auth", "x")),
        "no-authentication-requested"
    );
    assert_eq!(name(call(browser, "authreq", "eve")), "no-such-authkey");
    assert_eq!(
        name(call(browser, "authreq", &"a".repeat(256))),
        "no-such-authkey"
    );
    let first = challenge(browser, "ann");
    assert_eq!(
        name(call(browser, "authreq", "ann")),
        "authentication-already-requested"
    );
    assert_eq!(
        name(call(browser, "auth", &sign("wrong", &first))),
        "invalid-signature"
    );
    let right = sign(PASSWORD, &first);
    assert_eq!(
        name(call(browser, "auth", &right)),
        "no-authentication-requested"
    );
    let second = challenge(browser, "ann");
    assert_ne!(first, second);
    assert_eq!(name(call(browser, "auth", &right)), "invalid-signature");
    let third = challenge(browser, "ann");
    assert_eq!(call(browser, "auth", &sign(PASSWORD, &third))[0], 3);
    assert_eq!(
        name(call(browser, "authreq", "ann")),
        "already-authenticated"
    );
    assert_eq!(
        name(call(browser, "auth", &sign(PASSWORD, &third))),
        "already-authenticated"
    );
    browser.send(r#"[2,"c","http://x/do"]"#);
    assert_eq!(
        browser.message(),
        r#"[3,"c","done"]"#,
        "the session keeps its permissions"
    );
}

#[test]
fn wrong_signatures_close_the_session() {
    let server = start();
    let mut browser = server.browser();
    for _ in 0..3 {
        let challenge = challenge(&mut browser, "ann");
        let answer = call(&mut browser, "auth", &sign("guess", &challenge));
        assert_eq!(error_name(&answer), "invalid-signature");
    }
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn extra_information_is_limited() {
    let server = start();
    let mut browser = server.browser();
    let request = |len: usize| {
        let uri = "http://api.wamp.ws/procedure#authreq";
        json!([2, "1", uri, "ann", "x".repeat(len)]).to_string()
    };
    browser.send(&request(4 * 1024 - 1));
    assert!(browser.message().contains("too long"));
    browser.send(&request(4 * 1024 - 2));
    assert!(browser.message().starts_with("[3,"));
}
