//! What a rehearsal rests on: writes, reads that lag behind them, the control endpoint, and the words of `--help`.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod control;
mod help;
mod http;
mod lag;
mod simulate;
mod support;
mod writes;
