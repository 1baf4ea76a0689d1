//! The texts of a ticket in one block of memory, because a server holds one for each session.

/// Texts, one behind the other. Each stands behind its length, which is one character: that of this number.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Parts(Box<str>);

impl Parts {
    /// Returns `None` if a text has a length that is the number of no character. Such texts are longer than a ticket.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let len_char = |text: &str| char::from_u32(u32::try_from(text.len()).ok()?);
        let len = |text: &str| text.len() + len_char(text).map_or(0, char::len_utf8);
        let mut joined = String::with_capacity(texts.clone().map(len).sum());
        for text in texts {
            joined.push(len_char(text)?);
            joined.push_str(text);
        }
        Some(Self(joined.into()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let mut chars = rest.chars();
            let len = u32::from(chars.next()?) as usize;
            let (text, behind) = chars.as_str().split_at_checked(len)?;
            rest = behind;
            Some(text)
        })
    }
}
