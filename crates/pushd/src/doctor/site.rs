//! The site that signs tickets: its clock, and whether its cookie reaches pushd.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, DATE, HOST};
use http_body_util::Full;
use pusher_proto::limits::TICKET_LEEWAY_S;

use super::fault::Fault;
use crate::client::{self, Connector, Target, TargetError, dial, look_up, with_causes};

/// A page of the site.
pub(super) struct Site {
    target: Target,
}

impl Site {
    /// Returns the page at `url`, or the start page of the origin of the pages that connect.
    pub(super) fn new(url: Option<&str>, push: &Target) -> Result<Self, TargetError> {
        let target = Target {
            trusted: push.trusted.clone(),
            ..Target::parse(url.unwrap_or(&push.origin), None, None)?
        };
        Ok(Self { target })
    }
}

/// Compares the clock of the site's web server with that of this machine.
pub(super) async fn check_clock(site: &Site, timeout: Duration) -> Result<((), String), Fault> {
    let host = &site.target.host;
    let date = match date_of(&site.target, timeout).await {
        Ok(Some(date)) => date,
        Ok(None) => return Err(unknown(host, "its answer has no header Date")),
        Err(reason) => return Err(unknown(host, &reason)),
    };
    let now = SystemTime::now();
    let (differs, how) = match date.duration_since(now) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    match differs.as_secs() {
        0..TICKET_LEEWAY_S => {
            let what = format!(
                "the clock of {host} agrees with this machine's to {} s",
                differs.as_secs()
            );
            Ok(((), what))
        }
        seconds => Err(Fault::new(
            "site-clock",
            format!("the clock of {host} is {seconds} s {how} this machine's"),
            format!(
                "pushd allows {TICKET_LEEWAY_S} s: tickets are refused as ticket_not_yet_valid, or end too early. Let both \
                 machines synchronize their clocks (`timedatectl`)."
            ),
        )),
    }
}

/// Checks that a browser sends a cookie of the site with the handshake.
pub(super) fn check_cookie(site: &Site, push: &Target) -> Result<((), String), Fault> {
    let (of_site, of_push) = (&site.target.host, &push.host);
    if of_site == of_push {
        return Ok(((), format!("a cookie of {of_site} reaches pushd")));
    }
    let parent = common_parent(of_site, of_push);
    let todo = match parent {
        Some(parent) => format!(
            "Set the cookie for both hosts, with `Domain={parent}`: every host below {parent} then gets it, too. Or give pages \
             the ticket: new Pusher(url, {{ticket: ...}})."
        ),
        None => {
            "A cookie cannot be for both. Give pages the ticket: new Pusher(url, {ticket: ...})."
                .to_owned()
        }
    };
    let what = format!("a cookie of {of_site} does not reach pushd at {of_push} by itself");
    Err(Fault::new("ticket-cookie", what, todo))
}

/// Returns the longest domain of which both hosts are a part. One label is no domain that a cookie may have.
fn common_parent<'a>(one: &'a str, other: &str) -> Option<&'a str> {
    let is_name = |host: &str| host.parse::<std::net::IpAddr>().is_err();
    let is_within = |host: &str, domain: &str| {
        let start = host.strip_suffix(domain);
        start.is_some_and(|start| start.is_empty() || start.ends_with('.'))
    };
    let mut domain = one;
    while is_name(one) && domain.contains('.') {
        if is_within(other, domain) {
            return Some(domain);
        }
        domain = domain.split_once('.')?.1;
    }
    None
}

/// Returns the time in the answer of a web server.
async fn date_of(target: &Target, timeout: Duration) -> Result<Option<SystemTime>, String> {
    let addresses = look_up(target).await.map_err(|error| error.to_string())?;
    let dialled = dial(addresses, timeout).await;
    let dialled = dialled.map_err(|error| error.to_string())?;
    let connector = Connector::new(target.clone(), dialled.address);
    let connector = connector.map_err(|error| error.to_string())?;
    let encrypted = connector.encrypt(dialled.stream).await;
    let encrypted = encrypted.map_err(|error| with_causes(&error))?;
    let request = Request::get(&target.path)
        .header(HOST, target.authority())
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::new()))
        .map_err(|error| error.to_string())?;
    let head = client::ask_head(encrypted.wire, request).await;
    let head = head.map_err(|error| with_causes(&error))?;
    let date = head.headers.get(DATE).and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| httpdate::parse_http_date(date).ok()))
}

fn unknown(host: &str, reason: &str) -> Fault {
    Fault::new(
        "site-unknown",
        format!("the clock of {host} is not known: {reason}"),
        "It was not compared with this machine's: --site names another page of the web server that signs tickets.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url, None, None).unwrap()
    }

    #[test]
    fn cookie_reaches_its_own_host_only() {
        for (site, push, code, part) in [
            (
                "https://site.example/",
                "wss://site.example/push",
                "",
                "reaches",
            ),
            (
                "https://site.example/",
                "wss://site.example:8443/",
                "",
                "reaches",
            ),
            (
                "https://www.site.example/",
                "wss://push.site.example/",
                "ticket-cookie",
                "Domain=site.example",
            ),
            (
                "https://site.example/",
                "wss://push.site.example/",
                "ticket-cookie",
                "Domain=site.example",
            ),
            (
                "https://site.example/",
                "wss://push.other/",
                "ticket-cookie",
                "cannot be for both",
            ),
            (
                "https://site.example/",
                "wss://badsite.example/",
                "ticket-cookie",
                "cannot be for both",
            ),
            (
                "http://10.0.0.1/",
                "ws://10.1.0.1/",
                "ticket-cookie",
                "cannot be for both",
            ),
        ] {
            let push_target = target(push);
            let site = Site::new(Some(site), &push_target).unwrap();
            let (found, text) = match check_cookie(&site, &push_target) {
                Ok(((), what)) => ("", what),
                Err(fault) => (fault.code, fault.todo),
            };
            assert_eq!(found, code, "{push}");
            assert!(text.contains(part), "{push}: {text}");
        }
    }
}
