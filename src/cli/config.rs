//! `rolewarden config`: validate the file, print its schema, a reference or an example.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;

use super::{Common, output};
use crate::clock;
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::model::json_pretty;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Validate a configuration file; every mistake is reported
    Check {
        /// The file [default: --config, ROLEWARDEN_CONFIG or rolewarden.yaml]
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print every key with what it accepts and its default, as Markdown
    Reference,
    /// Print a commented example with every key and its default
    Example,
}

pub(super) fn main(common: &Common, command: Command) -> anyhow::Result<Exit> {
    let text = match command {
        Command::Check { file } => {
            let path = file.unwrap_or_else(|| common.config_path());
            let config = Config::load(&path)?;
            for warning in &config.warnings {
                // The report counts them, for those who do not read stderr.
                let _ = writeln!(anstream::stderr(), "warning: {warning}");
            }
            config::check_report(&config, &path.to_string_lossy(), clock::today()) + "\n"
        }
        Command::Schema => json_pretty(&config::schema())? + "\n",
        Command::Reference => config::reference(),
        Command::Example => config::EXAMPLE.to_owned(),
    };
    output::print(text.as_bytes())?;
    Ok(Exit::Clean)
}
