//! Plans and their approval, through the public doors.

mod approval;
mod decisions;
mod file;
mod order;
mod proof;
mod support;
