//! Events without contents.

/// An event that counts for as many bytes as a model says.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) topic: String,
    pub(super) len: usize,
}

impl Entry {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn event(&self) -> &[u8] {
        b"1"
    }

    pub(crate) fn is_for_chosen(&self) -> bool {
        false
    }
}
