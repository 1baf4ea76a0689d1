/// All sessions.
#[derive(Debug)]
pub(super) struct Recipients;
