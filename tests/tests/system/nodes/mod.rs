//! Several daemons that share one log in Redis: they behave as one.

mod order;
mod recovery;
