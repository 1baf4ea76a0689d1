//! Systems on which a program cannot replace itself.

use std::convert::Infallible;
use std::io;

use pusher_core::{HandOver, NoUpgrade};

/// The program that this process runs.
#[derive(Debug)]
pub(crate) struct Program;

impl Program {
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn is_replaced(&self) -> bool {
        false
    }
}

/// There is nothing to hold.
#[derive(Debug)]
pub(crate) struct SignalsHeld;

impl SignalsHeld {
    pub(crate) fn hold() -> io::Result<Self> {
        Ok(Self)
    }
}

pub(crate) fn received() -> Option<Result<HandOver, Unsupported>> {
    None
}

/// This system has no hand-over.
#[derive(Debug, thiserror::Error)]
#[error(
    "this system does not support updates that keep the connections: restart the daemon instead"
)]
pub(crate) struct Unsupported;

impl From<Unsupported> for NoUpgrade {
    fn from(error: Unsupported) -> Self {
        Self::NotRun(error.to_string())
    }
}

pub(crate) fn replace(_: &Program, _: &HandOver, _: u32) -> Result<Infallible, Unsupported> {
    Err(Unsupported)
}

/// Refuses every upgrade.
#[derive(Debug)]
pub(crate) struct Upgrader {
    pub(crate) program: Program,
}

impl Upgrader {
    pub(crate) fn new(program: Program) -> Self {
        Self { program }
    }

    /// Never returns.
    pub(crate) async fn asked(&self) -> u32 {
        std::future::pending().await
    }

    pub(crate) async fn upgrade(&self) -> Result<(), Unsupported> {
        Err(Unsupported)
    }
}

pub(crate) fn knows(_: &str) -> bool {
    false
}
