//! The simulator, driven by the real SDK clients over real HTTP.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod eks;
mod faults;
mod generation;
mod listing;
mod reads;
mod serving;
mod sessions;
mod signatures;
mod support;
mod wire;
