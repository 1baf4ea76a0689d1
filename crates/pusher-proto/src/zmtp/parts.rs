//! The parts of a message that have arrived.

/// State of the current message, or of the last one if that is complete.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) count: usize,
    pub(super) has_more: bool,
    /// Bytes of the parts, plus one for each part that another follows: an endless row of empty parts reaches the limit
    /// too.
    pub(super) len: usize,
    /// The first part, if there are more.
    pub(super) topic: Vec<u8>,
}

impl Parts {
    pub(super) fn add(&mut self, part: &[u8], has_more: bool) {
        if !self.has_more {
            *self = Self::default();
        }
        self.count += 1;
        self.len += part.len() + usize::from(has_more);
        if self.count == 1 && has_more {
            self.topic = part.to_vec();
        }
        self.has_more = has_more;
    }

    /// Bytes of the limit that the unfinished message has used.
    pub(super) fn pending(&self) -> usize {
        match self.has_more {
            true => self.len,
            false => 0,
        }
    }
}
