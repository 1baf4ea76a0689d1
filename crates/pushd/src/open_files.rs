//! How many files, and so how many connections, the process may have open.

use pusher_core::Limits;

/// Files that are neither browsers nor publishers (log, listening sockets, event loops), and the places of port 5555 beyond
/// publishers-max.
const RESERVED: usize = 64 + Limits::PUBLISHERS_RESERVE;

/// Raises the soft limit to the hard one and returns it.
#[cfg(unix)]
pub(crate) fn raise_limit() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() -> usize {
    usize::MAX
}

/// What browsers may take and what publishers may: each keep theirs even when the others take all
/// they can.
pub(crate) fn shares(open_files: usize, publishers_max: usize) -> (usize, usize) {
    let publishers = publishers_max.min(open_files / 4).max(1);
    let browsers = open_files.saturating_sub(RESERVED + publishers).max(1);
    (browsers, publishers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keep_their_share() {
        for (open_files, expect) in [
            (20_000, (18_880, 1024)),
            (1024, (672, 256)),
            (64, (1, 16)),
            (0, (1, 1)),
        ] {
            assert_eq!(shares(open_files, 1024), expect, "{open_files}");
        }
        assert_eq!(shares(20_000, 10), (19_894, 10));
    }
}
