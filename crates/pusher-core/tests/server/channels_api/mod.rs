//! Signed requests: the HTTP API of the Pusher Channels protocol.

mod listeners;
mod refusals;
mod requests;

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use pusher_core::{ChannelsApp, Recipe};
use serde_json::{Value, json};

use crate::channels::{app, options};
use crate::support::{TestServer, connect, start_server};

/// A request of a site, which a test changes before or after it is signed.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    /// Parameters besides those of the signature.
    query: &'static str,
    body: String,
    app: ChannelsApp,
    /// Added to the clock.
    clock_s: i64,
}

impl Request {
    fn new(method: &'static str, path: &str, query: &'static str, body: &str) -> Self {
        Self {
            method,
            path: format!("/apps/1{path}"),
            query,
            body: body.to_owned(),
            app: app(),
            clock_s: 0,
        }
    }

    fn get(path: &str, query: &'static str) -> Self {
        Self::new("GET", path, query, "")
    }

    fn post(path: &str, body: &Value) -> Self {
        Self::new("POST", path, "", &body.to_string())
    }

    fn trigger(channels: &[&str], data: &str) -> Self {
        Self::post(
            "/events",
            &json!({"name": "added", "channels": channels, "data": data}),
        )
    }

    /// Returns the text of the request with its signature.
    fn signed(&self) -> String {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_s = now_s.as_secs() as i64 + self.clock_s;
        let mut parameters = vec![
            format!("auth_key={}", self.app.key()),
            format!("auth_timestamp={now_s}"),
            "auth_version=1.0".to_owned(),
        ];
        if !self.body.is_empty() {
            let md5 = HEXLOWER.encode(&Md5::digest(self.body.as_bytes()));
            parameters.push(format!("body_md5={md5}"));
        }
        parameters.extend(self.query.split('&').map(str::to_owned));
        parameters.retain(|parameter| !parameter.is_empty());
        parameters.sort();
        let query = parameters.join("&");
        let (method, path, body) = (self.method, &self.path, &self.body);
        let signature = self
            .app
            .sign(format!("{method}\n{path}\n{query}").as_bytes());
        let len = body.len();
        format!(
            "{method} {path}?{query}&auth_signature={signature} HTTP/1.1\r\nHost: push.example.org\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        )
    }
}

/// Sends a request to the publish listener. Returns the status and the body of the answer.
fn answer(server: &TestServer, request: &Request) -> (u16, Value) {
    send(connect(server.publish), &request.signed())
}

/// Like [`answer`], for a request that must succeed.
fn success(server: &TestServer, request: &Request) -> Value {
    let (status, body) = answer(server, request);
    assert_eq!(status, 200, "{body}");
    body
}

fn send(mut stream: impl Read + Write, request: &str) -> (u16, Value) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let (mut status, mut len, mut line) = (String::new(), 0, String::new());
    stream.read_line(&mut status).unwrap();
    while line != "\r\n" {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "{status}");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            len = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn start() -> TestServer {
    start_server(options(), Recipe::default())
}

#[track_caller]
fn assert_refused(server: &TestServer, request: &str, status: u16, reason: &str) {
    let answer = send(connect(server.publish), request);
    let error = answer.1["error"].as_str().unwrap();
    assert_eq!(answer.0, status, "{request}\n{error}");
    assert!(error.contains(reason), "{request}\n{error}");
}
