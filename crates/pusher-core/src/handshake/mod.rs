//! From a TCP connection to a session, or to an ordinary HTTP answer.

mod origin;
mod request;
mod response;
mod scripts;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pusher_proto::wamp::{Subprotocol, text_frame, welcome};
use tokio::net::TcpStream;
use tokio::time::{Instant as Deadline, timeout, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::admission::Place;
use crate::certificate::Certificate;
use crate::connection::{Connection, keepalive_frame};
use crate::hub::Shard;
use crate::protocol::Protocol;
use crate::server::Context;
use crate::session::{Session, SessionId};
use crate::socket::{Socket, TLS_HANDSHAKE};
use crate::stats::BrowserRefusal;

pub(crate) use origin::RefusedOrigins;
pub use origin::{AllowedOrigin, AllowedOriginError};
pub use request::Request;
pub(crate) use response::Response;

/// How much of a request is read at once, in bytes: as a rule, all of it.
const READ_LEN: usize = 2 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection that has not said yet what it wants.
struct Arrival {
    socket: Socket,
    place: Place,
}

/// A connection without a session, and what to say to it at last.
type Refused = Box<(Arrival, Response)>;

/// A session that has begun, and WebSocket frames that came in one piece with the request.
type Upgraded = (Protocol, Vec<u8>);

/// Reads a request and answers it. `None` if it did not lead to a session: then the connection
/// is closed.
pub(crate) async fn shake_hands(
    context: &Arc<Context>,
    shard: &Shard,
    stream: TcpStream,
    place: Place,
) -> Option<Upgraded> {
    let (len_max, patience) = {
        let limits = context.live.limits();
        (limits.handshake_len_max, limits.handshake_timeout)
    };
    let end = Deadline::now() + patience;
    let socket = match context.live.certificate() {
        Some(certificate) => secure(context, stream, &certificate, &place, end).await?,
        None => Socket::Plain(stream),
    };
    let arrival = Arrival { socket, place };
    let mut bytes = Vec::new();
    let head = read_head(&arrival.socket, &mut bytes, len_max);
    let answered = match timeout_at(end, head).await {
        Ok(Ok(Some(head_len))) => answer(context, shard, arrival, bytes, head_len),
        Ok(Ok(None) | Err(_)) => return None,
        Err(_) => {
            complain_of_slowness(context, &arrival.place, bytes.len(), patience);
            Err(Box::new((arrival, Response::timed_out())))
        }
    };
    let (arrival, response) = match answered {
        Ok(upgraded) => return Some(upgraded),
        Err(refused) => *refused,
    };
    // The place is taken until the answer has left.
    let Arrival { socket, place } = arrival;
    let peer = place.peer();
    if let Some(why) = response.refusal() {
        context.counters.browsers_refused.count(why);
        // Of these two the operator has heard already, or need not.
        if !matches!(
            why,
            BrowserRefusal::Origin | BrowserRefusal::HandshakeTimeout
        ) {
            let what = format!("refusing a browser: {}", response.text());
            context.browser_complaints.about(&peer.to_string(), what);
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

/// Tells the operator of a request that comes too slowly. Who says nothing at all is as a rule a browser
/// that keeps a connection in stock.
fn complain_of_slowness(context: &Context, place: &Place, len: usize, patience: Duration) {
    if len > 0 {
        let what = format_args!(
            "refusing a browser: {len} bytes of its request have arrived in {patience:?}, and not the rest"
        );
        let peer = place.peer().to_string();
        context.browser_complaints.about(&peer, what);
    }
}

/// Encrypts the connection if the browser begins with TLS. `None` if that fails: then it is closed.
async fn secure(
    context: &Context,
    stream: TcpStream,
    certificate: &Certificate,
    place: &Place,
    end: Deadline,
) -> Option<Socket> {
    let mut first = [0];
    // Whoever says nothing, or goes, is dealt with by those who want to read a request.
    let _late_or_gone = timeout_at(end, stream.peek(&mut first)).await;
    if first[0] != TLS_HANDSHAKE {
        return Some(Socket::Plain(stream));
    }
    let (why, what) = match timeout_at(end, Socket::accept_tls(stream, certificate)).await {
        Ok(Ok(socket)) => return Some(socket),
        Ok(Err(error)) => (BrowserRefusal::BadRequest, format!("no TLS: {error}")),
        Err(_) => {
            let what = "its TLS handshake takes too long".to_owned();
            (BrowserRefusal::HandshakeTimeout, what)
        }
    };
    context.counters.browsers_refused.count(why);
    let peer = place.peer().to_string();
    let what = format_args!("refusing a browser: {what}");
    context.browser_complaints.about(&peer, what);
    None
}

/// Reads up to the empty line; its end's offset, or one that `answer` will refuse. `None` if the
/// peer went without a word.
async fn read_head(
    socket: &Socket,
    bytes: &mut Vec<u8>,
    len_max: usize,
) -> io::Result<Option<usize>> {
    loop {
        socket.readable().await?;
        let seen = bytes.len().saturating_sub(HEAD_END.len() - 1);
        bytes.reserve(READ_LEN);
        match socket.try_read_buf(bytes) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        // Only what is new is searched: a byte at a time costs no more than all at once.
        let mut windows = bytes[seen..].windows(HEAD_END.len());
        if let Some(position) = windows.position(|window| window == HEAD_END) {
            return Ok(Some(seen + position + HEAD_END.len()));
        }
        if bytes.len() > len_max || !bytes[0].is_ascii_uppercase() {
            return Ok(Some(bytes.len()));
        }
    }
}

/// Begins a session, or gives the stream back with what to answer.
fn answer(
    context: &Arc<Context>,
    shard: &Shard,
    mut arrival: Arrival,
    mut bytes: Vec<u8>,
    head_len: usize,
) -> Result<Upgraded, Refused> {
    let rest = bytes.split_off(head_len);
    let mut headers = request::Headers::default();
    let checked = check(context, &bytes, &mut arrival.place, &mut headers);
    let (
        request,
        Upgrade {
            accept,
            subprotocol,
        },
        id,
    ) = match checked {
        Ok(checked) => checked,
        Err(response) => return Err(Box::new((arrival, response))),
    };
    let peer = request.peer_addr();
    let Arrival { socket, place } = arrival;
    let now_ms = context.clock.now_ms();
    let common = shard.connections().clone();
    let connection = Connection::new(id, place, common, socket, subprotocol, now_ms);
    let session = Session::new(connection);
    let protocol = Protocol::new(context.clone(), session.clone());
    // The answer and WELCOME leave in one segment.
    let mut hello = response::switching_protocols(&accept, subprotocol);
    if !context.application.is_echo() {
        let welcome = welcome(&id.to_string(), &context.server_ident);
        hello.extend_from_slice(&text_frame(&welcome));
        if subprotocol == Subprotocol::Pushd1 {
            let interval = context.live.limits().ping_interval;
            hello.extend_from_slice(&keepalive_frame(interval));
        }
    }
    session.connection().send(&Bytes::from(hello));
    // Only now may other threads find it: nothing must be sent before the answer.
    shard.add_session(&session);
    context.counters.sessions_opened.add(1);
    tracing::debug!(session = %id, %peer, "session opened");
    context.application.opened(&session, &request);
    Ok((protocol, rest))
}

/// A request for a session, its answer and the session's id; or another answer.
fn check<'a>(
    context: &Context,
    head: &'a [u8],
    place: &mut Place,
    headers: &'a mut request::Headers<'a>,
) -> Result<(Request<'a>, Upgrade, SessionId), Response> {
    let mut request = request::parse(head, place.peer(), headers, &context.live.limits())?;
    if context.admission.proxies().trust(place.peer().ip()) {
        let client = request.client(context.admission.proxies())?;
        let given = place.give_to(client);
        given.map_err(|why| Response::no_place(why, &context.live.limits()))?;
    }
    let upgrade = check_upgrade(context, &request)?;
    let id = SessionId::random().map_err(|_| Response::no_random_numbers())?;
    Ok((request, upgrade, id))
}

/// The answer that makes the connection a WebSocket.
struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    accept: String,
    subprotocol: Subprotocol,
}

/// How to answer a request for a session, or why this is none.
fn check_upgrade(context: &Context, request: &Request<'_>) -> Result<Upgrade, Response> {
    if !request.wants_upgrade() {
        return Err(response::for_plain_request(request));
    }
    let key = request.websocket_key()?;
    let subprotocol = request.subprotocol();
    let subprotocol = subprotocol.ok_or_else(Response::no_subprotocol)?;
    check_origin(context, request)?;
    context
        .application
        .accept(request)
        .map_err(|refusal| Response::from_application(&refusal))?;
    Ok(Upgrade {
        accept: derive_accept_key(key),
        subprotocol,
    })
}

/// Whether it is a page of a site that may connect, or no page at all.
fn check_origin(context: &Context, request: &Request<'_>) -> Result<(), Response> {
    let Some(origin) = request.origin() else {
        return Ok(());
    };
    let options = context.live.options();
    let rules = origin::Rules {
        hosts: &options.public_hosts,
        origins: &options.allow_origins,
    };
    if rules.allow(&origin, request.hosts()) {
        return Ok(());
    }
    let explanation = rules.explain(&origin, request.hosts().last().unwrap_or_default());
    if context.refused_origins.is_news(&origin, Instant::now()) {
        let peer = request.peer_addr().to_string();
        context.browser_complaints.about(&peer, &explanation);
    }
    Err(Response::other_origin(&explanation))
}
