//! Flags in, exit status out.

fn main() {}
