//! URLs of the site that are told about its channels.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Most URLs. Each has a queue and a task of its own.
pub(super) const WEBHOOKS_MAX: usize = 4;

/// A URL to which the server sends webhooks: http or https.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebhookUrl(Url);

/// A text that is not a [`WebhookUrl`]. The message does not quote it, because a query may contain a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// Not a URL, or one of another scheme.
    #[error("a webhook is a URL such as https://example.com/webhook")]
    Form,
    /// A user name or a password.
    #[error(
        "a webhook has no user and no password: the site knows by the header X-Pusher-Signature that the request is from pushd"
    )]
    Login,
}

/// Options of webhooks that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookOptionsError {
    /// Webhooks without an application.
    #[error("pusher-webhook needs pusher-app: its secret signs the requests")]
    NoApp,
    /// More than four.
    #[error("pusher-webhook has {0} URLs, at most {WEBHOOKS_MAX} are allowed")]
    TooMany(usize),
}

impl WebhookUrl {
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the host: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Returns the value of the header `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Returns path and query.
    pub(crate) fn target(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// Returns the URL without its query, for the log.
    pub(crate) fn without_query(&self) -> &str {
        &self.0[..url::Position::AfterPath]
    }
}

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let mut url = Url::parse(text).map_err(|_| WebhookUrlError::Form)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookUrlError::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::Login);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_the_parts_of_a_request() {
        for (text, is_https, host, port, authority, target, shown) in [
            (
                "https://example.com/hook?key=s3cret#part",
                true,
                "example.com",
                443,
                "example.com",
                "/hook?key=s3cret",
                "https://example.com/hook",
            ),
            (
                "http://127.0.0.1:81",
                false,
                "127.0.0.1",
                81,
                "127.0.0.1:81",
                "/",
                "http://127.0.0.1:81/",
            ),
            (
                "http://[::1]:81/a",
                false,
                "::1",
                81,
                "[::1]:81",
                "/a",
                "http://[::1]:81/a",
            ),
        ] {
            let url: WebhookUrl = text.parse().unwrap();
            assert_eq!(
                (url.is_https(), url.host(), url.port()),
                (is_https, host, port)
            );
            assert_eq!(
                (url.authority(), url.target(), url.without_query()),
                (authority, target, shown)
            );
            assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn other_texts_are_errors() {
        for (text, error) in [
            ("", WebhookUrlError::Form),
            ("*", WebhookUrlError::Form),
            ("example.com/hook", WebhookUrlError::Form),
            ("ftp://example.com/", WebhookUrlError::Form),
            ("http://", WebhookUrlError::Form),
            ("http://a:99999/", WebhookUrlError::Form),
            ("https://ann@example.com/", WebhookUrlError::Login),
            ("https://ann:s3cret@example.com/", WebhookUrlError::Login),
        ] {
            assert_eq!(text.parse::<WebhookUrl>(), Err(error), "{text}");
        }
    }
}
