//! The limit of open files, which limits the number of connections.

use pusher_core::Limits;

/// Files that are neither browsers nor publishers (log, listeners, event loops), plus the connections that port 5555
/// accepts beyond publishers-max.
const RESERVED: usize = 64 + Limits::PUBLISHERS_RESERVE;

/// Raises the soft limit to the hard one and returns it.
#[cfg(unix)]
pub(crate) fn raise_limit() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, hard)| {
        match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(error) => {
                tracing::warn!(%error, "cannot raise the limit of open files");
                soft
            }
        }
    });
    // `RLIM_INFINITY` is the largest number. Reading the limit of the own process cannot fail.
    usize::try_from(raised.unwrap_or(u64::MAX)).unwrap_or(usize::MAX)
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() -> usize {
    usize::MAX
}

/// Divides the open files between browsers and publishers, in this order. Neither can use up the other's share.
pub(crate) fn shares(open_files: usize, publishers_max: usize) -> (usize, usize) {
    let publishers = publishers_max.min(open_files / 4).max(1);
    let browsers = open_files.saturating_sub(RESERVED + publishers).max(1);
    (browsers, publishers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_publishers_have_their_shares() {
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
