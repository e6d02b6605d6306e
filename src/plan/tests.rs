//! Plans and the gate, through the public doors.

mod file;
mod gate;
mod order;
mod proof;
mod support;
