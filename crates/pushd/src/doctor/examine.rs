//! Runs all steps, in order.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use super::connection::{explain_dial, explain_dns, explain_tls, explain_tls_setup};
use super::fault::Fault;
use super::probe::{PROBE_TIMEOUT, PROBES_MAX};
use super::publish::Publisher;
use super::redis::{self, Redis};
use super::report::Report;
use super::session::{explain_welcome, stay_idle};
use super::site::{self, Site};
use super::step::Step;
use super::tickets::{self, Round, Tickets};
use super::{certificate, diagnosis, event, nodes, script, stream};
use crate::client::{Connector, Dialled, Encrypted, Session, Target, dial, look_up};

/// The parsed command line.
pub(super) struct Request {
    /// Redis, if the settings name one.
    pub(super) redis: Option<Redis>,
    pub(super) target: Target,
    /// The publish listener, unless nothing is to be published.
    pub(super) publisher: Option<Publisher>,
    /// Private topics, if the settings have any, and the site that signs tickets for them.
    pub(super) tickets: Option<(Tickets, Site)>,
    /// How long to wait without events.
    pub(super) idle: Option<Duration>,
    /// Time limit of a step.
    pub(super) timeout: Duration,
}

/// Runs the steps until one fails, which returns `None`.
pub(super) async fn examine(request: Request, report: &mut Report) -> Option<()> {
    let timeout = request.timeout;
    let publisher = request.publisher.as_ref();
    if let Some(redis) = &request.redis {
        let told = redis::check(redis, report).await?;
        if let Some(publisher) = publisher {
            let checking = nodes::check(publisher, &told, timeout / 2);
            report.check(Step::Nodes, checking).await?;
        }
    }
    let (connector, mut session) = open_session(request.target, timeout, report).await?;
    let topic = session.own_topic("pushd-doctor");
    let tickets = request.tickets.as_ref();
    // If every topic is private, the tickets' step subscribes.
    if !tickets.is_some_and(|(tickets, _)| tickets.is_private(&topic)) {
        if let Some(publisher) = publisher {
            let event = event::check(&mut session, publisher, &topic, timeout / 2);
            report.check(Step::Event, event).await?;
        }
        let streaming = stream::check(&connector, &topic, publisher, timeout / 2);
        report.check_for(Step::Stream, 2 * timeout, streaming).await;
    }
    if let Some((tickets, site)) = tickets {
        let keys = tickets::check_keys(tickets, publisher, timeout / 2);
        let keys = report.check(Step::Keys, keys).await?;
        let round = Round {
            tickets,
            keys: &keys,
            connector: &connector,
            publisher,
            patience: timeout / 4,
        };
        let checking = round.check(&mut session);
        report
            .check_for(Step::Tickets, 2 * timeout, checking)
            .await?;
        let clock = site::check_clock(site, timeout);
        report.check(Step::Site, clock).await;
        let reaching = async { site::check_cookie(site, &connector.target) };
        report.check(Step::Cookie, reaching).await;
    }
    if let Some(idle) = request.idle {
        let staying = stay_idle(&mut session, idle, timeout);
        report
            .check_for(Step::Idle, idle + 2 * timeout, staying)
            .await?;
    }
    tokio::time::timeout(timeout, session.end()).await.ok()
}

async fn open_session(
    target: Target,
    timeout: Duration,
    report: &mut Report,
) -> Option<(Connector, Session)> {
    let addresses = report.check(Step::Dns, check_dns(&target)).await?;
    // Each address has the whole timeout; one more is a reserve.
    let all = timeout * (1 + u32::try_from(addresses.len()).unwrap_or_default());
    let dialling = check_dial(addresses, timeout);
    let dialled = report.check_for(Step::Tcp, all, dialling).await?;
    let has_tls = target.tls;
    let connector = match Connector::new(target, dialled.address) {
        Ok(connector) => connector,
        Err(error) => {
            let failed = async { Err::<((), String), _>(explain_tls_setup(&error)) };
            report.check(Step::Tls, failed).await;
            return None;
        }
    };
    let encrypting = check_tls(&connector, dialled.stream);
    let encrypted = match has_tls {
        true => report.check(Step::Tls, encrypting).await?,
        false => encrypting.await.ok()?.0,
    };
    if let Some(not_after) = encrypted.not_after {
        let lasting = async { certificate::lasts(not_after) };
        report.check(Step::Expiry, lasting).await;
    }
    let opening = async {
        let opened = connector.open_websocket(encrypted.wire, timeout).await;
        match opened {
            Ok(socket) => {
                let what = format!("{} is open, subprotocol wamp", connector.target.url());
                Ok((socket, what))
            }
            Err(refusal) => Err(diagnosis::explain(refusal, &connector).await),
        }
    };
    // After a refused handshake, the probes that find the reason need extra time.
    let all = timeout + PROBES_MAX * PROBE_TIMEOUT;
    let socket = report.check_for(Step::WebSocket, all, opening).await?;
    let beginning = async {
        let session = Session::begin(socket).await;
        let session = session.map_err(|error| explain_welcome(&error))?;
        let what = format!("{} speaks WAMP v1", session.server);
        Ok((session, what))
    };
    let session = report.check(Step::Welcome, beginning).await?;
    report.check(Step::Script, script::fetch(&connector)).await;
    Some((connector, session))
}

async fn check_dns(target: &Target) -> Result<(Vec<SocketAddr>, String), Fault> {
    let host = &target.host;
    let addresses = look_up(target).await;
    let addresses = addresses.map_err(|error| explain_dns(host, &error))?;
    let shown: Vec<_> = addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    let what = format!("{host} is {}", shown.join(", "));
    Ok((addresses, what))
}

async fn check_dial(
    addresses: Vec<SocketAddr>,
    timeout_each: Duration,
) -> Result<(Dialled, String), Fault> {
    let dialled = dial(addresses, timeout_each).await;
    let dialled = dialled.map_err(|error| explain_dial(&error))?;
    let what = format!("{} accepts connections{}", dialled.address, dialled.failed);
    Ok((dialled, what))
}

async fn check_tls(connector: &Connector, stream: TcpStream) -> Result<(Encrypted, String), Fault> {
    match connector.encrypt(stream).await {
        Ok(encrypted) => {
            let version = encrypted.version.unwrap_or("TLS");
            let host = &connector.target.host;
            let given = match connector.target.trusted.is_empty() {
                true => "",
                false => ", with the issuers of --ca-certificate",
            };
            let what = format!("the certificate is valid for {host} ({version}){given}");
            Ok((encrypted, what))
        }
        Err(error) => Err(explain_tls(&error, connector).await),
    }
}
