//! The cookie with the ticket. Browsers send it with the handshake, so a page needs no code for tickets.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::ZendStr;

use crate::ticket_settings::{TicketSettings, without_port};
use crate::{engine, page};

/// The beginning of the header of this cookie.
const START: &str = "Set-Cookie: pushd_ticket=";

/// Returns the header line of the cookie. `None`: the script is not a page, or the browser would not send the cookie to
/// pushd's host.
pub(crate) fn line(settings: &TicketSettings, ticket: &str, ttl: i64) -> Option<String> {
    if !page::is_page() {
        return None;
    }
    let request = page::request();
    let url = &settings.push_url;
    let is_elsewhere = url.host.as_ref().is_some_and(|push_host| {
        let host = request.host.as_deref().unwrap_or_default();
        *push_host != without_port(host).to_ascii_lowercase()
    });
    let domain = match (is_elsewhere, &settings.domain) {
        (false, _) => String::new(),
        (true, Some(domain)) => format!("; Domain={domain}"),
        (true, None) => return None,
    };
    let secure = match url.is_secure || request.is_https {
        true => "; Secure",
        false => "",
    };
    let path = &url.path;
    Some(format!(
        "{START}{ticket}; Max-Age={ttl}; Path={path}{domain}{secure}; HttpOnly; SameSite=Lax"
    ))
}

/// Sets the cookie, in place of an earlier one of this page. If the headers are sent, warns instead, as PHP's
/// `setcookie()` does. Runs user code: an error handler.
pub(crate) fn set(line: &ZendStr) {
    if page::has_sent_headers() {
        engine::warn(&too_late());
    } else if let Ok(line) = line.as_str() {
        page::replace_cookie(START, line);
    }
}

fn too_late() -> ZBox<ZendStr> {
    let place = engine::output_start()
        .map(|(file, line)| format!(" (output started at {file}:{line})"))
        .unwrap_or_default();
    let message = format!(
        "the cookie pushd_ticket was not set, because the headers are already sent{place}: call it before the first \
         output, or with cookie: false"
    );
    ZendStr::new(message, false)
}
