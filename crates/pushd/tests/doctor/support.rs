//! Runs the doctor, pushd, and servers that misbehave.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The page that explains the doctor's codes.
const PROXIES: &str = include_str!("../../PROXIES.md");

/// Time limit for immediate events on a busy machine.
const WAIT: Duration = Duration::from_secs(15);

/// The exit code and the report of the doctor.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) code: i32,
    pub(crate) report: Value,
}

impl Found {
    /// Returns the last step.
    pub(crate) fn last(&self) -> &Value {
        self.report["steps"].as_array().unwrap().last().unwrap()
    }

    /// Returns the step with this name.
    #[track_caller]
    pub(crate) fn step(&self, name: &str) -> &Value {
        let steps = self.report["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["step"] == name);
        step.unwrap_or_else(|| panic!("no {name} in {}", self.report))
    }

    /// Fails unless the last step failed with this code, and `part` is in its texts.
    #[track_caller]
    pub(crate) fn assert_fault(&self, step: &str, code: &str, part: &str) {
        self.assert_code(step, code, part);
        let last = self.last();
        assert_eq!(
            (&last["status"], &self.report["ok"]),
            (&"failed".into(), &false.into())
        );
        assert_eq!(self.code, 1);
    }

    /// Fails unless the last step is a warning with this code, and `part` is in its texts.
    #[track_caller]
    pub(crate) fn assert_warning(&self, step: &str, code: &str, part: &str) {
        self.assert_code(step, code, part);
        assert_eq!(self.last()["status"], "warning");
        assert_eq!(self.code, 0);
    }

    #[track_caller]
    fn assert_code(&self, step: &str, code: &str, part: &str) {
        let last = self.last();
        assert_eq!(
            (&last["step"], &last["code"]),
            (&step.into(), &code.into()),
            "{}",
            self.report
        );
        let told = format!("{} {}", last["what"], last["todo"]);
        assert!(told.contains(part), "`{part}` is missing: {told}");
        assert!(
            PROXIES.contains(&format!("`{code}`")),
            "{code} is not in PROXIES.md"
        );
    }
}

pub(crate) fn pushd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushd"));
    command
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .env("PUSHD_CONFIG", "/dev/null");
    command
}

/// Runs the doctor.
#[track_caller]
pub(crate) fn doctor(words: &[&str]) -> Found {
    doctor_with(&mut pushd(), words)
}

/// Runs the doctor with a prepared command.
#[track_caller]
pub(crate) fn doctor_with(command: &mut Command, words: &[&str]) -> Found {
    let output = command
        .args(["doctor", "--json"])
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    Found {
        code: output.status.code().unwrap(),
        report,
    }
}

/// Checks a public URL without publishing.
#[track_caller]
pub(crate) fn public(url: &str) -> Found {
    doctor(&["--no-publish", url])
}

/// A running daemon.
pub(crate) struct Pushd {
    pub(crate) web: SocketAddr,
    pub(crate) publish: SocketAddr,
    child: Child,
}

impl Pushd {
    #[track_caller]
    pub(crate) fn start(flags: &[&str]) -> Self {
        let doors = ["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"];
        let mut child = pushd()
            .args(doors)
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut listening = || {
            let line = lines.find_map(|line| {
                line.unwrap()
                    .split_once("address=")
                    .map(|(_, rest)| rest.to_owned())
            });
            line.unwrap().trim().parse().unwrap()
        };
        let (web, publish) = (listening(), listening());
        thread::spawn(move || lines.for_each(drop));
        Self {
            web,
            publish,
            child,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.web)
    }

    pub(crate) fn publish_address(&self) -> String {
        format!("--publish-address={}", self.publish)
    }
}

impl Drop for Pushd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser's connection. It is open until it is dropped.
pub(crate) struct WebSocket {
    _stream: TcpStream,
}

impl WebSocket {
    #[track_caller]
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: wamp\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_head(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        Self { _stream: stream }
    }
}

/// Starts a server that handles each connection in a thread, until the test ends.
pub(crate) fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(WAIT)).unwrap();
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Starts a web server that answers each request and closes the connection.
pub(crate) fn web_server(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let head = read_head(&mut stream);
        let _ = stream.write_all(answer(&head).as_bytes());
        until_closed(&mut stream);
    })
}

/// Reads up to the empty line or the end of the stream.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|len| len == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Returns the response to a WebSocket handshake. `None` if the request is not one.
pub(crate) fn switching_protocols(head: &str) -> Option<String> {
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-Websocket-Key: "))?;
    let accept = derive_accept_key(key.as_bytes());
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: wamp\r\n\r\n"
    ))
}

/// Closes our side and reads until the peer closes: a close with unread data would discard the data that we sent.
pub(crate) fn until_closed(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = std::io::copy(stream, &mut std::io::sink());
}

/// Returns a response with an HTML page.
pub(crate) fn html(status: &str, headers: &str) -> String {
    let page = format!("<html><h1>{status}</h1></html>");
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{page}",
        page.len()
    )
}

/// The changes that a proxy makes. Only the heads of requests and responses are changed. hyper writes header names as in
/// `Sec-Websocket-Key`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Meddling {
    pub(crate) in_request: Option<(&'static str, &'static str)>,
    pub(crate) in_answer: Option<(&'static str, &'static str)>,
    /// Bytes after the heads that pass in each direction. Later ones are lost.
    pub(crate) up_len_max: Option<usize>,
    /// The same for the answer to a request for an event stream.
    pub(crate) stream_len_max: Option<usize>,
    /// Silence after which the proxy closes the connection.
    pub(crate) idle: Option<Duration>,
}

/// Starts a proxy in front of `pushd` that makes these changes.
pub(crate) fn proxy(pushd: &Pushd, meddling: Meddling) -> SocketAddr {
    let to = pushd.web;
    server(move |mut browser| {
        let mut pushd = TcpStream::connect(to).unwrap();
        let request = changed(read_head(&mut browser), meddling.in_request);
        let is_stream = request.contains("/events?");
        let down_len_max = meddling.stream_len_max.filter(|_| is_stream);
        let _ = pushd.write_all(request.as_bytes());
        let answer = changed(read_head(&mut pushd), meddling.in_answer);
        let _ = browser.write_all(answer.as_bytes());
        let (mut from, mut into) = (browser.try_clone().unwrap(), pushd.try_clone().unwrap());
        let idle = meddling.idle;
        let up = thread::spawn(move || pass(&mut from, &mut into, meddling.up_len_max, idle));
        pass(&mut pushd, &mut browser, down_len_max, idle);
        up.join().unwrap();
    })
}

fn changed(head: String, change: Option<(&str, &str)>) -> String {
    let Some((from, to)) = change else {
        return head;
    };
    // A request for the script may lack the headers of a WebSocket handshake.
    head.replace(from, to)
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, len_max: Option<usize>, idle: Option<Duration>) {
    let mut chunk = [0; 4096];
    let mut left = len_max.unwrap_or(usize::MAX);
    from.set_read_timeout(Some(idle.unwrap_or(WAIT))).unwrap();
    loop {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => {
                let passed = len.min(left);
                left -= passed;
                let _ = to.write_all(&chunk[..passed]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
        }
    }
    let _ = to.shutdown(if idle.is_some() {
        Shutdown::Both
    } else {
        Shutdown::Write
    });
}
