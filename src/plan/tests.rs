//! Plans and the gate, through the public doors.

mod decisions;
mod file;
mod gate;
mod order;
mod proof;
mod support;
