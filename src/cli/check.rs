//! `rolewarden check`: judges files offline, with the same rules as a scan.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use super::{Common, Report as Flags, output};
use crate::aws::details::{self, Details};
use crate::check::{Judgement, Rules};
use crate::clock;
use crate::config::{Config, Exception};
use crate::exit::Exit;
use crate::model::{
    Account, AccountId, AccountReport, AccountResult, CheckName, LINKED_ROLE, Partition, Unread,
    Usage, printable, printable_line,
};
use crate::sweep;

/// Largest file read: an account with thousands of roles prints some tens of megabytes.
const LARGEST: u64 = 256 << 20;

/// How a good file is made. PowerShell has a command of its own: its `>` keeps only letters that the console can show.
const HINT: &str = "make one file per account, with that account's credentials:
        aws iam get-account-authorization-details --output json > account.json
      in PowerShell:
        aws iam get-account-authorization-details --output json | Out-File -Encoding utf8 account.json";

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
    let (read, unread) = sorted(files, |file| {
        read(file).and_then(|bytes| details::read(&bytes, &config.baseline.role_name, others))
    });
    anyhow::ensure!(!read.is_empty(), refusals(&unread));
    if !unread.is_empty() {
        // Before anything else can stop the run, so that no refusal goes unsaid. Nobody may be left to read it.
        let _ = writeln!(anstream::stderr(), "error: {}", printable(&refusals(&unread)));
    }
    let mut accounts: Vec<Account> = read.iter().map(account).collect();
    flags.select(&mut accounts)?;
    warn_of_exceptions(&config);
    warn_of_no_roles(&read);
    let reports = accounts
        .into_iter()
        .zip(read)
        .map(|(account, details)| judge(&config, account, details))
        .collect();
    let report = sweep::report_of(&config, "check", clock::sweep_id(), started, reports, true);
    let report = report.lacking(unread);
    flags.write(common, &report)?;
    Ok(Exit::of_report(&report))
}

/// The files that can be judged, and those that cannot, in the order of the command line. Two files of one account are two
/// claims about it: neither is believed.
fn sorted(
    files: &[PathBuf],
    read: impl Fn(&Path) -> Result<Details, String>,
) -> (Vec<Details>, Vec<Unread>) {
    let mut times: BTreeMap<&Path, usize> = BTreeMap::new();
    for file in files {
        *times.entry(file).or_default() += 1;
    }
    let once = files.iter().filter_map(|file| times.remove_entry(file.as_path()));
    let outcomes: Vec<_> = once
        .map(|(file, times)| match times {
            1 => (file, read(file)),
            times => (file, Err(format!("is named {times} times: expected each file once"))),
        })
        .collect();
    let mut claims: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
    for (file, details) in outcomes.iter().filter_map(|(file, o)| Some((file, o.as_ref().ok()?))) {
        claims.entry(details.account.clone()).or_default().push(shown(file));
    }
    let (mut good, mut unread) = (Vec::new(), Vec::new());
    for (file, outcome) in outcomes {
        let others = outcome.as_ref().map_or_else(
            |_| Vec::new(),
            |details| {
                let shown = shown(file);
                let claims = claims.get(&details.account).into_iter().flatten();
                claims.filter(|other| **other != shown).cloned().collect()
            },
        );
        match outcome {
            Ok(details) if others.is_empty() => good.push(details),
            Ok(Details { account, .. }) => {
                let others = others.join(", ");
                let reason = format!(
                    "holds account {account}, as {others} does: expected one file per account"
                );
                unread.push(Unread { file: file.display().to_string(), reason });
            }
            Err(reason) => unread.push(Unread { file: file.display().to_string(), reason }),
        }
    }
    (good, unread)
}

/// Every refusal on a line of its own, then once what to do.
fn refusals(unread: &[Unread]) -> String {
    let line = |unread: &Unread| {
        format!("{}: {}", shown(Path::new(&unread.file)), printable_line(&unread.reason, 2048))
    };
    let lines: Vec<String> = unread.iter().map(line).collect();
    match lines.as_slice() {
        [one] => format!("{one}\nhint: {HINT}"),
        lines => format!(
            "{} files were not judged:\n  {}\nhint: {HINT}",
            lines.len(),
            lines.join("\n  ")
        ),
    }
}

fn shown(file: &Path) -> String {
    if is_stdin(file) {
        "stdin".to_owned()
    } else {
        format!("`{}`", printable_line(&file.display().to_string(), 4096))
    }
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

/// Names the accounts without any role. AWS makes service-linked roles in every account, so that such an export was most
/// likely made with a `--filter` that left roles out; that cannot be told from the file, and an emulator's account may be so.
fn warn_of_no_roles(read: &[Details]) {
    for Details { account, .. } in read.iter().filter(|details| details.roles == 0) {
        tracing::warn!(
            %account,
            "an export holds no role at all, so the role counts as absent: was it made with `--filter` without `Role`?"
        );
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let most = LARGEST + 1;
    let read = if is_stdin(file) {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            Err(format!("is larger than {} MiB: expected the export of one account", LARGEST >> 20))
        }
        Ok(_) => Ok(bytes),
    }
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
