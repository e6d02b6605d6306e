//! Plans and their approval, through the public doors.

mod approval;
mod file;
mod order;
mod proof;
mod support;
