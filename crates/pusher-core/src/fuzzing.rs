//! What must hold for anything that peers send. The fuzz targets call these, and a test runs their seeds.

use crate::browsers::heard_of;
use crate::publishers::faults::{StreamFault, serve_input};

/// A browser's frames: in whatever chunks they come, the same messages come out, and the same end.
pub fn websocket(input: &[u8]) {
    let whole = heard_of(input.chunks(input.len().max(1)));
    for len in [1, 2, 7] {
        assert_eq!(heard_of(input.chunks(len)), whole, "chunks of {len}");
    }
}

/// A publisher's HTTP: in whatever pieces it comes and its answers go, as many events are published, and the answers
/// are the same; but for the last, if that refuses half a head whose mistake is seen only at its end.
pub fn private_http(input: &[u8]) {
    // Other languages, and the preface of HTTP/2, which is known only if it comes in one piece.
    if !input.first().is_some_and(u8::is_ascii_uppercase) || input.starts_with(b"PRI ") {
        return;
    }
    let (whole, published) = serve_input(input, StreamFault::None);
    let whole = String::from_utf8_lossy(&whole.answers);
    for len in [1, 7] {
        let (pieces, published_again) = serve_input(input, StreamFault::Short(len));
        assert_eq!(published_again, published, "pieces of {len}");
        let pieces = String::from_utf8_lossy(&pieces.answers);
        let rest = whole.strip_prefix(pieces.as_ref());
        let is_same = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("HTTP/1.1 4"));
        assert!(is_same, "pieces of {len}: {pieces:?}, {whole:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What the fuzzers begin with.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        let files: Vec<_> = fs::read_dir(seeds.join(target)).unwrap().collect();
        assert!(!files.is_empty());
        let read = |file: std::io::Result<fs::DirEntry>| fs::read(file.unwrap().path()).unwrap();
        files.into_iter().map(read).collect()
    }

    /// Changes every byte in some ways, one after the other, and cuts it short there.
    fn spoil(seed: &[u8], check: fn(&[u8])) {
        check(seed);
        for at in 0..seed.len() {
            check(&seed[..at]);
            for other in [seed[at] ^ 1, seed[at] ^ 0x80, 0, b'\n', 0xff] {
                let mut spoilt = seed.to_vec();
                spoilt[at] = other;
                check(&spoilt);
            }
        }
    }

    #[test]
    fn frames_that_are_spoilt_at_any_byte() {
        for seed in seeds("websocket") {
            spoil(&seed, websocket);
        }
    }

    #[test]
    fn requests_that_are_spoilt_at_any_byte() {
        for seed in seeds("private_http") {
            spoil(&seed, private_http);
        }
    }
}
