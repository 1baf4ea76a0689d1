//! Responses of web servers that do not pass a WebSocket on.

use crate::support::{Found, Meddling, Pushd, WebSocket, doctor, html, proxy, public, web_server};

#[track_caller]
fn found(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Found {
    public(&format!("http://{}/push", web_server(answer)))
}

#[test]
fn page_in_place_of_a_websocket() {
    for (status, server, listing) in [
        ("404 Not Found", "nginx/1.22.1", "nginx -T"),
        ("404 Not Found", "Apache/2.4.62 (Debian)", "apache2ctl -S"),
        ("200 OK", "nginx", "pusherd setup nginx"),
        ("400 Bad Request", "Apache", "pusherd setup apache"),
        ("405 Method Not Allowed", "Caddy", "pusherd setup caddy"),
        (
            "404 Not Found",
            "lighttpd/1.4.69",
            "nginx, apache, caddy or haproxy",
        ),
    ] {
        let found = found(move |_| html(status, &format!("Server: {server}\r\n")));
        found.assert_fault("websocket", "not-proxied", listing);
        let what = found.last()["what"].as_str().unwrap();
        assert!(what.contains(status) && what.contains(server), "{what}");
    }
}

#[test]
fn redirect() {
    let elsewhere = found(|_| {
        html(
            "301 Moved Permanently",
            "Location: http://www.site.example/push/\r\n",
        )
    });
    elsewhere.assert_fault("websocket", "redirected", "http://www.site.example/push/");
    let secure = found(|_| html("302 Found", "Location: https://site.example/push/\r\n"));
    secure.assert_fault("websocket", "redirected", "try the address with https");
}

#[test]
fn site_with_a_password() {
    let found = found(|_| html("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"));
    found.assert_fault("websocket", "password", "auth_basic off");
}

#[test]
fn web_server_that_does_not_reach_pushd() {
    for status in [
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        let found = found(move |_| html(status, "Server: nginx\r\n"));
        found.assert_fault("websocket", "backend-down", "is pushd running");
    }
}

#[test]
fn web_server_that_lacks_a_module() {
    let found = found(|_| {
        html(
            "500 Internal Server Error",
            "Server: Apache/2.4.62 (Debian)\r\n",
        )
    });
    found.assert_fault("websocket", "module-missing", "a2enmod proxy proxy_http");
}

#[test]
fn web_server_that_fails() {
    for status in ["500 Internal Server Error", "522 Connection Timed Out"] {
        let found = found(move |_| html(status, "Server: nginx\r\n"));
        found.assert_fault("websocket", "server-error", "error log");
    }
}

#[test]
fn full_pushd() {
    let daemon = Pushd::start(&["--connections-max=1"]);
    let _only = WebSocket::open(daemon.web);
    // It says so at once: before the request, after it, and to whoever begins with TLS.
    for _ in 0..5 {
        public(&daemon.url()).assert_fault("websocket", "full", "LimitNOFILE");
    }
    let encrypted = public(&format!("wss://{}/", daemon.web));
    encrypted.assert_fault("tls", "full", "LimitNOFILE");
}

#[test]
fn too_many_connections_of_one_address() {
    let daemon = Pushd::start(&["--connections-per-address-max=1", "--trust-proxy=loopback"]);
    // This machine's own addresses have no limit.
    let meddling = Meddling {
        in_request: Some(("Host: ", "X-Forwarded-For: 192.0.2.9\r\nHost: ")),
        ..Meddling::default()
    };
    let front = proxy(&daemon, meddling);
    let _only = WebSocket::open(front);
    let found = public(&format!("ws://{front}/"));
    found.assert_fault("websocket", "too-many", "trust-proxy");
}

#[test]
fn limit_of_the_web_server() {
    let found = found(|_| html("429 Too Many Requests", "Server: cloudflare\r\n"));
    found.assert_fault("websocket", "too-many", "limit_req");
}

/// Many proxies answer with a line of text, as pushd does.
#[test]
fn text_of_a_proxy_is_not_mistaken_for_pushds() {
    for (status, line, code) in [
        ("404 Not Found", "404 page not found", "not-proxied"),
        ("400 Bad Request", "Bad Request", "not-proxied"),
        (
            "503 Service Unavailable",
            "no healthy upstream",
            "backend-down",
        ),
        ("500 Internal Server Error", "oops", "server-error"),
    ] {
        let found = found(move |_| {
            let len = line.len();
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len}\r\n\r\n{line}"
            )
        });
        found.assert_fault("websocket", code, line);
    }
}

#[test]
fn compressed_page_is_not_shown() {
    let found = found(|_| {
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nzip"
            .to_owned()
    });
    found.assert_fault("websocket", "not-proxied", "404 Not Found");
    let what = found.last()["what"].as_str().unwrap();
    assert!(!what.contains("zip"), "{what}");
}

#[test]
fn endless_response_is_not_read_to_its_end() {
    let endless = crate::support::server(|mut stream| {
        let head = crate::support::read_head(&mut stream);
        assert!(!head.is_empty());
        let page = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n";
        let _ = std::io::Write::write_all(&mut stream, page.as_bytes());
        while std::io::Write::write_all(&mut stream, &[b'x'; 4096]).is_ok() {}
    });
    let found = doctor(&["--no-publish", &format!("http://{endless}/push")]);
    found.assert_fault("websocket", "not-proxied", "404");
}
