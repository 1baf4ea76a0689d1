//! A browser's HTTP request.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use crate::config::forwarded_hosts;

/// The HTTP request of a browser's handshake. Applications use it to accept or refuse the browser.
pub struct Request {
    /// The bytes of the request line and the headers. The ranges below are parts of it.
    pub(crate) head: Vec<u8>,
    pub(crate) method: Range<usize>,
    /// Path and query.
    pub(crate) target: Range<usize>,
    /// The host of a target in absolute form (`http://host/path`).
    pub(crate) target_host: Option<Range<usize>>,
    pub(crate) is_http_11: bool,
    pub(crate) headers: Vec<Header>,
    pub(crate) peer: SocketAddr,
    /// Whether a trusted proxy forwarded the request.
    pub(crate) is_by_proxy: bool,
}

/// The position of a header in the head of a request.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Without query and headers, where tickets and cookies are.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        let target = self.text(&self.target);
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// Returns the text behind the `?` of the target, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        let target = self.text(&self.target);
        target.split_once('?').map(|(_, query)| query)
    }

    /// Returns the first value of this header that is UTF-8. The case of `name` does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Returns the address of the client: the peer's, or the one that a trusted proxy names. The port may then
    /// be 0.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the names by which the browser calls this server: the host of the target, which overrides `Host`
    /// (RFC 9112, section 3.2.2), or `Host`; then the names that a trusted proxy forwards.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        let target = self.target_host.iter().map(|host| self.text(host));
        let header = self.target_host.is_none().then(|| self.values("Host"));
        let by_x = self.is_by_proxy.then(|| self.values("X-Forwarded-Host"));
        let by_x = by_x.into_iter().flatten();
        let by_x = by_x.flat_map(|value| value.split(',').map(str::trim));
        let by_rfc = self.is_by_proxy.then(|| self.values("Forwarded"));
        let by_rfc = by_rfc.into_iter().flatten().flat_map(forwarded_hosts);
        let own = target.chain(header.into_iter().flatten());
        own.chain(by_x).chain(by_rfc)
    }

    /// Returns the origin of the page, malformed ones included. `None` if the client is not a page in a browser.
    pub(crate) fn origin(&self) -> Option<Cow<'_, str>> {
        let mut origins = self.raw_values("Origin");
        let origin = String::from_utf8_lossy(origins.next()?);
        Some(match origins.next() {
            None => origin,
            Some(_) => Cow::Borrowed("several origins"),
        })
    }

    pub(crate) fn method(&self) -> &str {
        self.text(&self.method)
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method() == "HEAD"
    }

    pub(crate) fn is_get(&self) -> bool {
        self.method() == "GET" || self.is_head()
    }

    /// Returns the values of a header, except those that are not UTF-8.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.raw_values(name);
        values.filter_map(|value| std::str::from_utf8(value).ok())
    }

    pub(crate) fn raw_values(&self, name: &str) -> impl Iterator<Item = &[u8]> + Clone {
        let headers = self.headers.iter();
        let named = headers.filter(move |header| {
            self.head[header.name.clone()].eq_ignore_ascii_case(name.as_bytes())
        });
        named.map(|header| &self.head[header.value.clone()])
    }

    /// Whether one of the comma-separated values of a header is `token`.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        let mut tokens = self.values(name).flat_map(|value| value.split(','));
        tokens.any(|value| value.trim().eq_ignore_ascii_case(token))
    }

    /// Returns a part of the request line. It is UTF-8, because the parser accepts nothing else there.
    fn text(&self, range: &Range<usize>) -> &str {
        std::str::from_utf8(&self.head[range.clone()]).unwrap_or_default()
    }
}
