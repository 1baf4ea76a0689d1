//! Runs pushd's commands, and servers that follow a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Time limit for immediate events on a busy machine.
const WAIT: Duration = Duration::from_secs(15);

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command of pushd.
#[track_caller]
pub(crate) fn pushd(words: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_pushd"))
        .stdin(Stdio::null())
        .env("PUSHD_CONFIG", "/dev/null")
        .args(words)
        .output()
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts a server that handles each connection, with its number from 0, in a thread until the test ends.
pub(crate) fn server(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (index, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            stream.set_read_timeout(Some(WAIT)).unwrap();
            let serve = serve.clone();
            thread::spawn(move || serve(index, stream));
        }
    });
    address
}

/// Starts a publish listener that gives this response to every request. Returns the requests, too: the first line and
/// the body.
pub(crate) fn publish_listener(
    status: &'static str,
    body: &'static str,
) -> (SocketAddr, Receiver<(String, String)>) {
    let (send, requests) = mpsc::channel();
    let address = server(move |_, stream| {
        send.send(read_request(&stream)).unwrap();
        let len = body.len();
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len}\r\n\r\n{body}"
        );
        (&stream).write_all(response.as_bytes()).unwrap();
    });
    (address, requests)
}

fn read_request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let head: Vec<String> = (&mut reader)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let len = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_len = name.eq_ignore_ascii_case("content-length");
        is_len.then(|| value.parse().unwrap())
    });
    let mut body = vec![0; len.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    (head[0].clone(), String::from_utf8(body).unwrap())
}
