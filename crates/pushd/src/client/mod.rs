//! A client of a running server: connects to port 8080 as a browser does, and to port 5555 as a publisher does.
//!
//! `doctor` and `shell` use it. It returns typed errors and knows nothing about advice or reports.
//!
//! | module | contents |
//! |---|---|
//! | `target` | parses a public URL |
//! | `dial` | DNS and TCP |
//! | `ca_certificate` | `--ca-certificate` |
//! | `connector` | TLS, and further connections to the same address |
//! | `handshake` | the WebSocket handshake |
//! | `session` | a WAMP v1 session |
//! | `server_message` | decodes the server's messages |
//! | `positions` | up to where a client of `pushd.1` has the events of its topics |
//! | `connect` | all of these steps in one call |
//! | `http` | HTTP requests |
//! | `event_stream` | Server-Sent Events |
//! | `publish_listener` | the connection to port 5555 |
//! | `wire` | the trait of all transports |
//! | `causes` | the text of an error and its causes |

mod ca_certificate;
mod causes;
mod connect;
mod connector;
mod dial;
mod event_stream;
mod handshake;
mod http;
mod positions;
mod publish_listener;
mod server_message;
mod session;
mod target;
mod wire;

pub(crate) use ca_certificate::{CaCertificates, ca_certificate};
pub(crate) use causes::with_causes;
pub(crate) use connect::{ConnectError, connect, connect_again};
pub(crate) use connector::{Connector, Encrypted, TlsSetupError};
pub(crate) use dial::{DialError, Dialled, dial, look_up};
pub(crate) use event_stream::{EventStream, MESSAGE};
pub(crate) use handshake::{Answer, Refusal, open as open_websocket};
pub(crate) use http::{HttpConnection, ask, ask_head};
pub(crate) use positions::{Positions, Update};
pub(crate) use publish_listener::connect as connect_to_publish_listener;
pub(crate) use server_message::ServerMessage;
pub(crate) use session::{Session, SessionEnd, Timeouts, WelcomeError};
pub(crate) use target::{Target, TargetError, WAMP, WITH_RECOVERY};
