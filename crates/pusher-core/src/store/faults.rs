//! Fault injection for files: a hook before each system call, which lets tests make the call fail or write fewer bytes.
//! Outside of tests the hook is empty.

use std::io;

/// A system call on the state directory or a file in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreCall {
    MakeDirectory,
    Lock,
    List,
    Open,
    Create,
    Read,
    Write,
    Sync,
    Truncate,
    Remove,
}

/// Returns how many of `len` bytes the call may move.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn before(_: StoreCall, len: usize) -> io::Result<usize> {
    Ok(len)
}

#[cfg(test)]
pub(super) use planned::before;
#[cfg(test)]
pub(super) use planned::{FaultPlan, StoreFault};

#[cfg(test)]
mod planned {
    use std::cell::RefCell;

    use super::*;

    /// The way in which calls fail. Calls are counted from 1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in super::super) enum StoreFault {
        None,
        /// This many calls fail, from the call with the number `at`.
        Fails {
            at: usize,
            count: usize,
        },
        /// Every write moves so many bytes at most. The call with the number `at` and all later ones fail.
        Cut {
            at: usize,
            write_len_max: usize,
        },
    }

    /// The faults of this thread's calls, and the calls so far.
    #[derive(Debug)]
    pub(in super::super) struct FaultPlan {
        fault: StoreFault,
        kind: io::ErrorKind,
        pub(in super::super) calls: Vec<StoreCall>,
    }

    thread_local! {
        static PLAN: RefCell<Option<FaultPlan>> = const { RefCell::new(None) };
    }

    impl FaultPlan {
        pub(in super::super) fn new(fault: StoreFault) -> Self {
            Self {
                fault,
                kind: io::ErrorKind::StorageFull,
                calls: Vec::new(),
            }
        }

        /// Chooses the error of the calls that fail.
        pub(in super::super) fn with_error(self, kind: io::ErrorKind) -> Self {
            Self { kind, ..self }
        }

        /// Starts this plan.
        pub(in super::super) fn begin(self) {
            PLAN.set(Some(self));
        }

        /// Ends the plan of this thread. Returns it with its calls.
        pub(in super::super) fn end() -> Self {
            PLAN.take().expect("a plan")
        }

        fn before(&mut self, call: StoreCall, len: usize) -> io::Result<usize> {
            self.calls.push(call);
            let number = self.calls.len();
            let len_max = match self.fault {
                StoreFault::Fails { at, count } if (at..at + count).contains(&number) => None,
                StoreFault::Cut { at, .. } if number >= at => None,
                StoreFault::Cut { write_len_max, .. } => Some(write_len_max),
                _ => Some(len),
            };
            let len_max = len_max.ok_or_else(|| io::Error::from(self.kind))?;
            Ok(len.min(len_max))
        }
    }

    pub(in super::super) fn before(call: StoreCall, len: usize) -> io::Result<usize> {
        PLAN.with_borrow_mut(|plan| match plan {
            Some(plan) => plan.before(call, len),
            None => Ok(len),
        })
    }
}
