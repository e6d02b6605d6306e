//! The binary as its users see it: run as a child process against the simulator, judged by what it prints, how it ends,
//! and which calls reached the server.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod commands;
mod except;
mod exceptions;
mod faults;
mod formats;
mod hostile;
mod kinds;
mod metrics;
mod mistakes;
mod network;
mod offline;
mod permissions;
mod secrets;
mod settings;
mod shards;
mod signals;
mod statuses;
mod support;
mod trust;
