//! How many files, and so how many connections, the process may have open.

/// Files that are neither browsers nor publishers: log, listening sockets, event loops.
const RESERVED: usize = 64;

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

/// What browsers may take: publishers keep theirs even when browsers take all they can.
pub(crate) fn left_for_browsers(open_files: usize, publishers_max: usize) -> usize {
    let kept_back = RESERVED + publishers_max.min(open_files / 4);
    open_files.saturating_sub(kept_back).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_keep_their_share() {
        for (open_files, browsers) in [(20_000, 18_912), (1024, 704), (64, 1), (0, 1)] {
            assert_eq!(
                left_for_browsers(open_files, 1024),
                browsers,
                "{open_files}"
            );
        }
    }
}
