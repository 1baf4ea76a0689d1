//! The files of the status page. They contain no data, so they need no token: the page loads `/status.json`.

/// A file of the status page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

/// All files.
pub(crate) const FILES: [File; 9] = [
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        text: include_str!("page/index.html"),
    },
    File {
        path: "/status.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("page/status.css"),
    },
    script("/api.js", include_str!("page/api.js")),
    script("/charts.js", include_str!("page/charts.js")),
    script("/connections.js", include_str!("page/connections.js")),
    script("/dom.js", include_str!("page/dom.js")),
    script("/events.js", include_str!("page/events.js")),
    script("/snippet.js", include_str!("page/snippet.js")),
    script("/status.js", include_str!("page/status.js")),
];

const fn script(path: &'static str, text: &'static str) -> File {
    File {
        path,
        content_type: "text/javascript; charset=utf-8",
        text,
    }
}
