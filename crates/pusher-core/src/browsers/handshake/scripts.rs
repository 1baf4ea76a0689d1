//! The files of the JavaScript client, with compression and `ETag`.

use std::io::{self, Write};
use std::sync::LazyLock;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::application::Request;

/// The client. `autobahn.js` is the client plus a layer with the API of autobahn.js v1.
const PUSHER_JS: &str = concat!(
    include_str!("../../../js/pusher.js"),
    include_str!("../../../js/topics.js"),
    include_str!("../../../js/tickets.js"),
    include_str!("../../../js/liveness.js"),
    include_str!("../../../js/presence.js")
);
const AUTOBAHN_JS: &str = concat!(
    include_str!("../../../js/pusher.js"),
    include_str!("../../../js/topics.js"),
    include_str!("../../../js/tickets.js"),
    include_str!("../../../js/liveness.js"),
    include_str!("../../../js/presence.js"),
    include_str!("../../../js/autobahn.js")
);
/// The part of the client that pages load if WebSockets are blocked.
const PUSHER_SSE_JS: &str = include_str!("../../../js/pusher-sse.js");
/// The client as an ES module. It imports `pusher.js`.
const PUSHER_MJS: &str = include_str!("../../../js/pusher.mjs");
const PUSHER_D_TS: &str = include_str!("../../../js/pusher.d.ts");

const TEXT: &str = "text/plain; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Bytes of the SHA-256 that an `ETag` contains. Each becomes two hexadecimal digits.
const ETAG_LEN: usize = 12;

/// All files. They are compressed once, at the first request for one of them.
static FILES: LazyLock<[File; 5]> = LazyLock::new(|| {
    [
        File::new("pusher.js", JAVASCRIPT, PUSHER_JS),
        File::new("autobahn.js", JAVASCRIPT, AUTOBAHN_JS),
        File::new("pusher-sse.js", JAVASCRIPT, PUSHER_SSE_JS),
        File::new("pusher.mjs", JAVASCRIPT, PUSHER_MJS),
        File::new("pusher.d.ts", TEXT, PUSHER_D_TS),
    ]
});

#[derive(Debug)]
pub(super) struct File {
    name: &'static str,
    pub(super) content_type: &'static str,
    plain: Variant,
    /// `None` if compression failed. Writing to memory does not fail, so this does not happen.
    gzip: Option<Variant>,
}

/// A file in one encoding.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) body: Bytes,
    /// Its own headers, each with its line end.
    pub(super) headers: String,
    etag: String,
}

/// Returns the file of this name.
pub(super) fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

impl File {
    fn new(name: &'static str, content_type: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content);
        let hash = HEXLOWER.encode(&digest[..ETAG_LEN]);
        let plain = Bytes::from_static(content.as_bytes());
        let gzip = compress(content.as_bytes()).ok();
        Self {
            name,
            content_type,
            plain: Variant::new(plain, format!("\"{hash}\""), ""),
            gzip: gzip.map(|gzip| {
                let headers = "Content-Encoding: gzip\r\n";
                Variant::new(gzip.into(), format!("\"{hash}-gzip\""), headers)
            }),
        }
    }

    /// Returns the variant that the browser accepts.
    pub(super) fn variant(&self, request: &Request) -> &Variant {
        let accepts_gzip = accepts_gzip(request.values("Accept-Encoding"));
        let gzip = self.gzip.as_ref().filter(|_| accepts_gzip);
        gzip.unwrap_or(&self.plain)
    }
}

impl Variant {
    fn new(body: Bytes, etag: String, headers: &str) -> Self {
        // Any site may load the script, even from pages with Cross-Origin-Embedder-Policy. Its URL has no version, so
        // browsers revalidate after ten minutes.
        let headers = format!(
            "Access-Control-Allow-Origin: *\r\nCross-Origin-Resource-Policy: cross-origin\r\n\
             Cache-Control: max-age=600\r\nVary: Accept-Encoding\r\nETag: {etag}\r\n{headers}"
        );
        Self {
            body,
            headers,
            etag,
        }
    }

    /// Whether the browser has this variant already (RFC 9110, section 13.1.2).
    pub(super) fn is_known(&self, request: &Request) -> bool {
        let tags = request.values("If-None-Match");
        let mut tags = tags.flat_map(|tags| tags.split(',')).map(str::trim);
        // A proxy that compresses may have turned the tag into a weak one.
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}

fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

/// Whether gzip may be sent: it is named, or covered by `*`, with a quality above 0 (RFC 9110,
/// section 12.5.3).
fn accepts_gzip<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let mut any = false;
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let is_accepted = quality.is_none_or(|quality| quality.parse().is_ok_and(|q: f32| q > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return is_accepted;
        }
        any |= coding == "*" && is_accepted;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_if_accepted() {
        for (values, expect) in [
            (&[][..], false),
            (&["gzip, deflate, br, zstd"], true),
            (&["br", "GZIP"], true),
            (&["x-gzip"], true),
            (&["gzip;q=0.1"], true),
            (&["gzip; q=0"], false),
            (&["gzip;q=0.000, *"], false),
            (&["gzip;Q=0"], false),
            (&["gzip;q=x"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["*;q=0, gzip"], true),
            (&["identity"], false),
            (&["gzipped, brotli"], false),
            (&[""], false),
        ] {
            assert_eq!(accepts_gzip(values.iter().copied()), expect, "{values:?}");
        }
    }
}
