//! Parses a public URL.

use http::Uri;
use pusher_proto::wamp::Subprotocol;

use super::ca_certificate::CaCertificates;

/// Client scripts. A URL may end with one of them.
const CLIENT_FILES: [&str; 2] = ["pusher.js", "autobahn.js"];

/// The parts of a public URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The scheme is wss or https.
    pub(crate) tls: bool,
    /// A name or an IP address. IPv6 addresses have no brackets here.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query of the WebSocket URL.
    pub(crate) path: String,
    /// The Origin header of a page that connects.
    pub(crate) origin: String,
    /// The subprotocols that the client offers, the preferred one first.
    pub(crate) offer: &'static [Subprotocol],
    /// Certificates to trust besides those of this machine's issuers.
    pub(crate) trusted: CaCertificates,
}

/// The offer of a client that only speaks WAMP v1.
pub(crate) const WAMP: &[Subprotocol] = &[Subprotocol::Wamp];

/// The offer of a client that recovers what it missed, if the server can.
pub(crate) const WITH_RECOVERY: &[Subprotocol] = &[Subprotocol::Pushd1, Subprotocol::Wamp];

/// Why a text is not a public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("{url:?} is not a URL such as https://site.example/push: {reason}")]
    Url { url: String, reason: String },
    #[error("the path {0:?} must begin with /, as in /push")]
    Path(String),
    #[error("{0:?} is not an origin such as https://site.example")]
    Origin(String),
}

impl Target {
    /// Parses the URL of a WebSocket (ws, wss), of the folder that contains pusher.js (http, https), or, with `path`,
    /// of any page of the site. The origin is that of the URL unless `origin` is given.
    pub(crate) fn parse(
        url: &str,
        path: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Self, TargetError> {
        let (tls, is_page) = match url.split_once("://") {
            Some(("ws", _)) => (false, false),
            Some(("wss", _)) => (true, false),
            Some(("http", _)) => (false, true),
            Some(("https", _)) => (true, true),
            _ => {
                return Err(not_a_url(url, "it must begin with https, http, wss or ws"));
            }
        };
        let uri: Uri = url.parse().map_err(|error| not_a_url(url, error))?;
        let host = uri.host().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let Some(port) = authority.strip_prefix(host).filter(|_| !host.is_empty()) else {
            return Err(not_a_url(
                url,
                "it needs a host and must not contain a user",
            ));
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port
                .parse()
                .map_err(|_| not_a_url(url, "its port is not a number up to 65535"))?,
            None if tls => 443,
            None => 80,
        };
        let path = match path {
            Some(path) if !path.starts_with('/') => {
                return Err(TargetError::Path(path.to_owned()));
            }
            Some(path) => folder(path),
            None if is_page => folder(uri.path_and_query().map_or("/", |path| path.as_str())),
            None => uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        };
        let mut target = Self {
            tls,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            path,
            origin: String::new(),
            offer: WAMP,
            trusted: CaCertificates::default(),
        };
        target.origin = match origin {
            Some(origin) => check_origin(origin)?,
            None => format!("{}://{}", target.scheme("http"), target.authority()),
        };
        Ok(target)
    }

    /// Returns host and port as in a Host header: without the scheme's default port.
    pub(crate) fn authority(&self) -> String {
        let (host, port) = (self.shown_host(), self.port);
        let default_port = if self.tls { 443 } else { 80 };
        if port == default_port {
            host
        } else {
            format!("{host}:{port}")
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme("ws"), self.authority(), self.path)
    }

    /// Returns the path of the client script that connects to this target without an argument.
    pub(crate) fn script_path(&self) -> String {
        format!("{}pusher.js", self.folder())
    }

    pub(crate) fn script_url(&self) -> String {
        self.http_url(&self.script_path())
    }

    /// Returns path and query of the event stream of a topic. The topic must be free of characters that a URL escapes.
    pub(crate) fn stream_path(&self, topic: &str) -> String {
        format!("{}events?topic={topic}", self.folder())
    }

    /// Returns the URL of event streams, without a topic.
    pub(crate) fn stream_url(&self) -> String {
        self.http_url(&format!("{}events", self.folder()))
    }

    fn folder(&self) -> String {
        folder(self.path.split('?').next().unwrap_or_default())
    }

    fn http_url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme("http"), self.authority())
    }

    fn scheme(&self, plain: &str) -> String {
        let secure = if self.tls { "s" } else { "" };
        format!("{plain}{secure}")
    }

    fn shown_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

fn not_a_url(url: &str, reason: impl std::fmt::Display) -> TargetError {
    TargetError::Url {
        url: url.to_owned(),
        reason: reason.to_string(),
    }
}

/// Returns the folder of a script's path, as `new Pusher()` computes it.
fn folder(path: &str) -> String {
    let (start, file) = path.rsplit_once('/').unwrap_or(("", path));
    if CLIENT_FILES.contains(&file) || file.is_empty() {
        format!("{start}/")
    } else if file.contains('?') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}

fn check_origin(origin: &str) -> Result<String, TargetError> {
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains('/')
    });
    let is_header = origin.bytes().all(|byte| byte.is_ascii_graphic());
    if is_origin && is_header {
        Ok(origin.to_owned())
    } else {
        Err(TargetError::Origin(origin.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(url: &str, path: Option<&str>) -> (String, String, String) {
        let target = Target::parse(url, path, None).unwrap();
        (target.url(), target.script_url(), target.origin)
    }

    #[test]
    fn each_form_of_url_gives_the_websocket_url_of_a_page() {
        for (url, path, websocket, script, origin) in [
            (
                "https://s.example/push",
                None,
                "wss://s.example/push/",
                "https://s.example/push/pusher.js",
                "https://s.example",
            ),
            (
                "https://s.example/push/",
                None,
                "wss://s.example/push/",
                "https://s.example/push/pusher.js",
                "https://s.example",
            ),
            (
                "https://s.example:443/p/pusher.js",
                None,
                "wss://s.example/p/",
                "https://s.example/p/pusher.js",
                "https://s.example",
            ),
            (
                "wss://s.example/push",
                None,
                "wss://s.example/push",
                "https://s.example/push/pusher.js",
                "https://s.example",
            ),
            (
                "ws://s.example:8080",
                None,
                "ws://s.example:8080/",
                "http://s.example:8080/pusher.js",
                "http://s.example:8080",
            ),
            (
                "ws://s.example/a/?x=1",
                None,
                "ws://s.example/a/?x=1",
                "http://s.example/a/pusher.js",
                "http://s.example",
            ),
            (
                "http://[::1]:80",
                None,
                "ws://[::1]/",
                "http://[::1]/pusher.js",
                "http://[::1]",
            ),
            (
                "https://s.example/kittens.php?id=3",
                Some("/push"),
                "wss://s.example/push/",
                "https://s.example/push/pusher.js",
                "https://s.example",
            ),
        ] {
            let expected = (websocket.to_owned(), script.to_owned(), origin.to_owned());
            assert_eq!(parse(url, path), expected, "{url}");
        }
        let ipv6 = Target::parse("ws://[::1]:8080/", None, None).unwrap();
        assert_eq!((ipv6.host.as_str(), ipv6.port), ("::1", 8080));
    }

    #[test]
    fn invalid_url_is_refused_with_its_reason() {
        for (url, path, origin, part) in [
            ("site.example/push", None, None, "begin with"),
            ("ftp://site.example/", None, None, "begin with"),
            ("https://", None, None, "https://"),
            (
                "https://me:secret@site.example/",
                None,
                None,
                "must not contain a user",
            ),
            ("https://site.example:99999/", None, None, "port"),
            ("https://bücher.example/", None, None, "bücher"),
            ("https://s.example/", Some("push"), None, "begin with /"),
            ("https://s.example/", None, Some("s.example"), "origin"),
            (
                "https://s.example/",
                None,
                Some("https://s.example/page"),
                "origin",
            ),
            ("https://s.example/", None, Some("https://a\r\nb"), "origin"),
        ] {
            let error = Target::parse(url, path, origin).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
