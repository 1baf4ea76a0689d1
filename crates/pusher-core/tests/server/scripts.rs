//! The files of the JavaScript client on port 8080, as browsers and caches request them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::support::{TestServer, start};

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

fn ask(server: &TestServer, line: &str, headers: &str) -> Answer {
    let mut stream = server.raw(server.public);
    write!(stream, "{line}\r\nHost: a\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 4;
    let body = answer.split_off(end);
    let head = String::from_utf8(answer).unwrap();
    Answer {
        status: head[9..12].parse().unwrap(),
        head,
        body,
    }
}

const README: &str = include_str!("../../../../README.md");

const GZIP: &str = "Accept-Encoding: gzip, deflate, br\r\n";

#[test]
fn scripts_are_compressed_if_accepted() {
    let server = start(|_| {});
    for name in ["pusher.js", "autobahn.js", "pusher-sse.js", "pusher.d.ts"] {
        let line = format!("GET /site/{name}?v=1 HTTP/1.1");
        let plain = ask(&server, &line, "Accept-Encoding: gzip;q=0\r\n");
        let gzip = ask(&server, &line, GZIP);
        assert_eq!((plain.status, gzip.status), (200, 200));
        assert_eq!(plain.header("Content-Encoding"), None);
        assert_eq!(gzip.header("Content-Encoding"), Some("gzip"));
        let mut unpacked = Vec::new();
        GzDecoder::new(&gzip.body[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain.body, "{name}");
        assert!(gzip.body.len() * 5 < plain.body.len() * 3, "{name}");
        assert_ne!(gzip.header("ETag"), plain.header("ETag"));
        for answer in [&plain, &gzip] {
            let len = answer.body.len().to_string();
            assert_eq!(answer.header("Content-Length"), Some(&*len));
            assert_eq!(answer.header("Vary"), Some("Accept-Encoding"));
            // Pages with Cross-Origin-Embedder-Policy require this header.
            let policy = answer.header("Cross-Origin-Resource-Policy");
            assert_eq!(policy, Some("cross-origin"));
        }
    }
}

/// A browser imports a module only if it has a JavaScript type, and one of another site only if CORS allows it.
#[test]
fn module_can_be_imported() {
    let server = start(|_| {});
    let answer = ask(&server, "GET /site/pusher.mjs HTTP/1.1", "");
    assert_eq!(answer.status, 200);
    let kind = answer.header("Content-Type");
    assert_eq!(kind, Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
    let module = String::from_utf8(answer.body).unwrap();
    assert!(module.contains("from './pusher.js'"), "{module}");
}

/// The head of each part names the script that it belongs to.
#[test]
fn served_client_has_every_part() {
    let server = start(|_| {});
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_script = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "js");
    let scripts = files.filter(is_script);
    let texts = scripts.map(|path| fs::read_to_string(path).unwrap());
    let is_part = |text: &String| text.contains("\n * pushd serves it as ");
    let parts: Vec<String> = texts.filter(is_part).collect();
    assert!(parts.len() > 1, "{} parts", parts.len());
    for name in ["pusher.js", "autobahn.js"] {
        let answer = ask(&server, &format!("GET /{name} HTTP/1.1"), "");
        let served = String::from_utf8(answer.body).unwrap();
        for part in &parts {
            let title = part.lines().nth(1).unwrap();
            assert_eq!(served.matches(part.as_str()).count(), 1, "{name}: {title}");
        }
    }
}

#[test]
fn readme_has_the_size_of_the_client() {
    let server = start(|_| {});
    let answer = ask(&server, "GET /pusher.js HTTP/1.1", GZIP);
    let kib = (answer.body.len() + 512) / 1024;
    let size = format!("about {kib} KB compressed");
    assert!(README.contains(&size), "{size}");
}

#[test]
fn unchanged_script_is_not_sent_again() {
    let server = start(|_| {});
    let line = "GET /pusher.js HTTP/1.1";
    let etag = ask(&server, line, GZIP).header("ETag").unwrap().to_owned();
    for (tag, status) in [
        (etag.as_str(), 304),
        (&format!("W/{etag}"), 304),
        (&format!("\"other\", {etag}"), 304),
        ("*", 304),
        ("\"other\"", 200),
        (etag.trim_matches('"'), 200),
    ] {
        let answer = ask(&server, line, &format!("{GZIP}If-None-Match: {tag}\r\n"));
        assert_eq!(answer.status, status, "{tag}");
        assert_eq!(answer.body.is_empty(), status == 304, "{tag}");
        assert_eq!(answer.header("ETag"), Some(&*etag), "{tag}");
        assert_eq!(answer.header("Cache-Control"), Some("max-age=600"));
    }
    // The tag of the other encoding does not match.
    let plain = ask(&server, line, &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(plain.status, 200);
    let head = ask(&server, "HEAD /pusher.js HTTP/1.1", GZIP);
    assert_eq!((head.status, head.header("ETag")), (200, Some(&*etag)));
    assert!(head.body.is_empty());
}

/// `curl --http2` and Java offer h2c, and proxies send absolute targets.
#[test]
fn script_loads_with_h2c_offer_and_absolute_target() {
    let server = start(|_| {});
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
    for (line, headers) in [
        ("GET /pusher.js HTTP/1.1", offer),
        ("GET http://push.example.org/pusher.js HTTP/1.1", ""),
        ("GET http://push.example.org/a/pusher.js?b HTTP/1.0", ""),
    ] {
        assert_eq!(ask(&server, line, headers).status, 200, "{line}");
    }
}
