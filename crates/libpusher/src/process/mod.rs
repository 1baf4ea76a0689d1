//! Tells a process from its forked children.

#[cfg(target_os = "linux")]
mod linux;

use std::process;

#[cfg(target_os = "linux")]
use linux::generation;

/// This process, compared with the process that a value was made in.
///
/// The process number alone does not tell: in a PID namespace of its own a child may have the number
/// of its parent, as the first process of a container has that of another container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId {
    number: u32,
    generation: u64,
}

impl ProcessId {
    /// That of the process that calls.
    pub fn current() -> Self {
        Self {
            number: process::id(),
            generation: generation(),
        }
    }
}

/// Other systems empty no page on fork: the number alone decides.
#[cfg(not(target_os = "linux"))]
fn generation() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself() {
        assert_eq!(ProcessId::current(), ProcessId::current());
        #[cfg(target_os = "linux")]
        assert_ne!(generation(), 0, "this kernel wipes pages on fork");
    }
}
