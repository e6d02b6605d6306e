//! rolewarden keeps one IAM role right in every account of an AWS Organization.
//!
//! ```text
//! organization ─> accounts ─> snapshot ─> verdicts ─> report ─> outputs
//!    (aws)        (aws,        (aws)       (policy,     (model)    (render)
//!                  sweep)                   check)        └─> ledger ─> store, metrics, page, API
//!                                                            (ledger)   (store, telemetry, web)
//! ```
//!
//! Each arrow is one function and nothing points back. Deciding is pure: [`model`], [`policy`], [`check`], [`plan`],
//! [`ledger`], [`permissions`], [`doctor`] and [`render`] have no clock, network, environment, logger or `async`. Acting is
//! thin: [`aws`] reads, [`sweep`] reads and judges every account, [`cli`] wires them to flags, files and exit statuses. The
//! [`daemon`] is a loop around what the one-shot commands call; its [`ledger`] remembers what sweeps learned, and [`store`]
//! keeps that over restarts.
//!
//! The words: a **sweep** covers the organization once, a **scan** one account; a **snapshot** is one role as read at
//! one moment; a **check** compares one aspect and gives a **verdict**; a **finding** is a failed check for a person;
//! the account's **state** follows, and the sweep's result is a **report**. The **baseline** is what the role should be,
//! an **exception** excuses a finding until a date, and a **view** is everything the daemon knows at one moment.

pub mod aws;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod exit;
pub mod ledger;
pub mod model;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod remediate;
pub mod render;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod store;
pub mod sweep;
pub mod telemetry;
pub mod web;
