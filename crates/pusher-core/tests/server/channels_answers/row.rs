//! One case.

/// What another server answers.
pub(super) enum Theirs {
    Same,
    /// Their tests and documents have no such case.
    Untold,
    /// Answers as `EVENT CHANNEL DATA`, joined by `; `, and the reason of the difference.
    Other(&'static str, &'static str),
}

/// A case.
pub(super) struct Row {
    pub(super) case: &'static str,
    /// The messages of the client. `SIGNED` is the `auth` of the site for the channel and the data of the message.
    pub(super) sends: &'static [&'static str],
    /// The answers to the last message.
    pub(super) pushd: &'static str,
    pub(super) reverb: Theirs,
    pub(super) soketi: Theirs,
}

pub(super) fn row(
    case: &'static str,
    sends: &'static [&'static str],
    pushd: &'static str,
    reverb: Theirs,
    soketi: Theirs,
) -> Row {
    Row {
        case,
        sends,
        pushd,
        reverb,
        soketi,
    }
}
