//! The page and the API, driven in-process: a router, a view made by the ledger from reports, a daemon that only notes
//! what it is asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod api;
mod changes;
mod html;
mod inert;
mod openapi;
mod page;
mod requests;
mod sharing;
mod support;
mod world;
