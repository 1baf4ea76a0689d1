//! A client for Redis, without the daemon's own code.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::WAIT_MS;

/// A connection to Redis.
#[derive(Debug)]
pub struct Client(BufReader<UnixStream>);

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Text, or a number as text.
    Text(String),
    /// Several replies.
    Array(Vec<Self>),
    /// No value.
    Nil,
}

impl Reply {
    /// Returns the text.
    #[track_caller]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("not a text: {other:?}"),
        }
    }

    /// Returns the number.
    #[track_caller]
    pub fn number(&self) -> u64 {
        self.text().parse().expect("a number")
    }

    /// Returns the replies in it.
    #[track_caller]
    pub fn array(&self) -> &[Self] {
        match self {
            Self::Array(replies) => replies,
            other => panic!("not an array: {other:?}"),
        }
    }
}

impl Client {
    /// Connects. Fails if nobody listens.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_millis(WAIT_MS)))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a command, and returns its reply. The text of an error is the `Err`.
    pub fn try_call(&mut self, command: &[&str]) -> Result<Reply, String> {
        let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
        for word in command {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        let sent = self.0.get_mut().write_all(&bytes);
        sent.map_err(|error| error.to_string())?;
        self.reply()
    }

    /// Like [`try_call`](Self::try_call), for commands that must succeed.
    #[track_caller]
    pub fn call(&mut self, command: &[&str]) -> Reply {
        self.try_call(command)
            .unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => Err("closed".to_owned()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn reply(&mut self) -> Result<Reply, String> {
        let line = self.line()?;
        let (kind, rest) = line.split_at(1);
        let len = || rest.parse::<i64>().map_err(|error| error.to_string());
        match kind {
            "+" | ":" => Ok(Reply::Text(rest.to_owned())),
            "-" => Err(rest.to_owned()),
            "$" => match usize::try_from(len()?) {
                Err(_) => Ok(Reply::Nil),
                Ok(len) => {
                    let mut bytes = vec![0; len + 2];
                    let read = self.0.read_exact(&mut bytes);
                    read.map_err(|error| error.to_string())?;
                    bytes.truncate(len);
                    Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
                }
            },
            "*" => match usize::try_from(len()?) {
                Err(_) => Ok(Reply::Nil),
                Ok(count) => (0..count)
                    .map(|_| self.reply())
                    .collect::<Result<_, _>>()
                    .map(Reply::Array),
            },
            _ => Err(format!("not a reply: {line}")),
        }
    }
}
