//! The report: checks, causes, accounts, and the status that follows.

use jiff::Timestamp;
use serde::Serialize;

use super::causes::{Call, Cause, Group, Kind, Part, Trouble, groups, troubles};
use super::checks::{Check, Status, checks};
use super::facts::{Asked, BaseFacts, Facts, Provider, Setup};
use super::remedies::remedy;
use crate::exit::Exit;
use crate::model::{AccountId, ScanError, SkipReason};

/// What the preflight comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every selected account can be read in full; there may be warnings.
    Ok,
    /// At least one cannot, or lacks the remediation role that was asked for.
    Incomplete,
    /// Something before the accounts failed.
    Failed,
}

/// The report of a preflight.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of this shape.
    pub schema: &'static str,
    /// The version of rolewarden.
    pub version: &'static str,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it comes to.
    pub outcome: Outcome,
    /// Whether every selected account was asked.
    pub complete: bool,
    /// The base credentials, as far as they are known.
    pub base: Base,
    /// Counts of accounts.
    pub summary: Summary,
    /// What comes before the accounts.
    pub checks: Vec<Check>,
    /// What is missing where, the worst and most frequent first.
    pub causes: Vec<CauseEntry>,
    /// The accounts, in id order.
    pub accounts: Vec<AccountEntry>,
}

/// The base credentials.
#[derive(Debug, Default, Serialize)]
pub struct Base {
    /// Their ARN.
    pub arn: Option<String>,
    /// The account they live in.
    pub account: Option<AccountId>,
    /// The partition.
    pub partition: Option<String>,
    /// The region that calls go to.
    pub region: Option<String>,
    /// What gave them.
    pub provider: Option<Provider>,
    /// When they end.
    pub expires_at: Option<Timestamp>,
    /// Seconds that AWS's clock is ahead of this machine's.
    pub clock_ahead_seconds: Option<i64>,
    /// Names of the variables or settings that override endpoints.
    pub endpoint_overrides: Vec<String>,
}

/// Counts of accounts.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All that were found.
    pub discovered: usize,
    /// Those that are not left out.
    pub selected: usize,
    /// Those that are.
    pub skipped: usize,
    /// Selected, and everything is fine.
    pub ok: usize,
    /// Selected, and there is a warning.
    pub warning: usize,
    /// Selected, and something is missing.
    pub incomplete: usize,
    /// Selected, and not asked.
    pub not_asked: usize,
}

/// A cause with what mends it.
#[derive(Debug, Serialize)]
pub struct CauseEntry {
    /// The cause.
    #[serde(flatten)]
    pub cause: Cause,
    /// Whether the accounts are all right in spite of it.
    pub warning: bool,
    /// What AWS said first, without what is particular to one account.
    pub says: Option<String>,
    /// What mends it.
    pub remedy: String,
    /// How many accounts it is in.
    pub count: usize,
    /// Which.
    pub accounts: Vec<AccountId>,
}

/// What became of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Everything is fine.
    Ok,
    /// It can be read, and there is a warning.
    Warning,
    /// Something is missing.
    Incomplete,
    /// Left out.
    Skipped,
    /// Selected, and not asked.
    NotAsked,
}

/// One account.
#[derive(Debug, Serialize)]
pub struct AccountEntry {
    /// The account number.
    pub id: AccountId,
    /// Its name; hostile text.
    pub name: String,
    /// Its place in the organization; hostile text.
    pub path: String,
    /// What became of it.
    pub status: AccountStatus,
    /// Why it is left out.
    pub skip_reason: Option<SkipReason>,
    /// Everything that is missing.
    pub problems: Vec<Problem>,
}

/// One thing that an account does not allow.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The reason.
    pub cause: Kind,
    /// Whose permissions are lacking.
    pub part: Part,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// What AWS said.
    pub error: Option<ScanError>,
}

impl Report {
    /// The version of the report's shape.
    pub const SCHEMA: &'static str = "rolewarden.doctor/v1";

    /// Puts the report together.
    pub fn of(mut facts: Facts) -> Self {
        let checks = checks(&facts);
        facts.accounts.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        let troubles: Vec<Vec<Trouble>> = facts
            .accounts
            .iter()
            .map(|(_, asked)| match asked {
                Asked::Told(told) => troubles(told),
                Asked::LeftOut | Asked::Not => vec![],
            })
            .collect();
        let ids = facts.accounts.iter().map(|(account, _)| &account.id);
        let groups = groups(ids.zip(troubles.iter().map(Vec::as_slice)));
        let base = facts.base.as_ref().map(Base::of).unwrap_or_default();
        let caller = base.arn.clone().unwrap_or_else(|| "the base credentials".to_owned());
        let causes = match &facts.setup {
            Ok(setup) => {
                groups.into_iter().map(|group| CauseEntry::of(group, setup, &caller)).collect()
            }
            Err(_) => vec![],
        };
        let accounts: Vec<AccountEntry> = facts
            .accounts
            .into_iter()
            .zip(troubles)
            .map(|((account, asked), troubles)| AccountEntry {
                status: AccountStatus::of(&asked, &troubles),
                id: account.id,
                name: account.name,
                path: account.path,
                skip_reason: account.skip,
                problems: troubles.into_iter().map(Problem::of).collect(),
            })
            .collect();
        let summary = Summary::of(&accounts);
        Self {
            schema: Self::SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            started_at: facts.started_at,
            finished_at: facts.finished_at,
            outcome: Outcome::of(&checks, &summary),
            complete: summary.not_asked == 0 && !facts.stopped && summary.selected > 0,
            base,
            summary,
            checks,
            causes,
            accounts,
        }
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.status == Status::Failed)
    }

    /// The status that the process ends with.
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Ok => Exit::Clean,
            Outcome::Incomplete => Exit::Incomplete,
            Outcome::Failed => Exit::Failed,
        }
    }
}

impl Outcome {
    fn of(checks: &[Check], summary: &Summary) -> Self {
        if checks.iter().any(|check| check.status == Status::Failed) {
            return Self::Failed;
        }
        match summary.incomplete + summary.not_asked {
            0 => Self::Ok,
            _ => Self::Incomplete,
        }
    }
}

impl Base {
    fn of(facts: &BaseFacts) -> Self {
        let identity = facts.identity.as_ref().and_then(|identity| identity.as_ref().ok());
        let credentials = facts.credentials.as_ref().ok();
        Self {
            arn: identity.map(|who| who.arn.clone()),
            account: identity.map(|who| who.account.clone()),
            partition: identity.map(|who| who.partition.clone()),
            region: Some(facts.region.clone()),
            provider: credentials.map(|found| found.provider),
            expires_at: credentials.and_then(|found| found.ends),
            clock_ahead_seconds: facts.clock_ahead_seconds,
            endpoint_overrides: facts.endpoints.iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

impl CauseEntry {
    fn of(group: Group, setup: &Setup, caller: &str) -> Self {
        let Group { cause, says, accounts } = group;
        let remedy = remedy(&cause, setup, caller);
        let (warning, count) = (cause.kind.is_warning(), accounts.len());
        Self { cause, warning, says, remedy, count, accounts }
    }
}

impl AccountStatus {
    fn of(asked: &Asked, troubles: &[Trouble]) -> Self {
        match asked {
            Asked::LeftOut => Self::Skipped,
            Asked::Not => Self::NotAsked,
            Asked::Told(_) if troubles.is_empty() => Self::Ok,
            Asked::Told(_) if troubles.iter().all(|trouble| trouble.kind.is_warning()) => {
                Self::Warning
            }
            Asked::Told(_) => Self::Incomplete,
        }
    }
}

impl Problem {
    fn of(trouble: Trouble) -> Self {
        let Trouble { part, kind, call, error } = trouble;
        Self { cause: kind, part, call, error }
    }
}

impl Summary {
    fn of(accounts: &[AccountEntry]) -> Self {
        let mut summary = Self { discovered: accounts.len(), ..Self::default() };
        for account in accounts {
            *match account.status {
                AccountStatus::Ok => &mut summary.ok,
                AccountStatus::Warning => &mut summary.warning,
                AccountStatus::Incomplete => &mut summary.incomplete,
                AccountStatus::NotAsked => &mut summary.not_asked,
                AccountStatus::Skipped => &mut summary.skipped,
            } += 1;
        }
        summary.selected = summary.discovered - summary.skipped;
        summary
    }
}
