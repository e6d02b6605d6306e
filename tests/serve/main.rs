//! The daemon as its users see it: the binary run against the simulator, asked over HTTP, signalled, killed.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod http;
mod kill;
mod life;
mod limits;
mod memory;
mod reload;
mod remediation;
mod start;
mod support;
mod sweeps;
mod tls;
