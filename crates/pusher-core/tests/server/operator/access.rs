//! Who may use the admin routes: tokens, and pages of other sites.

use pusher_core::Recipe;

use super::{ask, get, state};
use crate::support::{on_any_ports, start, start_server};

#[test]
fn only_page_and_health_need_no_token() {
    let mut options = on_any_ports();
    options.live.publish_token = Some("s3cret".parse().unwrap());
    let server = start_server(options, Recipe::default());
    for (path, code) in [
        ("/", 200),
        ("/status.js", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/metrics", 401),
        ("/status.json", 401),
        ("/watch/t", 401),
    ] {
        assert_eq!(state(&server, path).0, code, "{path}");
    }
    let (head, _) = ask(
        &server,
        "GET",
        "/metrics",
        "Authorization: Bearer s3cret\r\n",
    );
    assert!(head.starts_with("http/1.1 200"), "{head}");
}

#[test]
fn page_has_strict_content_security_policy() {
    let server = start(|_| {});
    for path in [
        "/",
        "/status.css",
        "/status.js",
        "/charts.js",
        "/connections.js",
    ] {
        let (head, body) = get(&server, path);
        for part in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.contains(part), "{path}: {part}\n{head}");
        }
        assert!(
            !body.contains("//cdn") && !body.contains("innerHTML"),
            "{path}"
        );
    }
}

#[test]
fn pages_of_other_sites_are_refused() {
    let server = start(|_| {});
    let visit =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let fetch =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n";
    let own = "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";
    for (path, headers, code) in [
        ("/", visit, "200"),
        ("/", fetch, "403"),
        ("/status.js", fetch, "403"),
        ("/status.json", visit, "403"),
        ("/status.json", fetch, "403"),
        ("/status.json", "Origin: http://localhost:8000\r\n", "403"),
        ("/metrics", visit, "403"),
        ("/watch/t", fetch, "403"),
        ("/status.json", own, "200"),
        ("/status.js", own, "200"),
    ] {
        let (head, _) = ask(&server, "GET", path, headers);
        assert_eq!(head.split(' ').nth(1), Some(code), "{path} {headers}");
    }
}
