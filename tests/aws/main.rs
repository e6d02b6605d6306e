//! The AWS adapter over real HTTP: canned answers on loopback, every call recorded.

mod canned;
mod organization;
mod role;
mod session;
mod start;
