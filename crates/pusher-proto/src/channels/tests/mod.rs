//! Tests of the longer files.

mod app;
mod client_message;
mod rest;
mod trigger;
