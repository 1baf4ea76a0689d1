//! Several daemons that share one log in Redis: they behave as one.

mod away;
mod losses;
mod order;
mod recovery;
