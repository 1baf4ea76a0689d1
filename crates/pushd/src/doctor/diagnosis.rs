//! Why there is no WebSocket: from the answer, and from what else is tried then.

use http::StatusCode;
use tokio::time::timeout;

use super::dial::{PROBE_TIMEOUT, Route};
use super::handshake::{self, Answer, Refusal};
use super::report::Fault;
use super::script;

/// Out of pushd's answers to requests that have lost what makes them a WebSocket's. That there is a line of
/// text says nothing: many a proxy writes one too.
const SAYS_UPGRADE_LOST: [&str; 6] = [
    "the header `Upgrade: websocket` is missing",
    "the header `Connection: Upgrade` is missing",
    "a WebSocket needs HTTP/1.1",
    "only HTTP/1.1 is spoken here",
    "this is a WebSocket server, subprotocol wamp",
    "there is pusher.js",
];
/// And out of those to browsers for which there is no place.
const SAYS_FULL: &str = "browsers are connected already";
const SAYS_ADDRESS_FULL: &str = "connections already; if it is a proxy's";
/// And to pages, where the operator has said what the server is called.
const SAYS_OTHER_NAME: &str = "which is none of its names";

/// What a browser is refused for, and what to do.
pub(super) async fn of(refusal: Refusal, route: &Route) -> Fault {
    match refusal {
        Refusal::Answer(answer) => of_answer(&answer, route).await,
        Refusal::NoSubprotocol => Fault::new(
            "subprotocol-lost",
            "the WebSocket opens without the subprotocol wamp: browsers close it at once",
            "Something on the way removes the header Sec-WebSocket-Protocol from the answer, or another WebSocket server \
             than pushd answers: does the web server pass the path on to the address that pushd listens on?",
        ),
        Refusal::NotWebSocket(what) => {
            not_websocket(format!("the answer opens no WebSocket: {what}"))
        }
        Refusal::SpokeFirst => of_greeting(route).await,
        Refusal::Closed(what) => of_end(what, route).await,
    }
}

fn not_websocket(what: String) -> Fault {
    Fault::new(
        "not-websocket",
        what,
        "Something answers that is no web server, or speaks HTTP/2 only, or a proxy on the way changes what pushd \
         answers: look at what is between browser and pushd, a cache for instance.",
    )
}

/// Listens again, to who speaks before there is a request.
async fn of_greeting(route: &Route) -> Fault {
    let greeting = route.greeting().await;
    of_full(&greeting).unwrap_or_else(|| {
        let line = greeting.lines().next().unwrap_or_default();
        not_websocket(format!("it speaks before it is asked: {line}"))
    })
}

/// A pushd that is full says so at once, and without TLS.
pub(super) fn of_full(greeting: &str) -> Option<Fault> {
    let is_full = greeting.contains(SAYS_FULL);
    is_full.then(|| full("pushd has no place for one more browser".to_owned()))
}

async fn of_end(what: String, route: &Route) -> Fault {
    if !route.target.tls && route.speaks_tls().await {
        return needs_tls(what, route);
    }
    // Its answer came before the request, and the connection's end with it.
    if let Some(full) = of_full(&route.greeting().await) {
        return full;
    }
    Fault::new(
        "closed",
        what,
        "The web server takes connections and hangs up on a WebSocket: its error log says more. Is there a firewall that \
         looks into connections?",
    )
}

async fn of_answer(answer: &Answer, route: &Route) -> Fault {
    let status = answer.status;
    if status.is_redirection() {
        return redirected(answer, route);
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return Fault::new(
                "password",
                answer.shown(),
                "The site asks for a password, which not every browser sends with a WebSocket: let the path in without one \
                 (Apache: `Require all granted` in its <Location>; nginx: `auth_basic off;` in its location).",
            );
        }
        StatusCode::FORBIDDEN => return forbidden(answer, route).await,
        StatusCode::TOO_MANY_REQUESTS => return too_many(answer),
        StatusCode::SERVICE_UNAVAILABLE if answer.says(SAYS_FULL) => return full(answer.shown()),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            return no_backend(answer, route);
        }
        _ => {}
    }
    if answer.says_wamp {
        return Fault::new(
            "subprotocol-lost",
            answer.shown(),
            "pushd is there, and has got no Sec-WebSocket-Protocol: the web server, or something before it, removes that \
             header from requests. Let it pass.",
        );
    }
    let is_bad_request = status == StatusCode::BAD_REQUEST;
    if is_bad_request && answer.text.is_none() && !route.target.tls && route.speaks_tls().await {
        return needs_tls(answer.shown(), route);
    }
    if status == StatusCode::INTERNAL_SERVER_ERROR && answer.is_from("apache") {
        return Fault::new(
            "module-missing",
            answer.shown(),
            "Apache lacks a module for what its ProxyPass says: `a2enmod proxy proxy_http`, then `systemctl restart \
             apache2`. Its error log names it (No protocol handler was valid).",
        );
    }
    if SAYS_UPGRADE_LOST.iter().any(|part| answer.says(part)) {
        return upgrade_lost(answer);
    }
    if status.is_server_error() {
        return Fault::new(
            "server-error",
            answer.shown(),
            "The web server, or a delivery network before it, fails before the request reaches pushd: its error log, or the \
             network's page about this number, says why.",
        );
    }
    if script::is_served(route).await {
        return upgrade_lost(answer);
    }
    not_passed_on(answer, route)
}

fn redirected(answer: &Answer, route: &Route) -> Fault {
    let to = answer.location.as_deref().unwrap_or("nowhere");
    let todo = if to.starts_with("https:") && !route.target.tls {
        "Browsers follow no redirect of a WebSocket. Pages that come by https load pusher.js by https and then connect \
         with wss by themselves: try the address with https."
    } else {
        "Browsers follow no redirect of a WebSocket: use the address that it leads to in the page, or exempt the path."
    };
    Fault::new("redirected", format!("{}, to {to}", answer.shown()), todo)
}

/// Asks again without the origin: does pushd refuse the page, or the web server everybody?
async fn forbidden(answer: &Answer, route: &Route) -> Fault {
    let without = timeout(PROBE_TIMEOUT, async {
        let wire = route.connect().await.ok()?;
        handshake::open(wire, &route.target, false).await.ok()
    });
    if let Ok(Some(_)) = without.await {
        let (origin, host) = (&route.target.origin, route.target.authority());
        let what = format!("pages of {origin} are refused ({})", answer.shown());
        if answer.says(SAYS_OTHER_NAME) {
            let todo = "Is that a name of yours? Then add it to public-host in pushd's configuration. If it is none that \
                        visitors use, the web server changes the header Host (Apache: `ProxyPreserveHost On`; nginx: \
                        `proxy_set_header Host $http_host;`).";
            return Fault::new("origin-refused", what, todo);
        }
        let todo = format!(
            "pushd takes pages of the host that they connect to. If that is {host}, the web server changes the header \
             Host (Apache: `ProxyPreserveHost On`; nginx: `proxy_set_header Host $http_host;`). Pages of another host \
             need to be allowed: allow-origin in pushd's configuration."
        );
        return Fault::new("origin-refused", what, todo);
    }
    Fault::new(
        "forbidden",
        answer.shown(),
        "It is the web server that refuses: a rule for this path or this client (Require, deny, a web application \
         firewall). Its error log says which.",
    )
}

fn full(what: String) -> Fault {
    Fault::new(
        "full",
        what,
        "pushd has as many browsers as it may have: raise its limit of open files (systemd: LimitNOFILE), and \
         connections-max if it was set.",
    )
}

/// By pushd, which counts the connections of an address, or by what is before it.
fn too_many(answer: &Answer) -> Fault {
    let todo = if answer.says(SAYS_ADDRESS_FULL) {
        "pushd takes only so many browsers from one address. If it is a proxy's, trust-proxy in pushd's configuration tells \
         its visitors apart; if many people share it, raise connections-per-address-max."
    } else {
        "It is the web server, or something before it, that takes no more requests from this address for now: look for its \
         limits (nginx: limit_req, limit_conn; a delivery network has rules of its own)."
    };
    Fault::new("too-many", answer.shown(), todo)
}

fn no_backend(answer: &Answer, route: &Route) -> Fault {
    let todo = format!(
        "The web server passes the path on, and nobody answers it: is pushd running, and is it where the web server \
         looks for it? The error log of {} names the address; `pusherd setup` prints the right one.",
        answer.server
    );
    Fault::new(
        "backend-down",
        format!("{} at {}", answer.shown(), route.address),
        todo,
    )
}

fn needs_tls(what: String, route: &Route) -> Fault {
    let secure = super::target::Target {
        tls: true,
        ..route.target.clone()
    };
    let todo = format!("The port speaks TLS: use {}.", secure.url());
    Fault::new("needs-tls", what, todo)
}

fn upgrade_lost(answer: &Answer) -> Fault {
    let nginx = "nginx passes it on only when told to, in the path's location:\n    proxy_http_version 1.1;\n    \
                 proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n`pusherd setup nginx` \
                 prints the whole location.";
    let apache = "Apache passes it on only with `upgrade=websocket` behind the address of ProxyPass (2.4.47 or newer).\n\
                  `pusherd setup apache` prints the whole section.";
    let todo = if answer.is_from("nginx") {
        nginx.to_owned()
    } else if answer.is_from("apache") {
        apache.to_owned()
    } else {
        format!(
            "{nginx}\n{apache}\nA proxy or content delivery network before them has a switch for WebSockets."
        )
    };
    let what = format!(
        "pushd is there, but the wish for a WebSocket (Upgrade) got lost on the way: {}",
        answer.shown()
    );
    Fault::new("upgrade-lost", what, todo)
}

fn not_passed_on(answer: &Answer, route: &Route) -> Fault {
    let (host, path) = (&route.target.host, &route.target.path);
    let program = if answer.is_from("apache") {
        "apache"
    } else {
        "nginx"
    };
    let listed = if answer.is_from("apache") {
        "apache2ctl -S"
    } else {
        "nginx -T"
    };
    let todo = format!(
        "The web server does not pass {path} on to pushd. Is the section that `pusherd setup {program}` prints in the \
         virtual host that answers for {host} on port {} (`{listed}` lists them; http and https are two), and has the \
         web server been reloaded since?",
        route.target.port
    );
    Fault::new(
        "not-proxied",
        format!("{}, which answers by itself", answer.shown()),
        todo,
    )
}
