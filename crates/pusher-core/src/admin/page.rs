//! The files of the status page. They contain no data, so they need no token: the page loads `/status.json`.

/// A file of the status page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

/// All files.
pub(crate) const FILES: [File; 3] = [
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
    File {
        path: "/status.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("page/status.js"),
    },
];
