//! Where to connect to, from what a page or its author says.

use http::Uri;

/// The files of the client, of which one may stand at the end of an address.
const CLIENT_FILES: [&str; 2] = ["pusher.js", "autobahn.js"];

/// A public address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Whether it begins with wss or https.
    pub(super) tls: bool,
    /// A name or an IP address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query of the WebSocket.
    pub(super) path: String,
    /// The page's origin, as a browser says it.
    pub(super) origin: String,
}

impl Target {
    /// Of a WebSocket's address (ws, wss), of the folder that has pusher.js (http, https), or of
    /// any page (http, https) with the folder's `path`. The page's origin is the address' own
    /// unless there is another.
    pub(super) fn parse(
        url: &str,
        path: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Self, String> {
        let (tls, is_page) = match url.split_once("://") {
            Some(("ws", _)) => (false, false),
            Some(("wss", _)) => (true, false),
            Some(("http", _)) => (false, true),
            Some(("https", _)) => (true, true),
            _ => {
                return Err(no_address(url, "it must begin with https, http, wss or ws"));
            }
        };
        let uri: Uri = url.parse().map_err(|error| no_address(url, error))?;
        let host = uri.host().unwrap_or_default();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let Some(port) = authority.strip_prefix(host).filter(|_| !host.is_empty()) else {
            return Err(no_address(url, "it needs a host, and no user"));
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port
                .parse()
                .map_err(|_| no_address(url, "its port is wrong"))?,
            None if tls => 443,
            None => 80,
        };
        let path = match path {
            Some(path) if !path.starts_with('/') => {
                return Err(format!("the path {path:?} must begin with /, as in /push"));
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
        };
        target.origin = match origin {
            Some(origin) => check_origin(origin)?,
            None => format!("{}://{}", target.scheme("http"), target.authority()),
        };
        Ok(target)
    }

    /// Host and port as in a Host header: without the port if it goes without saying.
    pub(super) fn authority(&self) -> String {
        let (host, port) = (self.shown_host(), self.port);
        let default_port = if self.tls { 443 } else { 80 };
        if port == default_port {
            host
        } else {
            format!("{host}:{port}")
        }
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme("ws"), self.authority(), self.path)
    }

    /// Where the client script is that connects to this address by itself.
    pub(super) fn script_path(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{}pusher.js", folder(path))
    }

    pub(super) fn script_url(&self) -> String {
        let path = self.script_path();
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

fn no_address(url: &str, reason: impl std::fmt::Display) -> String {
    format!("{url:?} is no address such as https://site.example/push: {reason}")
}

/// What `new Pusher()` makes of its script's address.
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

fn check_origin(origin: &str) -> Result<String, String> {
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains('/')
    });
    let is_header = origin.bytes().all(|byte| byte.is_ascii_graphic());
    if is_origin && is_header {
        Ok(origin.to_owned())
    } else {
        Err(format!(
            "{origin:?} is no origin such as https://site.example"
        ))
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
    fn every_form_leads_to_the_websocket_that_a_page_would_open() {
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
    fn what_is_no_address_is_told_why() {
        for (url, path, origin, part) in [
            ("site.example/push", None, None, "begin with"),
            ("ftp://site.example/", None, None, "begin with"),
            ("https://", None, None, "https://"),
            ("https://me:secret@site.example/", None, None, "no user"),
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
            let error = Target::parse(url, path, origin).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
