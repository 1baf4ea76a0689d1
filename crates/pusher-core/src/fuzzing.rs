//! Invariants that hold for every input. The fuzz targets check them; a unit test checks them for the seeds.

use crate::browsers::decode;
use crate::nodes::check_reply;
use crate::publishers::faults::{StreamFault, serve_input};
use crate::store::check_segment;

/// Checks a browser's frames: the chunks in which they arrive change neither the messages nor the end.
pub fn websocket(input: &[u8]) {
    for may_compress in [false, true] {
        let whole = decode(input.chunks(input.len().max(1)), may_compress);
        for len in [1, 2, 7] {
            let pieces = decode(input.chunks(len), may_compress);
            assert_eq!(pieces, whole, "chunks of {len}, {may_compress}");
        }
    }
}

/// Checks a publisher's HTTP: short reads and writes change neither the events nor the answers. One exception: the last
/// answer may be missing, if it refuses an incomplete head. hyper finds that error only if the head arrives at once.
pub fn private_http(input: &[u8]) {
    // Skip other protocols, and the preface of HTTP/2, which is recognized only if it arrives at once.
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

/// Checks the bytes of a file of the log: no content is read in two ways, and no changed bit is overlooked.
pub fn log_on_disk(input: &[u8]) {
    check_segment(input);
}

/// Decodes a reply of Redis, encodes its entries again, and compares both.
pub fn redis_entry(input: &[u8]) {
    check_reply(input);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Reads the seeds of a fuzz target.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        let files: Vec<_> = fs::read_dir(seeds.join(target)).unwrap().collect();
        assert!(!files.is_empty());
        let read = |file: std::io::Result<fs::DirEntry>| fs::read(file.unwrap().path()).unwrap();
        files.into_iter().map(read).collect()
    }

    /// Checks the seed, each prefix of it, and copies with one changed byte.
    fn check_mutations(seed: &[u8], check: fn(&[u8])) {
        check(seed);
        for at in 0..seed.len() {
            check(&seed[..at]);
            for other in [seed[at] ^ 1, seed[at] ^ 0x80, 0, b'\n', 0xff] {
                let mut mutated = seed.to_vec();
                mutated[at] = other;
                check(&mutated);
            }
        }
    }

    #[test]
    fn mutated_frames_keep_the_invariant() {
        for seed in seeds("websocket") {
            check_mutations(&seed, websocket);
        }
    }

    #[test]
    fn mutated_requests_keep_the_invariant() {
        for seed in seeds("private_http") {
            check_mutations(&seed, private_http);
        }
    }

    #[test]
    fn mutated_replies_of_redis_keep_the_invariant() {
        for seed in seeds("redis_entry") {
            check_mutations(&seed, redis_entry);
        }
    }

    #[test]
    fn mutated_segments_keep_the_invariant() {
        for seed in seeds("log_on_disk") {
            check_mutations(&seed, log_on_disk);
        }
    }
}
