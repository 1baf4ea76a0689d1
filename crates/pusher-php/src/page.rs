//! The page that PHP serves: its request, and its response headers.

use std::ffi::CStr;

use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::{
    BailoutGuard, ExecutorGlobals, ProcessGlobals, SapiGlobals, add_header, remove_header,
};

use crate::engine;

/// Interfaces of PHP that serve no pages.
const NO_PAGES: [&CStr; 3] = [c"cli", c"phpdbg", c"embed"];

const COOKIE: &str = "Set-Cookie";

/// The parts of the request that the cookie depends on.
#[derive(Default)]
pub(crate) struct Request {
    /// With the port, if the browser sent one.
    pub(crate) host: Option<String>,
    pub(crate) is_https: bool,
}

/// Whether the script serves a page.
pub(crate) fn is_page() -> bool {
    !NO_PAGES.contains(&engine::sapi_name())
}

/// Whether the headers are sent, so that no cookie can be set.
pub(crate) fn has_sent_headers() -> bool {
    SapiGlobals::get().headers_sent != 0
}

/// Reads `$_SERVER`, as a page may have changed it behind a proxy.
pub(crate) fn request() -> Request {
    // PHP fills it when it is first used.
    let _ = ProcessGlobals::get().http_server_vars();
    let globals = ExecutorGlobals::get();
    let server = globals.symbol_table.get("_SERVER");
    let server = server.map(Zval::dereference).and_then(Zval::array);
    server.map(request_in).unwrap_or_default()
}

fn request_in(server: &ZendHashTable) -> Request {
    let text = |name| server.get(name).map(Zval::dereference)?.str();
    let https = text("HTTPS").unwrap_or_default();
    Request {
        host: text("HTTP_HOST").map(str::to_owned),
        is_https: !https.is_empty() && !https.eq_ignore_ascii_case("off"),
    }
}

/// Adds a `Set-Cookie` header, and removes an earlier one that begins with `start`. Other cookies keep their order.
pub(crate) fn replace_cookie(start: &str, line: &str) {
    let cookies: Vec<String> = {
        let mut globals = SapiGlobals::get_mut();
        let headers = globals.sapi_headers.headers();
        let headers = headers.filter(|header| {
            let name = header.name();
            name.is_some_and(|name| name.eq_ignore_ascii_case(COOKIE))
        });
        headers
            .filter_map(|header| header.as_str().map(str::to_owned))
            .collect()
    };
    // PHP copies headers into memory that memory_limit counts.
    let cookies = BailoutGuard::new(cookies);
    if cookies.iter().any(|cookie| cookie.starts_with(start)) {
        // PHP can remove headers by their name only. A failure means that the headers are sent.
        let _ = remove_header(COOKIE);
        for cookie in cookies.iter().filter(|cookie| !cookie.starts_with(start)) {
            let _ = add_header(cookie);
        }
    }
    let _ = add_header(line);
}
