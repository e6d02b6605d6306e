//! Flags in, exit status out.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use rolewarden::cli::{self, Cli};
use rolewarden::exit::Exit;

fn main() -> ExitCode {
    match cli::main(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The chain of causes, each level in its own words. It may quote hostile text, such as names of files.
            let text = rolewarden::model::printable(&format!("{error:#}"));
            // Nobody may be left to read it; the status still tells.
            let _ = writeln!(anstream::stderr(), "error: {text}");
            Exit::Failed.into()
        }
    }
}
