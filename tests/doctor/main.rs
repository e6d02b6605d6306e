//! `rolewarden doctor` as its users see it: run against the simulator, judged by what it says is missing where, how it
//! ends, and which calls it made.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod base;
mod page;
mod permissions;
#[path = "../scan/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the scan")]
mod support;
mod trouble;
mod world;
