//! A minimal HTTP client that checks whether a server answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Time limit for connecting, and for each read.
const IO_MS: u64 = 10_000;
/// Longest answer that is read, in bytes.
const ANSWER_LEN_MAX: u64 = 16 << 20;

/// The answer of a server.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The bytes after the headers.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the body as text. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends GET `path`.
pub fn get(address: SocketAddr, path: &str) -> Result<Response> {
    exchange(
        address,
        format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes(),
    )
}

/// Sends POST `path` with `form`, which is already urlencoded.
pub fn post(address: SocketAddr, path: &str, form: &str) -> Result<Response> {
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    exchange(address, request.as_bytes())
}

/// Sends a request without a body. `headers` are complete lines, each with its CRLF.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Result<Response> {
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    exchange(address, request.as_bytes())
}

/// Sends POST `path` with `json`.
pub fn post_json(address: SocketAddr, path: &str, json: &str) -> Result<Response> {
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len()
    );
    exchange(address, request.as_bytes())
}

// HTTP/1.0: the body ends with the connection and is never chunked.
fn exchange(address: SocketAddr, request: &[u8]) -> Result<Response> {
    let timeout = Duration::from_millis(IO_MS);
    let mut stream = TcpStream::connect_timeout(&address, timeout)
        .with_context(|| format!("can't connect to {address}"))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
    parse(&answer).with_context(|| format!("{address} does not answer in HTTP"))
}

fn parse(answer: &[u8]) -> Result<Response> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        bail!("no header in {} bytes", answer.len());
    };
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).context("no status code")?.parse()?;
    Ok(Response {
        status,
        head,
        body: answer[end + 4..].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_its_parts() {
        let answer =
            parse(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnope").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (404, "nope"));
        assert!(answer.head.ends_with("text/plain"));
    }

    #[test]
    fn other_protocols_are_refused() {
        assert!(parse(b"SSH-2.0-OpenSSH").is_err());
        assert!(parse(b"").is_err());
    }
}
