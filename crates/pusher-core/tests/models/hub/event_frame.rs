/// A frame that has only a length.
#[derive(Debug, Clone, Default)]
pub(super) struct EventFrame {
    pub(super) len: usize,
}

impl EventFrame {
    pub(super) fn len(&self) -> usize {
        self.len
    }
}
