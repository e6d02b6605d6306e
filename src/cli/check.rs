//! `rolewarden check`: judges files offline, with the same rules as a scan.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Common, Report as Flags, output};
use crate::aws::details::{self, Details};
use crate::check::{Judgement, Rules};
use crate::clock;
use crate::config::{Config, Exception};
use crate::exit::Exit;
use crate::model::{
    Account, AccountReport, AccountResult, CheckName, LINKED_ROLE, Partition, Usage, printable_line,
};
use crate::sweep;

/// Largest file read: an account with thousands of roles prints some tens of megabytes.
const LARGEST: u64 = 256 << 20;

/// How a good file is made.
const HINT: &str = "make one file an account, with that account's credentials: \
     aws iam get-account-authorization-details --output json > account.json";

pub(super) fn main(common: &Common, files: &[PathBuf], flags: &Flags) -> anyhow::Result<Exit> {
    let mut config = match &common.config {
        Some(path) => Config::load_for_check(path)?,
        None => Config::default_for_check()?,
    };
    flags.apply(&mut config);
    common.start_logging(&config.log)?;
    if let Some(path) = &flags.output {
        output::check_writable(path, output::For::Owner)?;
    }
    let started = clock::now();
    let linked = !config.checks.disabled.contains(&CheckName::ServiceLinkedRole);
    let others: &[&str] = if linked { &[LINKED_ROLE] } else { &[] };
    let mut read: Vec<Details> = Vec::new();
    for file in files {
        let shown =
            if is_stdin(file) { "stdin".to_owned() } else { format!("`{}`", file.display()) };
        let bytes = bytes_of(file).with_context(|| format!("failed to read {shown}"))?;
        let details = String::from_utf8(bytes)
            .map_err(|_| "not text in UTF-8".to_owned())
            .and_then(|text| details::read(&text, &config.baseline.role_name, others));
        read.push(details.map_err(|what| anyhow::anyhow!("{shown}: {what}\nhint: {HINT}"))?);
    }
    let mut accounts: Vec<Account> = read.iter().map(account).collect();
    flags.select(&mut accounts)?;
    warn_of_exceptions(&config);
    let reports = accounts
        .into_iter()
        .zip(read)
        .map(|(account, details)| judge(&config, account, details))
        .collect();
    let report = sweep::report_of(&config, "check", clock::sweep_id(), started, reports, true);
    flags.write(common, &report)?;
    Ok(Exit::of(&report.summary))
}

/// Names the exceptions that cover nothing: expired, or by what a file does not tell.
fn warn_of_exceptions(config: &Config) {
    sweep::warn_of_expired(&Rules::new(config, Partition::default(), None, clock::today()));
    let blind = config.exceptions.iter().filter(|e| e.accounts.by_organization());
    for Exception { id, .. } in blind {
        let exception = printable_line(id, 64);
        tracing::warn!(
            exception,
            "an exception is for units or tags, which are not known offline: it covers only the accounts it names"
        );
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn bytes_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_stdin(file) {
        std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(LARGEST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn account(details: &Details) -> Account {
    Account::numbered(details.account.clone())
}

fn judge(config: &Config, account: Account, details: Details) -> AccountReport {
    let result = match account.skip {
        Some(reason) => AccountResult::Skipped(reason),
        None => {
            let rules = Rules::new(config, details.partition, None, clock::today());
            let usage = Usage { roles: details.others, ..Usage::default() };
            match rules.judge(&account, &details.snapshot, Some(&usage)) {
                Ok(Judgement { state, role_arn, checks, findings }) => AccountResult::Judged {
                    state,
                    role_arn,
                    checked_at: clock::now(),
                    checks,
                    findings,
                },
                Err(error) => AccountResult::Unknown(Box::new(error)),
            }
        }
    };
    AccountReport { id: account.id, name: account.name, path: account.path, result }
}
