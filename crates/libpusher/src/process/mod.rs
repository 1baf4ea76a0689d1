//! Tells a process from its forked children.

#[cfg(target_os = "linux")]
mod linux;

use std::process;

#[cfg(target_os = "linux")]
use linux::generation;

/// Identifies the current process, so that a value can tell whether it was inherited through a fork.
///
/// The process number alone is not enough: in its own PID namespace a child can have the number of its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId {
    number: u32,
    generation: u64,
}

impl ProcessId {
    /// Returns the id of the calling process.
    pub fn current() -> Self {
        Self {
            number: process::id(),
            generation: generation(),
        }
    }
}

/// Other systems cannot wipe a page on fork: the process number alone decides.
#[cfg(not(target_os = "linux"))]
fn generation() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_the_same_within_a_process() {
        assert_eq!(ProcessId::current(), ProcessId::current());
        #[cfg(target_os = "linux")]
        assert_ne!(generation(), 0, "this kernel wipes pages on fork");
    }
}
