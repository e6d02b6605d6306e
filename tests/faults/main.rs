//! What AWS does wrong, in every combination: an account that was not read in full is `unknown`, never compliant and never
//! drifted, and the exit status says so. Virtual time: hours of back-off and time-outs pass at once.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod cuts;
mod lists;
mod matrix;
mod mixed;
mod seam;
mod support;
mod throttling;
mod timeline;
mod torn;
