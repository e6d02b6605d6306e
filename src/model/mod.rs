//! The words every other module shares. Plain values: no clock, network or configuration.

mod account;
pub(crate) mod action;
mod applied;
mod arn;
mod change;
mod changes;
mod cluster;
mod conditions;
mod error;
mod finding;
mod guard;
mod json;
mod report;
mod role;
mod shard;
mod text;
mod verdict;

pub use account::{Account, AccountId, InvalidAccountId, SkipReason};
pub use action::Action;
pub(crate) use applied::DEFAULT_SESSION_SECONDS;
pub use arn::{InvalidArn, Partition, RoleArn};
pub use change::{Change, Origin, Phase, StepOutcome, Write};
pub use changes::Changes;
pub use cluster::{Cluster, LINKED_ROLE, LINKED_SERVICE, Usage, linked_path};
pub use conditions::condition_in_words;
pub use error::{ScanError, UnknownReason};
pub use finding::{Finding, Severity, is_finding_id};
pub use guard::{Breaker, Guard, Stopped};
pub use json::{json_line, json_pretty};
pub use report::{
    AccountReport, AccountResult, AccountState, CheckResult, CheckResults, FindingCounts, Report,
    StateCounts, Summary, SweepInfo, Unread,
};
pub use role::{ManagedPolicy, Role, Snapshot};
pub use shard::{InvalidShard, Shard};
pub(crate) use text::{is_dangerous, shell_word};
pub use text::{printable, printable_line};
pub use verdict::{CheckName, Needs, Scope, Side, Verdict, Witness};
