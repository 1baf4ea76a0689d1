//! A value of which each process has its own, forked children included.

use once_cell::race::OnceBox;

use crate::process::ProcessId;

/// A value, and the values that forked children use in its place. A child must not wait for a lock that a
/// thread of its parent held at the fork: that thread does not exist in the child, so it never releases the lock.
///
/// A `OnceBox` never blocks, so a fork at any moment leaves a working child.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    process: ProcessId,
    value: T,
    child: OnceBox<PerProcess<T>>,
}

impl<T> PerProcess<T> {
    /// Stores the value for the calling process.
    pub(crate) fn new(value: T) -> Self {
        Self {
            process: ProcessId::current(),
            value,
            child: OnceBox::new(),
        }
    }

    /// Returns this process's value. The first call in a forked child makes it with `make`, from the inherited
    /// value. If threads race, `make` may run more than once, and one result is kept.
    pub(crate) fn get(&self, make: impl FnOnce(&T) -> T) -> &T {
        let Ok(value) = self.try_get(|inherited| Ok::<T, Never>(make(inherited)));
        value
    }

    /// As [`get`](Self::get), for a `make` that can fail. After a failure the next call tries again.
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

    /// Returns this process's value if it has been made.
    pub(crate) fn existing(&self) -> Option<&T> {
        let last = self.last();
        last.is_ours().then_some(&last.value)
    }

    /// The value of this process, or of its nearest ancestor that has one.
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

/// The error of an operation that cannot fail.
enum Never {}
