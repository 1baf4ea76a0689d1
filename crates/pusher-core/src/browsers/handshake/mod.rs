//! The HTTP request of a browser: it leads to an [`Upgrade`], or to an ordinary HTTP answer.

mod request;
mod response;
mod scripts;

use std::io;
use std::time::{Duration, Instant};

use pusher_proto::Reason;
use pusher_proto::wamp::Subprotocol;
use tokio::net::TcpStream;
use tokio::time::{Instant as Deadline, timeout, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::application::Request;
use crate::config::{Certificate, OriginRules};
use crate::connection::{BrowserPermit, Socket, TLS_HANDSHAKE};
use crate::context::Context;
use crate::stats::BrowserRefusal;

pub(crate) use response::Response;

/// How much of a request is read at once, in bytes: as a rule, all of it.
const READ_LEN: usize = 2 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection whose request is not answered yet.
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
    pub(crate) subprotocol: Subprotocol,
    /// The value of `Sec-WebSocket-Accept`.
    accept: String,
    /// WebSocket frames that arrived together with the request.
    pub(crate) early: Vec<u8>,
}

impl Upgrade {
    /// Returns the head of the HTTP answer that makes the connection a WebSocket.
    pub(crate) fn response_head(&self) -> Vec<u8> {
        response::switching_protocols(&self.accept, self.subprotocol)
    }
}

/// Reads a request and answers it. `None` if it did not lead to a session: then the connection
/// is closed.
pub(crate) async fn shake_hands(
    context: &Context,
    stream: TcpStream,
    permit: BrowserPermit,
) -> Option<Upgrade> {
    let (len_max, patience) = {
        let limits = context.live.limits();
        (limits.handshake_len_max, limits.handshake_timeout)
    };
    let end = Deadline::now() + patience;
    let socket = match context.live.certificate() {
        Some(certificate) => secure(context, stream, &certificate, &permit, end).await?,
        None => Socket::Plain(stream),
    };
    let arrival = Arrival { socket, permit };
    let mut bytes = Vec::new();
    let head = read_head(&arrival.socket, &mut bytes, len_max);
    let answered = match timeout_at(end, head).await {
        Ok(Ok(Some(head_len))) => answer(context, arrival, bytes, head_len),
        Ok(Ok(None) | Err(_)) => return None,
        Err(_) => {
            complain_of_slowness(context, &arrival.permit, bytes.len(), patience);
            Err(Box::new((arrival, Response::timed_out())))
        }
    };
    let (arrival, response) = match answered {
        Ok(upgrade) => return Some(upgrade),
        Err(refused) => *refused,
    };
    // The permit is held until the answer has left.
    let Arrival { socket, permit } = arrival;
    let peer = permit.peer();
    if let Some(why) = response.refusal() {
        context.counters.browsers_refused.count(why);
        // Of these two the operator has heard already, or need not.
        if !matches!(
            why,
            BrowserRefusal::Origin | BrowserRefusal::HandshakeTimeout
        ) {
            let what = format!("refusing a browser: {}", response.text());
            context.browser_log.about(&peer.to_string(), what);
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
fn complain_of_slowness(context: &Context, permit: &BrowserPermit, len: usize, patience: Duration) {
    if len > 0 {
        let what = format_args!(
            "refusing a browser: {len} bytes of its request have arrived in {patience:?}, and not the rest"
        );
        let peer = permit.peer().to_string();
        context.browser_log.about(&peer, what);
    }
}

/// Encrypts the connection if the browser begins with TLS. `None` if that fails: then it is closed.
async fn secure(
    context: &Context,
    stream: TcpStream,
    certificate: &Certificate,
    permit: &BrowserPermit,
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
    let peer = permit.peer().to_string();
    let what = format_args!("refusing a browser: {what}");
    context.browser_log.about(&peer, what);
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

/// Checks a request and makes it an upgrade. The error is the answer for any other request.
fn answer(
    context: &Context,
    mut arrival: Arrival,
    mut head: Vec<u8>,
    head_len: usize,
) -> Result<Upgrade, Box<(Arrival, Response)>> {
    let early = head.split_off(head_len);
    match check(context, head, &mut arrival.permit) {
        Ok(Checked {
            request,
            accept,
            subprotocol,
        }) => Ok(Upgrade {
            socket: arrival.socket,
            permit: arrival.permit,
            request,
            subprotocol,
            accept,
            early,
        }),
        Err(response) => Err(Box::new((arrival, response))),
    }
}

/// A request for a session that has passed all checks.
struct Checked {
    request: Request,
    accept: String,
    subprotocol: Subprotocol,
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
    if !request.has_token("Upgrade", "websocket") {
        return Err(response::for_plain_request(&request));
    }
    let accept = derive_accept_key(request::websocket_key(&request)?);
    let subprotocol = request::subprotocol(&request).ok_or_else(Response::no_subprotocol)?;
    check_origin(context, &request)?;
    let accepted = context.application.accept(&request);
    accepted.map_err(|refusal| Response::from_application(&refusal))?;
    Ok(Checked {
        request,
        accept,
        subprotocol,
    })
}

/// Whether it is a page of a site that may connect, or no page at all.
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
    if context.refused_origins.is_news(&origin, Instant::now()) {
        let peer = request.peer_addr().to_string();
        context.browser_log.about(&peer, &explanation);
    }
    Err(Response::other_origin(&explanation, reason))
}
