//! Flags in, exit status out.

use std::process::ExitCode;

use clap::Parser;
use rolewarden::cli::{self, Cli};
use rolewarden::exit::Exit;

fn main() -> ExitCode {
    match cli::main(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The chain of causes on one line, each level in its own words.
            anstream::eprintln!("error: {error:#}");
            Exit::Failed.into()
        }
    }
}
