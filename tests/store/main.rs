//! The store: what it remembers, what it survives, and the history read from it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic: that is how a test fails"
)]

mod changes;
mod damage;
mod history;
mod kill;
mod memory;
mod place;
mod size;
mod support;
