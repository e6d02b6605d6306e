//! `rolewarden doctor`: asks for everything that a scan needs, and says what is missing where. Writes nothing to AWS.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::scan::Stop;
use super::{Common, Report as Flags, id_of, output, progress, run};
use crate::aws::{Aws, Connect, Preflight, Prober, Way};
use crate::check::Rules;
use crate::clock;
use crate::config::Config;
use crate::doctor::{
    AccountFacts, Asked, Assumed, BaseFacts, Facts, OrganizationFacts, Report, Setup,
};
use crate::exit::Exit;
use crate::model::{Account, AccountId, Cluster, ScanError, UnknownReason};
use crate::plan::gate;
use crate::render::{self, Format, TextOptions};

pub(super) const HELP: &str = "\
It needs no more than a scan does. With --remediation, or where remediation.mode is not off, it also asks for the
remediation role, with a session that may do nothing.

Exit status:
  0      every selected account can be read in full; there may be warnings
  1      a check before the accounts failed: bad configuration, no credentials, accounts could not be listed
  2      usage error
  4      at least one account cannot be read in full, or lacks the remediation role that was asked for
  128+n  ended by signal n; the report names the accounts that were not asked

Drift is not judged, so that 3 and 5 do not occur.";

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The report's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: DoctorFormat,
    /// Write the report to a file (whole or not at all, mode 0600) instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only this account (repeatable)
    #[arg(long = "account", value_name = "ID", value_parser = id_of)]
    accounts: Vec<AccountId>,
    /// Not this account (repeatable)
    #[arg(long = "exclude-account", value_name = "ID", value_parser = id_of)]
    exclude_accounts: Vec<AccountId>,
    /// Ask for the remediation role too, whatever remediation.mode is; it is never written with
    #[arg(long)]
    remediation: bool,
    /// Name every account of every cause, and those that are fine
    #[arg(long)]
    verbose: bool,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DoctorFormat {
    Text,
    Json,
}

pub(super) fn main(common: &Common, flags: &Doctor) -> anyhow::Result<Exit> {
    if let Some(path) = &flags.output {
        output::check_writable(path, output::For::Owner)?;
    }
    let path = common.config_path();
    let mut facts = Facts {
        started_at: clock::now(),
        finished_at: clock::now(),
        config_path: path.to_string_lossy().into_owned(),
        setup: Err(String::new()),
        base: None,
        organization: None,
        accounts: vec![],
        stopped: false,
    };
    let mut signal = None;
    match Config::load(&path) {
        Err(error) => facts.setup = Err(error.problems.join("; ").replace('\n', "; ")),
        Ok(config) => {
            common.start_logging(&config.log)?;
            facts.setup = Ok(Setup::of(&config, flags.remediation));
            let stop = Stop::on_signals()?;
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("failed to start the runtime")?;
            runtime.block_on(ask(common, flags, &config, &stop.token, &mut facts));
            signal = facts.stopped.then(|| stop.exit());
        }
    }
    facts.finished_at = clock::now();
    let report = Report::of(facts);
    write(common, flags, &report)?;
    if let Some(signal) = signal {
        return Ok(signal);
    }
    let failed: Vec<&str> = report.failed().map(|check| check.name).collect();
    anyhow::ensure!(failed.is_empty(), "{}: {}", failures(failed.len()), failed.join(", "));
    Ok(report.exit())
}

fn failures(count: usize) -> String {
    let checks = render::words::plural(count, "check");
    format!("{checks} before the accounts failed")
}

/// Step by step, each where the one before it succeeded. What was learned stays when it is stopped.
async fn ask(
    common: &Common,
    flags: &Doctor,
    config: &Config,
    cancel: &CancellationToken,
    facts: &mut Facts,
) {
    let connecting = Aws::preflight(config, Connect::default());
    let Some(Preflight { base, aws }) = cancel.run_until_cancelled(connecting).await else {
        facts.stopped = true;
        return;
    };
    let own = own_account(&base);
    facts.base = Some(base);
    let Some(aws) = aws else { return };
    let listing = async {
        let way = aws.ask_way().await;
        let listed = aws.organization().await;
        (way, listed)
    };
    let Some((Way { role, via, calls }, listed)) = cancel.run_until_cancelled(listing).await else {
        facts.stopped = true;
        return;
    };
    let reachable = via.as_ref().is_none_or(Result::is_ok);
    let mut found = OrganizationFacts { role, via, calls, listing: Ok((0, 0)) };
    let organization = match listed {
        Ok(organization) => organization,
        Err(error) => {
            found.listing = Err(error);
            facts.organization = Some(found);
            return;
        }
    };
    let rules = run::rules(config, &aws, &organization);
    let mut accounts = organization.accounts;
    if let Err(error) = flags.select(&mut accounts) {
        let error = ScanError::new(UnknownReason::AccountGone, error.to_string());
        found.listing = Err(error.hint("correct the flags, or the filters in `accounts`"));
        facts.organization = Some(found);
        return;
    }
    let (left_out, selected): (Vec<_>, Vec<_>) =
        accounts.into_iter().partition(|account| account.skip.is_some());
    found.listing = Ok((left_out.len() + selected.len(), selected.len()));
    facts.organization = Some(found);
    facts.accounts = left_out.into_iter().map(|account| (account, Asked::LeftOut)).collect();
    // Where a link of the chain is missing, only the account of the base credentials could answer.
    let (asked, rest): (Vec<_>, Vec<_>) =
        selected.into_iter().partition(|account| reachable || own.as_ref() == Some(&account.id));
    facts.accounts.extend(rest.into_iter().map(|account| (account, Asked::Not)));
    let asking = Asking { aws: &aws, config, rules: &rules, remediation: flags.remediation };
    let asked = asking.all(asked, common.no_progress, cancel).await;
    facts.stopped = asked.iter().any(|(_, asked)| matches!(asked, Asked::Not));
    facts.accounts.extend(asked);
}

/// The account that the base credentials live in.
fn own_account(base: &BaseFacts) -> Option<AccountId> {
    Some(base.identity.as_ref()?.as_ref().ok()?.account.clone())
}

impl Doctor {
    /// As the other commands select.
    fn select(&self, accounts: &mut [Account]) -> anyhow::Result<()> {
        let (only, exclude) = (self.accounts.clone(), self.exclude_accounts.clone());
        Flags { accounts: only, exclude_accounts: exclude, ..Flags::default() }.select(accounts)
    }
}

/// What accounts are asked with.
struct Asking<'a> {
    aws: &'a Aws,
    config: &'a Config,
    rules: &'a Rules,
    /// The remediation role is asked for whatever the mode is.
    remediation: bool,
}

impl Asking<'_> {
    /// All of these accounts, some at once; those that were not reached when it is stopped are not asked.
    async fn all(
        &self,
        accounts: Vec<Account>,
        quiet: bool,
        cancel: &CancellationToken,
    ) -> Vec<(Account, Asked)> {
        let mut progress = Progress::new(accounts.len(), quiet);
        let asked = stream::iter(accounts).map(async |account| {
            let told = match cancel.is_cancelled() {
                true => None,
                false => cancel.run_until_cancelled(Box::pin(self.one(&account))).await,
            };
            (account, told.map_or(Asked::Not, |told| Asked::Told(Box::new(told))))
        });
        let mut asked = asked.buffer_unordered(self.config.sweep.concurrency.max(1));
        let mut done = vec![];
        while let Some(one) = asked.next().await {
            progress.one();
            done.push(one);
        }
        done
    }

    async fn one(&self, account: &Account) -> AccountFacts {
        let longest = self.config.sweep.account_timeout;
        let others = |clusters: &[Cluster]| -> BTreeSet<String> {
            self.rules.other_roles(&account.id, clusters)
        };
        let asking = self.aws.ask_account(account, self.asks_remediation(account), &others);
        tokio::time::timeout(longest, asking).await.unwrap_or_else(|_| late(longest))
    }

    /// Where remediation may act, unless the flag asks everywhere.
    fn asks_remediation(&self, account: &Account) -> bool {
        gate::coverage(&self.config.remediation, account).is_ok()
            && Setup::of(self.config, self.remediation).asks_remediation
    }
}

fn late(longest: Duration) -> AccountFacts {
    let seconds = longest.as_secs_f64();
    let message = format!("the account did not answer everything within {seconds} s");
    let answer = Err(ScanError::new(UnknownReason::Timeout, message));
    let scan_role = Some(Assumed { answer, without_external_id: None });
    AccountFacts { scan_role, ..AccountFacts::default() }
}

/// A bar on a terminal, log lines otherwise.
struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    total: usize,
    done: usize,
}

impl Progress {
    fn new(total: usize, quiet: bool) -> Self {
        Self { bar: progress::bar(total, quiet), quiet, total, done: 0 }
    }

    fn one(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.set_position(self.done as u64),
            None if !self.quiet && self.done.is_multiple_of(progress::step(self.total)) => {
                tracing::info!(done = self.done, accounts = self.total, "accounts are being asked");
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn write(common: &Common, flags: &Doctor, report: &Report) -> anyhow::Result<()> {
    let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    let color = flags.output.is_none() && common.colored(&std::io::stdout());
    let options = TextOptions { color, width, verbose: flags.verbose, ..TextOptions::default() };
    let format = match flags.format {
        DoctorFormat::Text => Format::Text,
        DoctorFormat::Json => Format::Json,
    };
    let text = render::doctor(report, format, options).context("failed to write the report")?;
    match &flags.output {
        Some(path) => output::write(path, text.as_bytes(), output::For::Owner),
        None => output::print(text.as_bytes()),
    }
}
