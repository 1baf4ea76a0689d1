//! A WebSocket whose reads end after a short time.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use super::super::timeout::is_timeout;
use super::super::{POLL, WAIT};
use super::subscriber::Lost;

/// Longest handshake. A connection that forwards nothing is given up.
const HANDSHAKE_MAX: Duration = Duration::from_secs(2);

pub(crate) struct WebClient(WebSocket<TcpStream>);

/// What has arrived.
pub(crate) enum Arrival {
    /// The elements of a message, as the server wrote them.
    Elements(Vec<Box<RawValue>>),
    /// The answer to the ping with this number.
    Pong(u64),
    /// Nothing, or nothing of interest.
    Nothing,
}

impl WebClient {
    pub(crate) fn connect(
        address: SocketAddr,
        path: &str,
        subprotocol: &'static str,
    ) -> Result<Self, Lost> {
        let wrong = |error: &dyn std::fmt::Display| Lost::Wrong(error.to_string());
        let mut request = format!("ws://{address}{path}")
            .into_client_request()
            .map_err(|error| wrong(&error))?;
        let header = HeaderValue::from_static(subprotocol);
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", header);
        let stream = TcpStream::connect_timeout(&address, WAIT).map_err(|_| Lost::Ended)?;
        let prepare = || {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(HANDSHAKE_MAX))?;
            stream.set_write_timeout(Some(HANDSHAKE_MAX))
        };
        prepare().map_err(|_| Lost::Ended)?;
        let (socket, _) = match tungstenite::client(request, stream) {
            Ok(open) => open,
            Err(tungstenite::HandshakeError::Failure(Error::Http(answer))) => {
                // The daemon is about to end.
                let text = format!("the handshake failed: {answer:?}");
                return Err(match answer.status().as_u16() {
                    503 => Lost::Ended,
                    _ => Lost::Wrong(text),
                });
            }
            Err(_) => return Err(Lost::Ended),
        };
        socket
            .get_ref()
            .set_read_timeout(Some(POLL))
            .map_err(|_| Lost::Ended)?;
        Ok(Self(socket))
    }

    pub(crate) fn send(&mut self, message: &Value) -> Result<(), Lost> {
        self.send_message(Message::text(message.to_string()))
    }

    /// Sends a ping. A script cannot do that, but the answer is an exact sign that the connection works, and that
    /// everything before it has arrived.
    pub(crate) fn ping(&mut self, number: u64) -> Result<(), Lost> {
        self.send_message(Message::Ping(number.to_be_bytes().to_vec().into()))
    }

    fn send_message(&mut self, message: Message) -> Result<(), Lost> {
        self.0.send(message).map_err(|_| Lost::Ended)
    }

    /// Sends a close frame, as a page does that is left.
    pub(crate) fn close(&mut self) {
        let _gone = self.0.close(None);
        let _gone = self.0.flush();
    }

    /// Waits briefly for a message. Answers pings.
    pub(crate) fn receive(&mut self) -> Result<Arrival, Lost> {
        match self.0.read() {
            Ok(Message::Text(text)) => serde_json::from_str(&text)
                .map(Arrival::Elements)
                .map_err(|error| Lost::Wrong(format!("{error}: {text}"))),
            Ok(Message::Pong(payload)) => match payload[..].try_into() {
                Ok(number) => Ok(Arrival::Pong(u64::from_be_bytes(number))),
                Err(_) => Err(Lost::Wrong(format!("pong with {payload:?}"))),
            },
            Ok(Message::Ping(_)) => {
                let _later = self.0.flush();
                Ok(Arrival::Nothing)
            }
            Ok(Message::Close(frame)) => Err(Lost::Wrong(format!("closed: {frame:?}"))),
            Ok(other) => Err(Lost::Wrong(format!("unexpected: {other:?}"))),
            Err(Error::Io(error)) if is_timeout(error.kind()) => Ok(Arrival::Nothing),
            Err(Error::Io(_) | Error::ConnectionClosed | Error::Protocol(_)) => Err(Lost::Ended),
            Err(error) => Err(Lost::Wrong(error.to_string())),
        }
    }
}

/// Reads an element of a message.
pub(crate) fn element<T: serde::de::DeserializeOwned>(
    elements: &[Box<RawValue>],
    index: usize,
) -> Result<T, Lost> {
    let element = elements
        .get(index)
        .map_or("nothing", |element| element.get());
    serde_json::from_str(element)
        .map_err(|error| Lost::Wrong(format!("element {index} of {elements:?}: {error}")))
}
