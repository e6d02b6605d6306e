//! The command line: one file per command.

mod apply;
mod check;
mod config;
#[cfg(feature = "simulator")]
mod demo;
mod doctor;
mod except;
mod history;
mod iam;
mod metrics;
mod output;
mod plan;
mod progress;
mod remediation;
mod rollback;
mod run;
mod scan;
mod serve;
mod shard;
#[cfg(feature = "simulator")]
mod simulate;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{LogConfig, LogFormat};
use crate::exit::Exit;
use crate::model::{AccountId, Severity};
use crate::render::Format;
use crate::telemetry::Flush;

const EXIT_STATUSES: &str = "\
Exit status:
  0      every selected account was judged, and none drifted
  1      could not run: bad configuration, no credentials, accounts could not be listed
  2      usage error
  3      drift, every selected account was judged
  4      incomplete: at least one account is unknown, or `check` refused a file; none drifted
  5      drift and incomplete
  128+n  ended by signal n; a partial report is marked incomplete";

/// Keeps one IAM role right in every account of an AWS Organization.
#[derive(Debug, Parser)]
#[command(name = "rolewarden", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
struct Common {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", env = "ROLEWARDEN_CONFIG")]
    config: Option<PathBuf>,
    /// How logs are written to stderr [default: the configuration's, text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormatFlag>,
    /// How much is logged: error, warn, info, debug, trace, or a directive [default: the configuration's, info]
    #[arg(long, global = true, value_name = "LEVEL", env = "RUST_LOG")]
    log_level: Option<String>,
    /// Colours in the text report
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// No progress on stderr
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge the role in every selected account once, print a report. Writes nothing to AWS
    #[command(after_help = EXIT_STATUSES)]
    Scan(scan::Scan),
    /// Sweep on a schedule; keep history; serve metrics, the page and the API. Writes to AWS only when armed
    #[command(after_help = serve::HELP)]
    Serve(serve::Serve),
    /// Sweep, and print what remediation would do, with diffs; save it for `apply`. Writes nothing to AWS
    #[command(after_help = EXIT_STATUSES)]
    Plan(plan::Plan),
    /// Preflight: credentials, organization access, then what each account does not allow, and what mends it. Writes
    /// nothing to AWS
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Doctor),
    /// Findings that opened and closed, sweeps, and changes in AWS: what the store remembers
    History(history::History),
    /// Carry out a saved plan, once armed. Writes to AWS
    #[command(after_help = apply::HELP)]
    Apply(apply::Apply),
    /// Undo a change, or a whole run, as the journal has it. Writes to AWS with --yes
    #[command(after_help = rollback::HELP)]
    Rollback(rollback::Rollback),
    /// Judge roles offline, from what `aws iam get-account-authorization-details` prints. No AWS calls
    #[command(after_help = EXIT_STATUSES)]
    Check {
        /// Files to judge, one account each; `-` is stdin
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        report: Report,
    },
    /// Validate the configuration, print its schema, a reference or an example
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
    /// Print the least policies that the hub and the two member roles need, as configured. No AWS calls
    #[command(after_help = iam::HELP)]
    Iam {
        #[command(subcommand)]
        command: iam::Command,
    },
    /// Scan a simulated organization: no AWS needed
    #[cfg(feature = "simulator")]
    Demo(demo::Demo),
    /// Serve a simulated organization on loopback, to rehearse against: no AWS needed
    #[cfg(feature = "simulator")]
    #[command(after_long_help = simulate::help())]
    Simulate(simulate::Simulate),
    /// Print the exception that covers a finding, for the configuration. No AWS calls
    #[command(after_help = except::HELP)]
    Except(except::Except),
    /// Print the metric catalogue as Markdown
    Metrics,
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Flags of the commands that report.
#[derive(Debug, Args, Default)]
struct Report {
    /// The report's format: text, json or ndjson
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = format_of)]
    format: Option<Format>,
    /// Write the report to a file (whole or not at all, mode 0600) instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Findings below this severity (critical, high, medium, low, info) do not make an account drifted [default: the configuration's, low]
    #[arg(long, value_name = "SEVERITY", value_parser = severity_of)]
    fail_on: Option<Severity>,
    /// Only this account (repeatable)
    #[arg(long = "account", value_name = "ID", value_parser = id_of)]
    accounts: Vec<AccountId>,
    /// Not this account (repeatable)
    #[arg(long = "exclude-account", value_name = "ID", value_parser = id_of)]
    exclude_accounts: Vec<AccountId>,
    /// List compliant accounts in the text report too, and every drifted one in full
    #[arg(long)]
    verbose: bool,
}

fn format_of(text: &str) -> Result<Format, String> {
    text.parse()
}

fn severity_of(text: &str) -> Result<Severity, String> {
    text.parse()
}

fn id_of(text: &str) -> Result<AccountId, crate::model::InvalidAccountId> {
    text.parse()
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatFlag {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// The file `--config` stands for when it is not given.
const DEFAULT_CONFIG: &str = "rolewarden.yaml";

impl Common {
    fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into())
    }

    /// The file of [`Common::config_path`], where one was named or is there: for commands that can do without.
    fn config_if_any(&self) -> Option<PathBuf> {
        let there = || PathBuf::from(DEFAULT_CONFIG).try_exists().unwrap_or(true);
        self.config.clone().or_else(|| there().then(|| DEFAULT_CONFIG.into()))
    }

    /// Colours for a stream; `NO_COLOR` counts for `auto`.
    fn colored(&self, stream: &impl IsTerminal) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                stream.is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }

    /// Flags win over the configuration.
    fn start_logging(&self, config: &LogConfig) -> anyhow::Result<()> {
        let (format, level) = self.logging(config);
        crate::telemetry::start(format, level, self.colored(&std::io::stderr()))
            .map_err(anyhow::Error::msg)
    }

    /// As [`Common::start_logging`], but who logs never waits for stderr.
    fn start_detached_logging(&self, config: &LogConfig) -> anyhow::Result<Flush> {
        let (format, level) = self.logging(config);
        crate::telemetry::start_detached(format, level, self.colored(&std::io::stderr()))
            .map_err(anyhow::Error::msg)
    }

    fn logging<'a>(&'a self, config: &'a LogConfig) -> (LogFormat, &'a str) {
        let format = match self.log_format {
            Some(LogFormatFlag::Text) => LogFormat::Text,
            Some(LogFormatFlag::Json) => LogFormat::Json,
            None => config.format,
        };
        let level = self.log_level.as_deref().filter(|level| !level.is_empty());
        (format, level.unwrap_or(&config.level))
    }
}

/// Runs the command; an error is for stderr and means [`Exit::Failed`].
///
/// # Errors
/// Why the command could not run, in words for the person who typed it.
pub fn main(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { command, common } = cli;
    match command {
        Command::Scan(scan) => scan::main(&common, &scan),
        Command::Plan(plan) => plan::main(&common, &plan),
        Command::Doctor(flags) => doctor::main(&common, &flags),
        Command::Serve(flags) => serve::main(&common, &flags),
        Command::History(flags) => history::main(&common, &flags),
        Command::Apply(flags) => apply::main(&common, &flags),
        Command::Rollback(flags) => rollback::main(&common, &flags),
        Command::Check { files, report } => check::main(&common, &files, &report),
        Command::Config { command } => config::main(&common, command),
        Command::Iam { command } => iam::main(&common, &command),
        #[cfg(feature = "simulator")]
        Command::Demo(demo) => demo::main(&common, &demo),
        #[cfg(feature = "simulator")]
        Command::Simulate(simulate) => simulate::main(&common, &simulate),
        Command::Except(flags) => except::main(&common, &flags),
        Command::Metrics => metrics::main(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rolewarden", &mut script);
            output::print(&script)?;
            Ok(Exit::Clean)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_well_formed() {
        Cli::command().debug_assert();
    }
}
