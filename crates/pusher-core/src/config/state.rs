//! The directory in which a server keeps its log over a restart.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where and how a server keeps its log over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateOptions {
    /// The directory. It is created if it is missing. Each server needs one of its own.
    pub dir: PathBuf,
    /// When events are synced to the disk.
    pub sync: SyncPolicy,
}

/// When events are synced to the disk (fdatasync). With every policy, the server writes an event to a file before it sends
/// the receipt and delivers the event, so no end of the process loses it. The policies differ if the whole machine stops.
/// While the disk fails or does not answer, events are in memory only, and receipts say so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// The operating system decides, usually within 30 s.
    Never,
    /// Once a second.
    #[default]
    Interval,
    /// Before the receipt. Only then does a log survive a crash of the machine: with the other policies a new epoch
    /// begins.
    Always,
}

const NAMES: [(SyncPolicy, &str); 3] = [
    (SyncPolicy::Never, "never"),
    (SyncPolicy::Interval, "1s"),
    (SyncPolicy::Always, "always"),
];

/// A text that is not a [`SyncPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected never, 1s or always")]
pub struct SyncPolicyError;

impl FromStr for SyncPolicy {
    type Err = SyncPolicyError;

    fn from_str(text: &str) -> Result<Self, SyncPolicyError> {
        let named = NAMES.iter().find(|(_, name)| *name == text);
        named.map(|(policy, _)| *policy).ok_or(SyncPolicyError)
    }
}

impl fmt::Display for SyncPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().find(|(policy, _)| policy == self);
        f.write_str(named.map_or("", |(_, name)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_round_trip() {
        for (policy, name) in NAMES {
            assert_eq!(
                (name.parse(), policy.to_string()),
                (Ok(policy), name.to_owned())
            );
        }
        assert_eq!("2s".parse::<SyncPolicy>(), Err(SyncPolicyError));
    }
}
