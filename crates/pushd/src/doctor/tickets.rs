//! Private topics: the key file, and subscriptions with and without a ticket.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_core::{TicketFault, TicketKeys, TopicPattern};
use pusher_proto::ticket::{COOKIE, TicketRequest};
use pusher_proto::wamp::DENIED_TOPIC;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::event::wait_for_event;
use super::fault::Fault;
use super::publish::{self, Publisher};
use super::session::{explain_end, explain_welcome};
use crate::client::{Connector, Session, SessionEnd, open_websocket};
use crate::settings::Settings;
use crate::tickets::{KeyFile, now_s};

/// Time to live of the doctor's ticket, in seconds.
const TTL_S: u64 = 60;

/// The settings of private topics.
pub(super) struct Tickets {
    private: Vec<TopicPattern>,
    file: KeyFile,
}

/// The fields of `/status.json` that are needed here.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    ticket_keys: Vec<String>,
}

/// The event of a refusal.
#[derive(Deserialize)]
struct Denied {
    topic: String,
    code: String,
}

impl Tickets {
    /// Returns `None` if the settings have no private topic.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let private = settings.config.options.live.private_topics.clone();
        let file = settings.config.ticket_key_file.clone();
        (!private.is_empty()).then_some(Self { private, file })
    }

    pub(super) fn is_private(&self, topic: &str) -> bool {
        self.private.iter().any(|pattern| pattern.matches(topic))
    }

    /// Returns a private topic, and whether nobody else is subscribed to it. `own` is a topic that nobody else has.
    fn topic(&self, own: &str) -> (String, bool) {
        let mut patterns = self.private.iter().map(ToString::to_string);
        let with_star = patterns.find_map(|text| Some(format!("{}{own}", text.strip_suffix('*')?)));
        match with_star {
            Some(topic) => (topic, true),
            None => (self.private[0].to_string(), false),
        }
    }
}

/// Checks the key file: that it can be read, by nobody else, and that pushd has its keys.
pub(super) async fn check_keys(
    tickets: &Tickets,
    publisher: Option<&Publisher>,
    patience: Duration,
) -> Result<(TicketKeys, String), Fault> {
    let file = &tickets.file;
    let keys = file.read().map_err(|error| {
        Fault::new(
            "ticket-keys",
            error.to_string(),
            "Run this as root, or as a member of the file's group. pushd and the site need to be members, too.",
        )
    })?;
    if is_exposed(file.path()) {
        return Err(Fault::new(
            "ticket-keys-exposed",
            format!("all users of this machine can read {file}, and sign tickets for anybody"),
            format!(
                "Take the permission away. Then replace the key twice, because the first rotation still accepts it, and \
                 restart pushd:\n    chmod o-rwx {file}\n    pusherd ticket rotate {file}\n    pusherd ticket rotate {file}\n    \
                 systemctl restart pushd"
            ),
        ));
    }
    let ids: Vec<String> = keys.ids().map(str::to_owned).collect();
    let Some(publisher) = publisher else {
        return Ok((keys, format!("{file} has the keys {}", ids.join(", "))));
    };
    let Status { ticket_keys } = publish::status(publisher, patience).await?;
    match ticket_keys == ids {
        true => Ok((
            keys,
            format!("pushd has the keys of {file}: {}", ids.join(", ")),
        )),
        false => Err(Fault::new(
            "ticket-keys-differ",
            format!(
                "{file} has the keys {}, and pushd has {}",
                ids.join(", "),
                or_none(&ticket_keys)
            ),
            "pushd reads the file again within 5 s after a change. Its log says why it did not, if so: may the user of pushd \
             read the file? Or does pushd run with other settings?",
        )),
    }
}

fn or_none(ids: &[String]) -> String {
    match ids.is_empty() {
        true => "none".to_owned(),
        false => ids.join(", "),
    }
}

#[cfg(unix)]
fn is_exposed(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(file);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_file: &Path) -> bool {
    false
}

/// Subscribes to a private topic without a ticket, which must fail, and with one in a cookie.
pub(super) struct Round<'a> {
    pub(super) tickets: &'a Tickets,
    pub(super) keys: &'a TicketKeys,
    pub(super) connector: &'a Connector,
    pub(super) publisher: Option<&'a Publisher>,
    /// Time limit of each answer.
    pub(super) patience: Duration,
}

impl Round<'_> {
    /// `session` has no ticket.
    pub(super) async fn check(&self, session: &mut Session) -> Result<((), String), Fault> {
        let (topic, is_own) = self.tickets.topic(&session.own_topic("pushd-doctor"));
        session.subscribe(&topic, None).await.map_err(ended)?;
        let refused = timeout(self.patience, next_denied(session, &topic)).await;
        let code = refused.map_err(|_| not_private(&topic))?.map_err(ended)?;
        if code != TicketFault::Missing.code() {
            return Err(unexpected(&topic, &code));
        }
        let mut with_ticket = self.open_with_ticket(&topic).await?;
        with_ticket.subscribe(&topic, None).await.map_err(ended)?;
        // The answer to the subscription came before the pong.
        if let Some(denied) = next_denied(&mut with_ticket, &topic).now_or_never() {
            return Err(explain_denied(&topic, &denied.map_err(ended)?));
        }
        // A topic that pages have gets no event of ours.
        let checked = match self.publisher.filter(|_| is_own) {
            None => "a page with a ticket may subscribe",
            Some(publisher) => {
                self.publish(publisher, &mut with_ticket, &topic).await?;
                "a page with a ticket gets its events"
            }
        };
        with_ticket.end().await;
        let what = format!("{topic} is refused without a ticket, and {checked}");
        Ok(((), what))
    }

    async fn open_with_ticket(&self, topic: &str) -> Result<Session, Fault> {
        let request = TicketRequest {
            topics: &[topic],
            ttl_s: TTL_S,
            ..TicketRequest::default()
        };
        let ticket = self.keys.sign(&request, now_s());
        let ticket = ticket.map_err(|error| Fault::new("ticket", error.to_string(), ""))?;
        let lost = |what: String| {
            let todo = "A page without a ticket can connect. A rule of the web server for cookies or long headers may refuse \
                        this one.";
            Fault::new("ticket-connection", what, todo)
        };
        let wire = self.connector.connect().await;
        let wire = wire.map_err(|error| lost(error.to_string()))?;
        let cookie = format!("{COOKIE}={ticket}");
        let opening = open_websocket(wire, &self.connector.target, true, Some(&cookie));
        let opened = timeout(self.patience, opening).await;
        let socket = opened.map_err(|_| lost(format!("no answer within {:?}", self.patience)))?;
        let socket = socket.map_err(|refusal| lost(refusal.to_string()))?;
        let begun = Session::begin(socket).await;
        begun.map_err(|error| explain_welcome(&error))
    }

    /// Publishes an event, and waits for it.
    async fn publish(
        &self,
        publisher: &Publisher,
        session: &mut Session,
        topic: &str,
    ) -> Result<(), Fault> {
        let path = utf8_percent_encode(topic, NON_ALPHANUMERIC).to_string();
        let event = json!({"from": "pushd's doctor"}).to_string();
        publish::publish(publisher, &path, event, self.patience).await?;
        let arrived = timeout(self.patience, wait_for_event(session, topic)).await;
        arrived.map_err(|_| no_event(topic))?.map_err(ended)
    }
}

fn ended(end: SessionEnd) -> Fault {
    explain_end("while subscribing to a private topic", &end)
}

/// Waits for the refusal of a topic. Returns the code.
async fn next_denied(session: &mut Session, topic: &str) -> Result<String, SessionEnd> {
    loop {
        let (of, denied) = session.next_event::<Denied>().await?;
        if of == DENIED_TOPIC && denied.topic == topic {
            return Ok(denied.code);
        }
    }
}

fn not_private(topic: &str) -> Fault {
    Fault::new(
        "ticket-not-needed",
        format!(
            "a page without a ticket may subscribe to {topic}, which these settings make private"
        ),
        "The pushd behind the public URL has other settings: was it reloaded after the change (`systemctl reload pushd`)? If \
         there are several machines, each needs private-topics.",
    )
}

fn no_event(topic: &str) -> Fault {
    Fault::new(
        "ticket-no-event",
        format!("a page with a ticket may subscribe to {topic}, and does not get its event"),
        "Does the address for publishers belong to the same pushd as the public URL?",
    )
}

fn unexpected(topic: &str, code: &str) -> Fault {
    let what = format!("{topic} is refused without a ticket, with the code {code}");
    Fault::new(
        "ticket",
        what,
        "A program on the way adds a cookie or a parameter `ticket`.",
    )
}

fn explain_denied(topic: &str, code: &str) -> Fault {
    if code == TicketFault::Missing.code() {
        return Fault::new(
            "ticket-cookie-lost",
            format!("the ticket was lost on the way: pushd got no cookie {COOKIE}"),
            "The web server, or a program before it, removes cookies from requests for this path (nginx: `proxy_set_header \
             Cookie \"\"`; a content delivery network has rules of its own).",
        );
    }
    let reason = TicketFault::parse(code).map_or_else(String::new, |fault| format!(": {fault}"));
    Fault::new(
        "ticket-refused",
        format!("a ticket for {topic} is refused, with the code {code}{reason}"),
        "The pushd behind the public URL has another key file than these settings, or another clock.",
    )
}
