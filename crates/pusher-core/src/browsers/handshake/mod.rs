//! The HTTP request of a browser. It results in an [`Upgrade`], an [`EventStream`] or an ordinary HTTP answer.

mod channels_request;
mod request;
mod response;
mod scripts;
mod stream_request;
mod ticket;

use std::io;
use std::time::{Duration, Instant};

use pusher_proto::Reason;
use pusher_proto::channels::ErrorCode;
use pusher_proto::permessage_deflate::Offer;
use pusher_proto::ticket::{Ticket, TicketFault};
use pusher_proto::wamp::Subprotocol;
use pusher_proto::wamp2;
use tokio::net::TcpStream;
use tokio::time::{Instant as Deadline, timeout, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::read_buffer;
use crate::application::Request;
use crate::config::{Certificate, OriginRules};
use crate::connection::{BrowserPermit, SessionId, Socket, TLS_HANDSHAKE};
use crate::context::Context;
use crate::handover::{Browser, Stage};
use crate::hub::ResumeRequest;
use crate::stats::BrowserRefusal;

use request::Offered;

pub(crate) use response::Response;
pub(crate) use stream_request::StreamRequest;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection before the response to its request.
struct Arrival {
    socket: Socket,
    permit: BrowserPermit,
}

/// A connection that becomes a WebSocket. Nothing is sent yet: the caller sends
/// [`response_head`](Self::response_head) before anything else.
pub(crate) struct Upgrade {
    pub(crate) socket: Socket,
    pub(crate) permit: BrowserPermit,
    pub(crate) request: Request,
    pub(crate) id: SessionId,
    pub(crate) asked: Asked,
    /// The value of `Sec-WebSocket-Accept`.
    accept: String,
    /// The client's offer to compress messages, if it is accepted.
    deflate: Option<Offer>,
    /// The ticket that the request shows, if any.
    pub(crate) ticket: Option<Result<Ticket, TicketFault>>,
    /// WebSocket frames that arrived together with the request.
    pub(crate) early: Vec<u8>,
}

/// The protocol that a client asks for.
pub(crate) enum Asked {
    Wamp {
        subprotocol: Subprotocol,
        /// The parameter `resume` of a client that speaks `wamp`.
        resume: Option<ResumeRequest>,
    },
    /// The Pusher Channels protocol, which has no subprotocol.
    Channels,
    Wamp2,
}

/// A connection that becomes an event stream. Nothing is sent yet.
pub(crate) struct EventStream {
    pub(crate) socket: Socket,
    pub(crate) permit: BrowserPermit,
    pub(crate) request: Request,
    pub(crate) id: SessionId,
    pub(crate) wanted: StreamRequest,
    /// The ticket that the request shows, if any.
    pub(crate) ticket: Option<Result<Ticket, TicketFault>>,
}

impl EventStream {
    /// Returns the head of the HTTP answer.
    pub(crate) fn response_head(&self) -> Vec<u8> {
        response::event_stream(self.request.origin().as_deref())
    }
}

/// The two kinds of sessions.
pub(crate) enum Accepted {
    WebSocket(Upgrade),
    Stream(EventStream),
}

impl Upgrade {
    /// Whether the client may send compressed messages, and gets compressed events.
    pub(crate) fn may_compress(&self) -> bool {
        self.deflate.is_some()
    }

    pub(crate) fn resume(&self) -> Option<&ResumeRequest> {
        match &self.asked {
            Asked::Wamp { resume, .. } => resume.as_ref(),
            Asked::Channels | Asked::Wamp2 => None,
        }
    }

    /// Returns the head of the HTTP answer that makes the connection a WebSocket.
    pub(crate) fn response_head(&self) -> Vec<u8> {
        let subprotocol = match &self.asked {
            Asked::Wamp { subprotocol, .. } => Some(subprotocol.name()),
            Asked::Channels => None,
            Asked::Wamp2 => Some(wamp2::SUBPROTOCOL),
        };
        response::switching_protocols(&self.accept, subprotocol, self.deflate)
    }
}

/// Reads a request for a session. Answers any other request, closes the connection and returns `None`.
pub(crate) async fn shake_hands(
    context: &Context,
    stream: TcpStream,
    permit: BrowserPermit,
    received: Vec<u8>,
) -> Option<Accepted> {
    let (len_max, handshake_timeout) = {
        let limits = context.live.limits();
        (limits.handshake_len_max, limits.handshake_timeout)
    };
    let deadline = Deadline::now() + handshake_timeout;
    let mut bytes = received;
    let may_have_tls = context.live.certificate().filter(|_| bytes.is_empty());
    let socket = match may_have_tls {
        // In a box, because the task would be twice as large for all browsers.
        Some(certificate) => {
            Box::pin(secure(context, stream, &certificate, &permit, deadline)).await?
        }
        None => Socket::Plain(stream),
    };
    let arrival = Arrival { socket, permit };
    let head = read_head(&arrival.socket, &mut bytes, len_max);
    let read = tokio::select! {
        biased;
        () = context.handover.stop_reading().cancelled() => None,
        read = timeout_at(deadline, head) => Some(read),
    };
    let Some(read) = read else {
        hand_over(context, &arrival, bytes);
        return None;
    };
    let answered = match read {
        Ok(Ok(Some(head_len))) => answer(context, arrival, bytes, head_len),
        Ok(Ok(None) | Err(_)) => return None,
        Err(_) => {
            log_timeout(context, &arrival.permit, bytes.len(), handshake_timeout);
            Err(Box::new((arrival, Response::timed_out())))
        }
    };
    let (arrival, response) = match answered {
        Ok(accepted) => return Some(accepted),
        Err(refused) => *refused,
    };
    // Hold the permit until the answer is sent.
    let Arrival { socket, permit } = arrival;
    let peer = permit.peer();
    if let Some(why) = response.refusal() {
        context.counters.browsers_refused.count(why);
        // `check_origin`, `log_timeout` and `check_stream` have already logged these, or chosen not to.
        if !matches!(
            why,
            BrowserRefusal::Origin | BrowserRefusal::HandshakeTimeout | BrowserRefusal::Ticket
        ) {
            let text = format!("refusing a browser: {}", response.text());
            let refused = &context.counters.browsers_refused;
            refused.log(why, &context.browser_log, &peer.to_string(), text);
        }
    }
    tracing::debug!(%peer, status = response.status(), "answered a request without a session");
    let (flush_timeout, linger_timeout) = context.live.end_timeouts();
    let sent = timeout(flush_timeout, socket.write_all(&response.into_bytes())).await;
    if let Ok(Ok(())) = sent {
        let _timed_out = timeout(linger_timeout, socket.hang_up()).await;
    }
    None
}

/// Gives a connection to another process, with the beginning of its request.
fn hand_over(context: &Context, arrival: &Arrival, received: Vec<u8>) {
    let Arrival { socket, permit } = arrival;
    let peer = permit.peer();
    match socket.duplicate() {
        Ok(descriptor) => {
            let stage = Stage::Handshake(received);
            let browser = Browser {
                peer,
                stage,
                origin: None,
                age_s: None,
            };
            context.handover.bring_browser(browser, descriptor);
        }
        Err(error) => tracing::debug!(%peer, %error, "cannot hand a connection over"),
    }
}

/// Logs a request that was not complete in time. A connection without any byte is not logged: browsers open connections
/// in advance.
fn log_timeout(context: &Context, permit: &BrowserPermit, len: usize, timeout: Duration) {
    if len > 0 {
        let text = format_args!(
            "refusing a browser: its request was not complete after {timeout:?} and {len} bytes"
        );
        let (peer, why) = (permit.peer().to_string(), BrowserRefusal::HandshakeTimeout);
        let refused = &context.counters.browsers_refused;
        refused.log(why, &context.browser_log, &peer, text);
    }
}

/// Accepts TLS if the first byte is that of a TLS handshake. Closes the connection and returns `None` if TLS fails.
async fn secure(
    context: &Context,
    stream: TcpStream,
    certificate: &Certificate,
    permit: &BrowserPermit,
    deadline: Deadline,
) -> Option<Socket> {
    let mut first = [0];
    // If nothing arrives, `read_head` reports the timeout or the end.
    let _late_or_gone = tokio::select! {
        // The caller hands the connection over.
        () = context.handover.stop_reading().cancelled() => return Some(Socket::Plain(stream)),
        peeked = timeout_at(deadline, stream.peek(&mut first)) => peeked,
    };
    if first[0] != TLS_HANDSHAKE {
        return Some(Socket::Plain(stream));
    }
    let (why, text) = match timeout_at(deadline, Socket::accept_tls(stream, certificate)).await {
        Ok(Ok(socket)) => return Some(socket),
        Ok(Err(error)) => (BrowserRefusal::BadRequest, format!("TLS failed: {error}")),
        Err(_) => {
            let text = "its TLS handshake took too long".to_owned();
            (BrowserRefusal::HandshakeTimeout, text)
        }
    };
    let peer = permit.peer().to_string();
    let text = format_args!("refusing a browser: {text}");
    let refused = &context.counters.browsers_refused;
    refused.refuse(why, &context.browser_log, &peer, text);
    None
}

/// Reads up to the empty line. Returns the length of the head, also for a head that is too long or not HTTP, which the
/// parser then refuses. `None` if the peer closed the connection first.
async fn read_head(
    socket: &Socket,
    bytes: &mut Vec<u8>,
    len_max: usize,
) -> io::Result<Option<usize>> {
    loop {
        socket.readable().await?;
        let seen = bytes.len().saturating_sub(HEAD_END.len() - 1);
        let mut buffer = read_buffer::take();
        let read = socket.try_read_buf(&mut buffer);
        // A copy of the exact length: its block is small, so the next requests reuse it after the handshake. Small blocks of
        // the session would cut a large one into pieces.
        bytes.extend_from_slice(&buffer);
        read_buffer::put_back(buffer);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        // Search only the new bytes, so that many small reads do not take quadratic time.
        let mut windows = bytes[seen..].windows(HEAD_END.len());
        if let Some(position) = windows.position(|window| window == HEAD_END) {
            return Ok(Some(seen + position + HEAD_END.len()));
        }
        if bytes.len() > len_max || !bytes[0].is_ascii_uppercase() {
            return Ok(Some(bytes.len()));
        }
    }
}

/// Checks a request for a session. The error is the answer for any other request.
fn answer(
    context: &Context,
    mut arrival: Arrival,
    mut head: Vec<u8>,
    head_len: usize,
) -> Result<Accepted, Box<(Arrival, Response)>> {
    let early = head.split_off(head_len);
    let checked = check(context, head, &mut arrival.permit);
    let Arrival { socket, permit } = arrival;
    let Checked {
        request,
        id,
        ticket,
        wanted,
    } = match checked {
        Ok(checked) => checked,
        Err(response) => return Err(Box::new((Arrival { socket, permit }, response))),
    };
    Ok(match wanted {
        Wanted::WebSocket { accept, asked } => Accepted::WebSocket(Upgrade {
            deflate: request::deflate_offer(context, &request),
            socket,
            permit,
            request,
            id,
            asked,
            accept,
            ticket,
            early,
        }),
        Wanted::Stream(wanted) => Accepted::Stream(EventStream {
            socket,
            permit,
            request,
            id,
            wanted,
            ticket,
        }),
    })
}

/// A request for a session that is accepted.
struct Checked {
    request: Request,
    id: SessionId,
    ticket: Option<Result<Ticket, TicketFault>>,
    wanted: Wanted,
}

/// The session that a request asks for.
enum Wanted {
    WebSocket {
        /// The value of `Sec-WebSocket-Accept`.
        accept: String,
        asked: Asked,
    },
    Stream(StreamRequest),
}

fn check(
    context: &Context,
    head: Vec<u8>,
    permit: &mut BrowserPermit,
) -> Result<Checked, Response> {
    let mut request = request::parse(head, permit.peer(), &context.live.limits())?;
    let proxies = context.browser_permits.proxies();
    if proxies.trust(permit.peer().ip()) {
        let client = request::take_client(&mut request, proxies)?;
        let given = permit.give_to(client);
        given.map_err(|why| Response::no_permit(why, &context.live.limits()))?;
    }
    let wanted = wanted(context, &request)?;
    check_origin(context, &request).map_err(|refused| match &wanted {
        Wanted::WebSocket {
            accept,
            asked: Asked::Channels,
        } => refused.in_channels(accept, ErrorCode::Unauthorized),
        _ => refused,
    })?;
    let accepted = context.application.accept(&request);
    accepted.map_err(|refusal| Response::from_application(&refusal))?;
    let ticket = ticket::find(&request, context);
    if let Wanted::Stream(wanted) = &wanted {
        ticket::check_stream(context, &request, &wanted.topics, ticket.as_ref())?;
    }
    let id = SessionId::random().map_err(|_| Response::no_random_numbers())?;
    Ok(Checked {
        request,
        id,
        ticket,
        wanted,
    })
}

fn wanted(context: &Context, request: &Request) -> Result<Wanted, Response> {
    if request.has_token("Upgrade", "websocket") {
        let accept = derive_accept_key(request::websocket_key(request)?);
        if let Some(checked) = channels_request::parse(request, &context.live.options()) {
            let asked = Asked::Channels;
            return match checked {
                Ok(()) => Ok(Wanted::WebSocket { accept, asked }),
                Err(code) => Err(Response::no_channels(&accept, code)),
            };
        }
        let subprotocol = request::subprotocol(request).ok_or_else(Response::no_subprotocol)?;
        let asked = match subprotocol {
            Offered::Wamp(subprotocol) => Asked::Wamp {
                subprotocol,
                resume: match subprotocol {
                    Subprotocol::Wamp => request::resume(request)?,
                    Subprotocol::Pushd1 => None,
                },
            },
            Offered::Wamp2 => Asked::Wamp2,
        };
        return Ok(Wanted::WebSocket { accept, asked });
    }
    if stream_request::is_for_stream(request) {
        let options = context.live.options();
        return stream_request::parse(request, &options).map(Wanted::Stream);
    }
    Err(response::for_plain_request(request))
}

/// Checks that the page's site may connect. Clients other than browsers send no origin and may always connect.
fn check_origin(context: &Context, request: &Request) -> Result<(), Response> {
    let Some(origin) = request.origin() else {
        return Ok(());
    };
    let options = context.live.options();
    let rules = OriginRules {
        hosts: &options.public_hosts,
        origins: &options.allow_origins,
    };
    if rules.allow(&origin, request.hosts()) {
        return Ok(());
    }
    let host = request.hosts().last().unwrap_or_default();
    let explanation = rules.explain(&origin, host);
    let reason = match rules.is_unknown(host) {
        true => Reason::PublicHost,
        false => Reason::Origin,
    };
    let refused_origins = &context.refused_origins;
    if refused_origins.refuse(&origin, &explanation, Instant::now()) {
        let peer = request.peer_addr().to_string();
        let refused = &context.counters.browsers_refused;
        let why = BrowserRefusal::Origin;
        refused.log(why, &context.browser_log, &peer, &explanation);
    }
    Err(Response::other_origin(&explanation, reason))
}
