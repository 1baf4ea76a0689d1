//! Before each call of the system: where this crate's tests make one fail, or move only a part. Otherwise there is
//! nothing here.

use std::io;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Write,
}

/// How many of `len` bytes the call may move.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn before(_: Call, len: usize) -> io::Result<usize> {
    Ok(len)
}

#[cfg(test)]
pub(super) use planned::before;
#[cfg(test)]
pub(crate) use planned::{Fault, Plan};

#[cfg(test)]
mod planned {
    use std::cell::RefCell;

    use super::*;

    /// What goes wrong.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// One byte is moved.
        Short,
        /// The call would have to wait.
        Blocks,
        /// An error, and at every call that follows.
        Fails,
    }

    /// What goes wrong on this thread.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Plan {
        /// At which of the calls, counted from 1.
        at: Option<(Call, usize, Fault)>,
        /// No call moves more bytes than this.
        len_max: usize,
        reads: usize,
        writes: usize,
    }

    thread_local! {
        static PLAN: RefCell<Plan> = const { RefCell::new(Plan::NOTHING) };
    }

    impl Plan {
        pub(crate) const NOTHING: Self = Self {
            at: None,
            len_max: usize::MAX,
            reads: 0,
            writes: 0,
        };

        /// One such call, counted from 1, goes wrong.
        pub(crate) fn at(call: Call, number: usize, fault: Fault) -> Self {
            Self {
                at: Some((call, number, fault)),
                ..Self::NOTHING
            }
        }

        /// Every call moves so many bytes at most.
        pub(crate) fn pieces(len_max: usize) -> Self {
            Self {
                len_max,
                ..Self::NOTHING
            }
        }

        /// Follows it from now on; the one before, and what it has counted.
        pub(crate) fn begin(self) -> Self {
            PLAN.replace(self)
        }

        /// How many such calls there were on this thread since the plan began.
        pub(crate) fn seen_so_far(call: Call) -> usize {
            PLAN.with_borrow(|plan| plan.seen(call))
        }

        /// How many such calls there were.
        pub(crate) fn seen(&self, call: Call) -> usize {
            match call {
                Call::Read => self.reads,
                Call::Write => self.writes,
            }
        }

        fn before(&mut self, call: Call, len: usize) -> io::Result<usize> {
            match call {
                Call::Read => self.reads += 1,
                Call::Write => self.writes += 1,
            }
            let (reads, writes) = (self.reads, self.writes);
            match self.at {
                Some((Call::Read, at, Fault::Fails)) if reads >= at => {
                    Err(io::ErrorKind::ConnectionReset.into())
                }
                Some((Call::Write, at, Fault::Fails)) if writes >= at => {
                    Err(io::ErrorKind::BrokenPipe.into())
                }
                Some((at_call, at, fault)) if at_call == call && at == self.seen(call) => {
                    match fault {
                        Fault::Short => Ok(len.min(1)),
                        _ => Err(io::ErrorKind::WouldBlock.into()),
                    }
                }
                _ => Ok(len.min(self.len_max)),
            }
        }
    }

    pub(in super::super) fn before(call: Call, len: usize) -> io::Result<usize> {
        PLAN.with_borrow_mut(|plan| plan.before(call, len))
    }
}
