//! Which list of accounts is in force. Pure.

use jiff::Timestamp;

use crate::aws::Organization;
use crate::config::Config;
use crate::ledger::{Event, Trigger, View};
use crate::model::{ScanError, UnknownReason};

/// Of a hundred accounts, how many may be missing from one list to the next.
const MAY_LEAVE_PERCENT: usize = 10;

/// Whether the accounts are to be listed before this sweep: every so often, after a failure, and when a person asks.
pub(super) fn is_due(view: &View, config: &Config, trigger: Trigger, now: Timestamp) -> bool {
    let Some(last) = view.list.refreshed_at else { return true };
    let age = now.as_second().saturating_sub(last.as_second());
    let old = !u64::try_from(age).is_ok_and(|age| age < config.accounts.refresh.as_secs());
    match trigger {
        Trigger::Start | Trigger::Request => true,
        Trigger::Schedule => old || view.list.stale.is_some(),
    }
}

/// A list that lacks too many of the accounts that are known is not believed: more likely the listing was cut short than
/// a tenth of the organization left within the hour. One account may always leave.
pub(super) fn believed(view: &View, organization: Organization) -> Result<Organization, ScanError> {
    let (lacking, known) = view.ledger.lacks(&organization.accounts);
    if view.accept_shrunken_list || lacking <= 1 || lacking * 100 <= known * MAY_LEAVE_PERCENT {
        return Ok(organization);
    }
    let message = format!(
        "the list lacks {lacking} of the {known} known accounts: it is not believed, and the one before stays in force"
    );
    Err(ScanError::new(UnknownReason::AccountGone, message)
        .during("organizations:ListAccounts")
        .hint("if they did leave, reload the configuration: the next list is then believed"))
}

/// Puts a list in force.
pub(super) fn take(view: &mut View, organization: Organization, now: Timestamp) -> Vec<Event> {
    view.list.refreshed_at = Some(now);
    view.list.stale = None;
    view.list.organization = organization.id.or(view.list.organization.take());
    view.accept_shrunken_list = false;
    view.ledger.list(organization.accounts, now)
}
