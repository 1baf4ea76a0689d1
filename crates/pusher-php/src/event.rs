//! An encoded event.

/// An event in the form that libpusher takes.
pub(crate) struct Event<'a> {
    pub(crate) topic: &'a str,
    pub(crate) json: &'a str,
    pub(crate) id: Option<&'a str>,
}
