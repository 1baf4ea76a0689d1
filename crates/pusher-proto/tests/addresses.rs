//! Publish addresses: the list that the tests of the C library, of the PHP extension and of the fallback read too.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use pusher_proto::{Endpoint, EndpointError};
use serde_json::{Map, Value};

/// `accepted` maps each address to its printed form, `refused` each text to a part of its error. Addresses of HTTP are for plain PHP
/// only.
fn addresses(kind: &str) -> Map<String, Value> {
    let lists: Value =
        serde_json::from_str(include_str!("../../../php/tests/support/addresses.json")).unwrap();
    lists[kind].as_object().unwrap().clone()
}

#[test]
fn accepted_addresses_are_shown_in_one_form() {
    for (text, shown) in addresses("accepted") {
        let shown = shown.as_str().unwrap();
        let endpoint: Endpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), shown);
        assert_eq!(shown.parse(), Ok(endpoint), "{text}");
    }
}

#[test]
fn refused_addresses_are_refused_with_the_reason() {
    for (text, part) in addresses("refused") {
        let error = text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains(part.as_str().unwrap()), "{text}: {error}");
        assert!(!error.contains(['\0', '\n']), "{error}");
    }
}

#[test]
fn addresses_of_http_are_refused_with_the_reason() {
    let lists = ["accepted_in_plain_php", "refused_in_plain_php"];
    for (text, _) in lists.into_iter().flat_map(addresses) {
        let error = text.parse::<Endpoint>().unwrap_err();
        let expected = match text.contains('\n') {
            true => EndpointError::ControlCharacter,
            false => EndpointError::Http,
        };
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn ip_addresses_are_told_from_names() {
    let ip = |text: &str| matches!(text.parse(), Ok(Endpoint::Ip(_)));
    assert!(ip("127.0.0.1:0") && ip("tcp://[::1]:5555") && ip("0.0.0.0:5555"));
    assert!(!ip("localhost:5555") && !ip("127.1:5555"));
}
