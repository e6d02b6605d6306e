//! What became of a run: `rolewarden.run/v1`.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{AccountId, Origin, StepOutcome, Write, action};
use crate::plan::Blocked;

/// A run, account by account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// [`RunReport::SCHEMA`].
    pub schema: &'static str,
    /// Its id: a ULID.
    pub run: String,
    /// The plan it carried out, where there was one.
    pub plan: Option<String>,
    /// Who asked for it.
    pub origin: Origin,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Why it ended before its end, if it did; in JSON, the sentence.
    pub ended_early: Option<Blocked>,
    /// The accounts counted.
    pub summary: RunSummary,
    /// Each account, in the order of the plan.
    pub accounts: Vec<AccountRun>,
}

/// Accounts by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Changed, and seen to be.
    pub applied: usize,
    /// As planned before anything was done.
    pub done_already: usize,
    /// Nothing was written.
    pub left: usize,
    /// Not all that was planned was done, or seen.
    pub failed: usize,
}

/// What became of one account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountRun {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// In a word.
    pub outcome: Outcome,
    /// What blocked it, by the gate's word, where something did.
    pub reason: Option<&'static str>,
    /// Why, unless it was applied; printable.
    pub note: Option<String>,
    /// Each step.
    pub steps: Vec<StepRun>,
}

/// An account's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step was done and seen.
    Applied,
    /// The role was as planned before: nothing was written.
    DoneAlready,
    /// Left as it was: nothing was written.
    Left,
    /// A step failed, was not seen, or was not reached; something may have been written.
    Failed,
}

impl Outcome {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::DoneAlready => "done_already",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRun {
    /// Its change in the journal; `None` where nothing was written down.
    pub change: Option<String>,
    /// What is sent; JSON has its action only.
    #[serde(rename = "action", serialize_with = "action::action_of")]
    pub write: Write,
    /// One sentence for people.
    pub summary: String,
    /// What became of it; `None`: nothing yet, the next start goes on with it.
    pub outcome: Option<StepOutcome>,
    /// Why it did not succeed; printable.
    pub note: Option<String>,
}

impl RunReport {
    /// The schema's name.
    pub const SCHEMA: &'static str = "rolewarden.run/v1";
}

impl RunSummary {
    /// Counts accounts.
    pub fn of(accounts: &[AccountRun]) -> Self {
        let mut summary = Self::default();
        for account in accounts {
            *match account.outcome {
                Outcome::Applied => &mut summary.applied,
                Outcome::DoneAlready => &mut summary.done_already,
                Outcome::Left => &mut summary.left,
                Outcome::Failed => &mut summary.failed,
            } += 1;
        }
        summary
    }
}
