//! The AWS adapter over real HTTP: canned answers on loopback, every call recorded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test"
)]

mod answers;
mod canned;
#[cfg(feature = "simulator")]
mod clusters;
mod organization;
mod role;
mod session;
#[cfg(feature = "simulator")]
mod simulated;
mod start;
