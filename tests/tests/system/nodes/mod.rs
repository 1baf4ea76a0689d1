//! Several daemons that share one log in Redis: they behave as one.

mod access;
mod away;
mod cable;
mod channels;
mod entries;
mod exclude;
mod failover;
mod losses;
mod network;
mod order;
mod recovery;
mod sentinel;
mod state;
mod tls;
mod users;
