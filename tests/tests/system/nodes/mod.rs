//! Several daemons that share one log in Redis: they behave as one.

mod access;
mod away;
mod entries;
mod failover;
mod losses;
mod network;
mod order;
mod recovery;
