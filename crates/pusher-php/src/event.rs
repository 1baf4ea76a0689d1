//! An encoded event.

/// What is to be published, as libpusher takes it.
pub(crate) struct Event<'a> {
    pub(crate) topic: &'a str,
    pub(crate) json: &'a str,
    pub(crate) id: Option<&'a str>,
}
