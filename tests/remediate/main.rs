//! Remediation: what is written to AWS, what is not, and what the journal says of it afterwards. Most of it runs in virtual
//! time against the simulator in the same process; crashes are those of the real binary.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod brakes;
mod crashes;
mod faults;
mod fights;
mod kill;
#[path = "../scan/support.rs"]
#[allow(dead_code, reason = "it serves the tests of scans first")]
mod lab;
mod limits;
mod permissions;
mod plan;
mod program;
mod rollback;
mod support;
mod undo;
mod unfinished;
