//! The state machine of one connection.

use std::ops::Range;
use std::time::Duration;

use super::buffer::Buffer;
use super::command::{self, Command};
use super::error::{COMMAND_LEN_MAX, ZmtpError, shown};
use super::frame::{self, Frame};
use super::greeting;
use super::message::Message;
use super::parts::Parts;

/// A message or a heartbeat of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A message to publish.
    Message(Message<'a>),
    /// A heartbeat, already answered. If `ttl` is not zero, the peer asks to be closed when it is silent for so long.
    Ping {
        /// A multiple of 100 ms.
        ttl: Duration,
    },
}

/// The PULL side of one connection.
#[derive(Debug)]
pub struct Pull {
    buffer: Buffer,
    state: State,
    message_len_max: usize,
    /// Parts of the current message that have arrived.
    parts: Parts,
    /// The reason for refusing every peer.
    denial: Option<&'static str>,
}

/// The part of the protocol that must arrive next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Signature,
    Version,
    Greeting3,
    Ready3,
    SocketType2,
    Identity2,
    Traffic3,
    Traffic2,
}

/// All states, in order.
const STATES: [State; 8] = [
    State::Signature,
    State::Version,
    State::Greeting3,
    State::Ready3,
    State::SocketType2,
    State::Identity2,
    State::Traffic3,
    State::Traffic2,
];

/// The state of a connection that another process continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// How far the handshake is.
    pub stage: u8,
    /// Number of the parts of an incomplete message that have arrived, their length, and the first of them.
    pub pending: Option<(usize, usize, Vec<u8>)>,
    /// The bytes behind that.
    pub unread: Vec<u8>,
}

/// The result of one step.
enum Step {
    /// More bytes are needed.
    Wait,
    /// The state has changed: go on.
    Advanced,
    Message {
        last_part: Range<usize>,
    },
    Ping {
        ttl: Duration,
    },
}

impl Pull {
    /// Returns the state of a new connection. `message_len_max` limits all parts of a message together, in bytes. Allocates
    /// nothing.
    pub fn new(message_len_max: usize) -> Self {
        Self {
            buffer: Buffer::default(),
            state: State::Signature,
            message_len_max,
            parts: Parts::default(),
            denial: None,
        }
    }

    /// Refuses every peer for this reason. A PUSH socket is refused before it sends messages, so it
    /// keeps them.
    pub fn deny(&mut self, reason: &'static str) {
        self.denial = Some(reason);
    }

    /// Returns the state for another process. See [`take_over`](Self::take_over).
    pub fn hand_over(&self) -> HandedOver {
        HandedOver {
            stage: self.state as u8,
            pending: self.parts.has_more.then(|| {
                let Parts {
                    count, len, topic, ..
                } = &self.parts;
                (*count, *len, topic.clone())
            }),
            unread: self.buffer.rest().to_vec(),
        }
    }

    /// Continues the connection of another process. `None` if the stage is none.
    pub fn take_over(message_len_max: usize, handed_over: HandedOver) -> Option<Self> {
        let HandedOver {
            stage,
            pending,
            unread,
        } = handed_over;
        let mut pull = Self::new(message_len_max);
        pull.state = *STATES.get(usize::from(stage))?;
        if let Some((count, len, topic)) = pending {
            pull.parts = Parts {
                count,
                has_more: true,
                len,
                topic,
            };
        }
        pull.buffer.feed(&unread);
        Some(pull)
    }

    /// Adds received bytes. They are stored, so feed one read at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.parts.has_more {
            self.parts = Parts::default();
        }
        self.buffer.feed(bytes);
    }

    /// Returns the next message or heartbeat, or `None` if more bytes are needed. Appends to `answers` the bytes to write,
    /// also on an error. After an error, close the connection.
    pub fn next_message(
        &mut self,
        answers: &mut Vec<u8>,
    ) -> Result<Option<Incoming<'_>>, ZmtpError> {
        loop {
            match self.step(answers) {
                Ok(Step::Wait) => return Ok(None),
                Ok(Step::Advanced) => {}
                Ok(Step::Ping { ttl }) => return Ok(Some(Incoming::Ping { ttl })),
                Ok(Step::Message { last_part }) => {
                    return Ok(Some(Incoming::Message(self.message(last_part))));
                }
                Err(error) => {
                    self.append_error(&error, answers);
                    return Err(error);
                }
            }
        }
    }

    /// Number of bytes of an incomplete handshake or message. 0 between messages.
    pub fn unfinished_len(&self) -> usize {
        match self.state {
            State::Traffic2 | State::Traffic3 => self.buffer.rest().len() + self.parts.pending(),
            _ => self.buffer.rest().len().max(1),
        }
    }

    /// Allocated memory in bytes.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity() + self.parts.topic.capacity()
    }

    fn step(&mut self, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        match self.state {
            State::Signature => self.signature(answers),
            State::Version => self.version(answers),
            State::Greeting3 => self.greeting_3(),
            State::Ready3 => self.ready_3(answers),
            State::SocketType2 => self.socket_type_2(),
            State::Identity2 => self.identity_2(),
            State::Traffic2 | State::Traffic3 => self.traffic(answers),
        }
    }

    fn signature(&mut self, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        let Some(bytes) = self.buffer.take(greeting::SIGNATURE_LEN) else {
            return Ok(Step::Wait);
        };
        greeting::check_signature(&self.buffer[bytes])?;
        answers.extend_from_slice(&greeting::START);
        self.state = State::Version;
        Ok(Step::Advanced)
    }

    fn version(&mut self, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        let Some(bytes) = self.buffer.take(1) else {
            return Ok(Step::Wait);
        };
        self.state = match self.buffer[bytes.start] {
            0 => return Err(ZmtpError::Version(0)),
            1 | 2 => {
                answers.extend_from_slice(&greeting::REST_2);
                State::SocketType2
            }
            _ => {
                answers.extend_from_slice(&greeting::REST_3);
                State::Greeting3
            }
        };
        Ok(Step::Advanced)
    }

    fn greeting_3(&mut self) -> Result<Step, ZmtpError> {
        let Some(bytes) = self.buffer.take(greeting::REST_3.len()) else {
            return Ok(Step::Wait);
        };
        // From here on, the peer understands an ERROR.
        self.state = State::Ready3;
        greeting::check_mechanism(&self.buffer[bytes])?;
        Ok(Step::Advanced)
    }

    fn ready_3(&mut self, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        let Some(frame) = self.next_frame()? else {
            return Ok(Step::Wait);
        };
        if !frame.is_command {
            return Err(ZmtpError::Command);
        }
        match Command::decode(&self.buffer[frame.body])? {
            Command::Ready { socket_type } if socket_type == b"PUSH" => {
                self.check_denial()?;
                command::encode_ready(answers);
                self.state = State::Traffic3;
                Ok(Step::Advanced)
            }
            Command::Ready { socket_type } => Err(ZmtpError::SocketType(shown(socket_type))),
            Command::Error { reason } => Err(ZmtpError::Peer(shown(reason))),
            Command::Ping { .. } | Command::Other => Err(ZmtpError::Command),
        }
    }

    fn socket_type_2(&mut self) -> Result<Step, ZmtpError> {
        let Some(bytes) = self.buffer.take(1) else {
            return Ok(Step::Wait);
        };
        greeting::check_socket_type_2(self.buffer[bytes.start])?;
        self.state = State::Identity2;
        Ok(Step::Advanced)
    }

    /// Skips the identity, which PULL does not use.
    fn identity_2(&mut self) -> Result<Step, ZmtpError> {
        let Some(frame) = self.next_frame()? else {
            return Ok(Step::Wait);
        };
        if frame.has_more || frame.is_command {
            return Err(ZmtpError::Greeting);
        }
        self.check_denial()?;
        self.state = State::Traffic2;
        Ok(Step::Advanced)
    }

    fn check_denial(&self) -> Result<(), ZmtpError> {
        match self.denial {
            Some(reason) => Err(ZmtpError::Denied(reason)),
            None => Ok(()),
        }
    }

    fn traffic(&mut self, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        let Some(frame) = self.next_frame()? else {
            return Ok(Step::Wait);
        };
        if frame.is_command {
            return self.command(frame.body, answers);
        }
        let part = &self.buffer[frame.body.clone()];
        self.parts.add(part, frame.has_more);
        if self.parts.pending() > self.message_len_max {
            return Err(ZmtpError::MessageTooLong {
                len: self.parts.pending() as u64,
                max: self.message_len_max,
            });
        }
        match frame.has_more {
            true => Ok(Step::Advanced),
            false => Ok(Step::Message {
                last_part: frame.body,
            }),
        }
    }

    fn command(&mut self, body: Range<usize>, answers: &mut Vec<u8>) -> Result<Step, ZmtpError> {
        match Command::decode(&self.buffer[body])? {
            Command::Ping { ttl, context } => {
                command::encode_pong(answers, context);
                Ok(Step::Ping { ttl })
            }
            Command::Error { reason } => Err(ZmtpError::Peer(shown(reason))),
            // ZMTP says to ignore unknown commands, because a later version may have more.
            Command::Ready { .. } | Command::Other => Ok(Step::Advanced),
        }
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ZmtpError> {
        let Some(header) = frame::header(self.buffer.rest())? else {
            return Ok(None);
        };
        let body_len = self.check(&header)?;
        let frame = self.buffer.take(header.len + body_len);
        Ok(frame.map(|frame| Frame {
            has_more: header.has_more,
            is_command: header.is_command,
            body: frame.start + header.len..frame.end,
        }))
    }

    /// Checks that the frame is allowed now. Returns the length of its body.
    fn check(&self, header: &frame::Header) -> Result<usize, ZmtpError> {
        let is_version_2 = matches!(self.state, State::Identity2 | State::Traffic2);
        if header.is_command && (is_version_2 || header.has_more) {
            return Err(ZmtpError::Flags(header.flags));
        }
        let max = self.message_len_max;
        let (len_max, too_long) = if header.is_command {
            (COMMAND_LEN_MAX, ZmtpError::CommandTooLong)
        } else if self.state == State::Identity2 {
            (greeting::IDENTITY_LEN_MAX, ZmtpError::Greeting)
        } else {
            let pending = self.parts.pending();
            let len = header.body_len.saturating_add(pending as u64);
            let left = max.saturating_sub(pending);
            (left, ZmtpError::MessageTooLong { len, max })
        };
        let body_len = usize::try_from(header.body_len);
        body_len.ok().filter(|&len| len <= len_max).ok_or(too_long)
    }

    fn message(&self, last_part: Range<usize>) -> Message<'_> {
        let payload = &self.buffer[last_part];
        match self.parts.count {
            1 => Message::Object(payload),
            2 => Message::Pair {
                topic: &self.parts.topic,
                payload,
            },
            count => Message::TooManyParts { count },
        }
    }

    /// Appends an ERROR if the peer understands it: only ZMTP 3 has it, and only after the greetings.
    fn append_error(&self, error: &ZmtpError, answers: &mut Vec<u8>) {
        let is_understood = matches!(self.state, State::Ready3 | State::Traffic3);
        if is_understood && !matches!(error, ZmtpError::Peer(_)) {
            command::encode_error(answers, &error.to_string());
        }
    }
}
