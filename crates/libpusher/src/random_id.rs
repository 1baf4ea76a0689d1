//! Random ids for publishes.

use std::fmt::Write;

/// A random id of 32 hexadecimal digits.
#[derive(Debug)]
pub(crate) struct RandomId(String);

impl RandomId {
    /// Returns an id that no other publish has. The system's generator also differs between forked processes.
    ///
    /// # Panics
    /// If the system gives no random numbers. Rust's hash maps need them, too.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
