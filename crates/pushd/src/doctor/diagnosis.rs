//! Explains why a WebSocket handshake failed, from the response and from further requests.

use http::StatusCode;
use pusher_proto::{REASON_HEADER, Reason};
use tokio::time::timeout;

use super::fault::Fault;
use super::probe::{self, PROBE_TIMEOUT};
use super::script;
use super::step::{Step, timed_out};
use crate::client::{Answer, Connector, Refusal, Target, open_websocket};

/// Web servers that `pushd setup` knows and that name themselves, each with the command that lists its virtual hosts.
const LISTINGS: [(&str, &str); 3] = [
    ("nginx", "nginx -T"),
    ("apache", "apache2ctl -S"),
    ("caddy", "caddy adapt --config /etc/caddy/Caddyfile"),
];

/// Explains a failed WebSocket handshake.
pub(super) async fn explain(refusal: Refusal, connector: &Connector) -> Fault {
    match refusal {
        Refusal::Silent(timeout) => timed_out(Step::WebSocket, timeout),
        Refusal::Answer(answer) => of_answer(&answer, connector).await,
        Refusal::NoSubprotocol => Fault::new(
            "subprotocol-lost",
            "the WebSocket opens without the subprotocol wamp, and browsers close it at once",
            "Either a program on the way removes the header Sec-WebSocket-Protocol from the response, or another \
             WebSocket server than pushd answers. Does the web server pass the path on to the address that pushd \
             listens on?",
        ),
        Refusal::NotWebSocket(what) => {
            not_websocket(format!("the response does not open a WebSocket: {what}"))
        }
        Refusal::SpokeFirst => of_greeting(connector).await,
        Refusal::Closed(what) => of_end(what, connector).await,
    }
}

fn not_websocket(what: String) -> Fault {
    Fault::new(
        "not-websocket",
        what,
        "Either the program that answers is not a web server, or it speaks HTTP/2 only, or a proxy changes \
             pushd's responses. Check the programs between browser and pushd, such as a cache.",
    )
}

/// Connects again and reads the bytes that the server sends before a request.
async fn of_greeting(connector: &Connector) -> Fault {
    let greeting = probe::greeting(connector).await;
    of_full(&greeting).unwrap_or_else(|| {
        let line = greeting.lines().next().unwrap_or_default();
        not_websocket(format!(
            "the server sent something before the request: {line}"
        ))
    })
}

/// Recognises the message of a full pushd, which sends it at once and without TLS.
pub(super) fn of_full(greeting: &str) -> Option<Fault> {
    let reason = format!("{REASON_HEADER}: {}", Reason::ConnectionsMax.name());
    let is_full = greeting.contains(&reason);
    is_full.then(|| full("pushd accepts no further browser".to_owned()))
}

async fn of_end(what: String, connector: &Connector) -> Fault {
    if !connector.target.tls && probe::speaks_tls(connector).await {
        return needs_tls(what, connector);
    }
    // A full pushd sends its message before the request and closes the connection.
    if let Some(full) = of_full(&probe::greeting(connector).await) {
        return full;
    }
    Fault::new(
        "closed",
        what,
        "The web server accepts connections and closes them at a WebSocket handshake: its error log says why. \
             Does a firewall inspect connections?",
    )
}

async fn of_answer(answer: &Answer, connector: &Connector) -> Fault {
    let status = answer.status;
    if status.is_redirection() {
        return redirected(answer, connector);
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            return Fault::new(
                "password",
                answer.summary(),
                "The site requires a password, which not every browser sends with a WebSocket. Exempt the path \
             (Apache: `Require all granted` in its <Location>; nginx: `auth_basic off;` in its location).",
            );
        }
        StatusCode::FORBIDDEN => return forbidden(answer, connector).await,
        StatusCode::TOO_MANY_REQUESTS => return too_many(answer),
        StatusCode::SERVICE_UNAVAILABLE if answer.reason == Some(Reason::ConnectionsMax) => {
            return full(answer.summary());
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            return no_backend(answer, connector);
        }
        _ => {}
    }
    if answer.reason == Some(Reason::Subprotocol) {
        return Fault::new(
            "subprotocol-lost",
            answer.summary(),
            "The request reached pushd without the header Sec-WebSocket-Protocol. The web server, or a program \
             before it, removes that header from requests. Let it pass.",
        );
    }
    if answer.is_from_publish_listener {
        return Fault::new(
            "publish-port",
            answer.summary(),
            "This is the port for publishers (--publish-listen, 5555 by default). Use the port for browsers (--listen, 8080 by \
             default), or the site's URL. If this is the site's URL, correct the port in the web server's configuration.",
        );
    }
    let is_bad_request = status == StatusCode::BAD_REQUEST;
    if is_bad_request
        && answer.text.is_none()
        && !connector.target.tls
        && probe::speaks_tls(connector).await
    {
        return needs_tls(answer.summary(), connector);
    }
    if status == StatusCode::INTERNAL_SERVER_ERROR && answer.is_from("apache") {
        return Fault::new(
            "module-missing",
            answer.summary(),
            "Apache lacks a module that its ProxyPass needs: run `a2enmod proxy proxy_http`, then `systemctl \
             restart apache2`. Its error log names the module (No protocol handler was valid).",
        );
    }
    if answer.reason.is_some_and(is_upgrade_lost) {
        return upgrade_lost(answer);
    }
    if status.is_server_error() {
        return Fault::new(
            "server-error",
            answer.summary(),
            "The web server, or a content delivery network before it, fails before the request reaches pushd. The \
             web server's error log, or the network's page about this status code, says why.",
        );
    }
    if script::is_served(connector).await {
        return upgrade_lost(answer);
    }
    not_passed_on(answer, connector)
}

fn redirected(answer: &Answer, connector: &Connector) -> Fault {
    let to = answer.location.as_deref().unwrap_or("no URL");
    let todo = if to.starts_with("https:") && !connector.target.tls {
        "Browsers do not follow redirects of a WebSocket. Pages with https load pusher.js by https, which \
             then connects with wss: try the address with https."
    } else {
        "Browsers do not follow redirects of a WebSocket. Use the target of the redirect in the page, or \
             exempt the path."
    };
    Fault::new("redirected", format!("{}, to {to}", answer.summary()), todo)
}

/// Tries again without the Origin header. If that works, pushd refused the page; if not, the web server refuses everything.
async fn forbidden(answer: &Answer, connector: &Connector) -> Fault {
    let without = timeout(PROBE_TIMEOUT, async {
        let wire = connector.connect().await.ok()?;
        open_websocket(wire, &connector.target, false, None)
            .await
            .ok()
    });
    if let Ok(Some(_)) = without.await {
        let (origin, host) = (&connector.target.origin, connector.target.authority());
        let what = format!("pages of {origin} are refused ({})", answer.summary());
        if answer.reason == Some(Reason::PublicHost) {
            let todo = "Is that a name of the site? Then add it to public-host in pushd's configuration. If it is not a name \
             that visitors use, the web server changes the header Host (Apache: `ProxyPreserveHost On`; nginx: \
             `proxy_set_header Host $http_host;`; Caddy and HAProxy keep it unless a line changes it).";
            return Fault::new("origin-refused", what, todo);
        }
        let todo = format!(
            "pushd accepts pages of the host that they connect to. If that is {host}, the web server changes the \
             header Host (Apache: `ProxyPreserveHost On`; nginx: `proxy_set_header Host $http_host;`). Pages of \
             another host need allow-origin in pushd's configuration."
        );
        return Fault::new("origin-refused", what, todo);
    }
    Fault::new(
        "forbidden",
        answer.summary(),
        "The web server that refuses the request has a rule for this path or this client (Require, deny, a \
             web application firewall). Its error log names the rule.",
    )
}

fn full(what: String) -> Fault {
    Fault::new(
        "full",
        what,
        "pushd has reached its limit of browsers. Raise its limit of open files (systemd: LimitNOFILE), and \
             connections-max if it is set.",
    )
}

/// Explains 429: either pushd limits connections per address, or a server in front of pushd limits requests.
fn too_many(answer: &Answer) -> Fault {
    let todo = if answer.reason == Some(Reason::ConnectionsPerAddressMax) {
        "pushd limits the browsers of one address. If the address is a proxy's, set trust-proxy in pushd's \
             configuration, so that pushd counts the visitors' addresses. If many people share the address, raise \
             connections-per-address-max."
    } else {
        "The web server, or a program before it, limits the requests of this address: check its limits \
             (nginx: limit_req, limit_conn; a content delivery network has rules of its own)."
    };
    Fault::new("too-many", answer.summary(), todo)
}

fn no_backend(answer: &Answer, connector: &Connector) -> Fault {
    let todo = format!(
        "The web server passes the path on and gets no answer: is pushd running, and does it listen on the \
             address that the web server uses? The error log of {} names that address; `pusherd setup` prints the \
             right one.",
        answer.server
    );
    Fault::new(
        "backend-down",
        format!("{} at {}", answer.summary(), connector.address),
        todo,
    )
}

fn needs_tls(what: String, connector: &Connector) -> Fault {
    let secure = Target {
        tls: true,
        ..connector.target.clone()
    };
    let todo = format!("The port speaks TLS: use {}.", secure.url());
    Fault::new("needs-tls", what, todo)
}

/// Returns whether pushd refused a request because its Upgrade headers were lost on the way.
fn is_upgrade_lost(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::UpgradeMissing | Reason::NotWebSocket | Reason::HttpVersion
    )
}

fn upgrade_lost(answer: &Answer) -> Fault {
    let nginx = "nginx passes it on only if the path's location says so:\n    proxy_http_version 1.1;\n    \
                 proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n`pusherd setup nginx` \
                 prints the whole location.";
    let apache = "Apache passes it on only with `upgrade=websocket` after the address in ProxyPass (2.4.47 or newer).\n\
                  `pusherd setup apache` prints the whole section.";
    let todo = if answer.is_from("nginx") {
        nginx.to_owned()
    } else if answer.is_from("apache") {
        apache.to_owned()
    } else {
        format!(
            "{nginx}\n{apache}\nA proxy or content delivery network before them has an option for WebSockets."
        )
    };
    let what = format!(
        "the request reached pushd, but its header Upgrade was lost on the way: {}",
        answer.summary()
    );
    Fault::new("upgrade-lost", what, todo)
}

fn not_passed_on(answer: &Answer, connector: &Connector) -> Fault {
    let (host, path) = (&connector.target.host, &connector.target.path);
    let known = LISTINGS.iter().find(|(server, _)| answer.is_from(server));
    let section = match known {
        Some((server, listing)) => format!(
            "`pusherd setup {server}` prints (`{listing}` lists the virtual hosts; http and https have separate ones)"
        ),
        None => "`pusherd setup` prints for nginx, apache, caddy or haproxy (http and https have separate virtual hosts)"
            .to_owned(),
    };
    let todo = format!(
        "The web server does not pass {path} on to pushd. Does the virtual host for {host} on port {} contain \
             the section that {section}? Was the web server reloaded since?",
        connector.target.port
    );
    Fault::new(
        "not-proxied",
        format!("{}, which answers itself", answer.summary()),
        todo,
    )
}
