//! Something that each process has its own of, forked children included.

use once_cell::race::OnceBox;

use crate::process::ProcessId;

/// A value, and those that forked children use instead of it: in a child nobody may wait for what
/// the parent's threads hold, for they are not there to give it back.
///
/// Nobody ever waits for a `OnceBox` either, so a fork at any moment leaves a child that goes on.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    process: ProcessId,
    value: T,
    child: OnceBox<PerProcess<T>>,
}

impl<T> PerProcess<T> {
    /// This process's value.
    pub(crate) fn new(value: T) -> Self {
        Self {
            process: ProcessId::current(),
            value,
            child: OnceBox::new(),
        }
    }

    /// This process's value; in a child's first call what `make` makes of the inherited one. When
    /// threads race, `make` may be called more than once, and one of its results is kept.
    pub(crate) fn get(&self, make: impl FnOnce(&T) -> T) -> &T {
        let Ok(value) = self.try_get(|inherited| Ok::<T, Never>(make(inherited)));
        value
    }

    /// The same for a `make` that may fail; the next call then tries again.
    pub(crate) fn try_get<E>(&self, make: impl FnOnce(&T) -> Result<T, E>) -> Result<&T, E> {
        let last = self.last();
        if last.is_ours() {
            return Ok(&last.value);
        }
        let made = last
            .child
            .get_or_try_init(|| make(&last.value).map(|value| Box::new(Self::new(value))))?;
        Ok(&made.value)
    }

    /// This process's value if it has one already.
    pub(crate) fn existing(&self) -> Option<&T> {
        let last = self.last();
        last.is_ours().then_some(&last.value)
    }

    /// This process's, or its nearest ancestor's that had one.
    fn last(&self) -> &Self {
        let mut last = self;
        while let Some(child) = last.child.get() {
            last = child;
        }
        last
    }

    fn is_ours(&self) -> bool {
        self.process == ProcessId::current()
    }
}

/// The error of what can't fail.
enum Never {}
