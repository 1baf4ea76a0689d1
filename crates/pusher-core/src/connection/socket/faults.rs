//! Fault injection for sockets: a hook before each system call, which lets tests make the call fail or move fewer
//! bytes. Outside of tests the hook is empty.

use std::io;

/// A system call on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketCall {
    Read,
    Write,
}

/// Returns how many of `len` bytes the call may move.
#[cfg(not(test))]
#[inline(always)]
pub(super) fn before(_: SocketCall, len: usize) -> io::Result<usize> {
    Ok(len)
}

#[cfg(test)]
pub(super) use planned::before;
#[cfg(test)]
pub(crate) use planned::{FaultPlan, SocketFault};

#[cfg(test)]
mod planned {
    use std::cell::RefCell;

    use super::*;

    /// The way in which a call fails.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum SocketFault {
        /// The call moves one byte.
        Short,
        /// The call returns `WouldBlock`.
        Blocks,
        /// This call and all later ones return an error.
        Fails,
    }

    /// The faults of this thread's calls, and the number of calls so far.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct FaultPlan {
        /// The call that fails, by its number counted from 1.
        at: Option<(SocketCall, usize, SocketFault)>,
        /// Most bytes that one call moves.
        len_max: usize,
        reads: usize,
        writes: usize,
    }

    thread_local! {
        static PLAN: RefCell<FaultPlan> = const { RefCell::new(FaultPlan::NOTHING) };
    }

    impl FaultPlan {
        pub(crate) const NOTHING: Self = Self {
            at: None,
            len_max: usize::MAX,
            reads: 0,
            writes: 0,
        };

        /// Returns a plan in which the call with this number, counted from 1, fails.
        pub(crate) fn at(call: SocketCall, number: usize, fault: SocketFault) -> Self {
            Self {
                at: Some((call, number, fault)),
                ..Self::NOTHING
            }
        }

        /// Returns a plan in which each call moves `len_max` bytes at most.
        pub(crate) fn pieces(len_max: usize) -> Self {
            Self {
                len_max,
                ..Self::NOTHING
            }
        }

        /// Starts this plan. Returns the previous plan with its counts.
        pub(crate) fn begin(self) -> Self {
            PLAN.replace(self)
        }

        /// Returns the number of such calls on this thread since the plan began.
        pub(crate) fn seen_so_far(call: SocketCall) -> usize {
            PLAN.with_borrow(|plan| plan.seen(call))
        }

        /// Returns the number of such calls.
        pub(crate) fn seen(&self, call: SocketCall) -> usize {
            match call {
                SocketCall::Read => self.reads,
                SocketCall::Write => self.writes,
            }
        }

        fn before(&mut self, call: SocketCall, len: usize) -> io::Result<usize> {
            match call {
                SocketCall::Read => self.reads += 1,
                SocketCall::Write => self.writes += 1,
            }
            let (reads, writes) = (self.reads, self.writes);
            match self.at {
                Some((SocketCall::Read, at, SocketFault::Fails)) if reads >= at => {
                    Err(io::ErrorKind::ConnectionReset.into())
                }
                Some((SocketCall::Write, at, SocketFault::Fails)) if writes >= at => {
                    Err(io::ErrorKind::BrokenPipe.into())
                }
                Some((at_call, at, fault)) if at_call == call && at == self.seen(call) => {
                    match fault {
                        SocketFault::Short => Ok(len.min(1)),
                        _ => Err(io::ErrorKind::WouldBlock.into()),
                    }
                }
                _ => Ok(len.min(self.len_max)),
            }
        }
    }

    pub(in super::super) fn before(call: SocketCall, len: usize) -> io::Result<usize> {
        PLAN.with_borrow_mut(|plan| plan.before(call, len))
    }
}
