//! Exceptions: which hold on a day, in which account. Pure.

use jiff::civil::Date;

use crate::config::{Acceptance, Exception};
use crate::model::{Account, CheckName};

/// Days before its end from which on an exception is about to expire.
const SOON: i32 = 7;

/// Whether an exception holds on a day. Its last day is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExceptionState {
    /// It holds for more than a week.
    Active,
    /// It holds, for a week at most.
    Expiring,
    /// It covers nothing any more.
    Expired,
}

impl ExceptionState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expiring, Self::Expired];

    /// The state on a day, in UTC, of an exception whose last day is `expires`.
    pub fn on(today: Date, expires: Date) -> Self {
        match (expires - today).get_days() {
            ..0 => Self::Expired,
            0..=SOON => Self::Expiring,
            _ => Self::Active,
        }
    }

    /// The state's name in pages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        }
    }
}

/// All exceptions, on one day.
#[derive(Debug)]
pub(super) struct Exceptions {
    list: Vec<Exception>,
    today: Date,
}

impl Exceptions {
    pub(super) fn new(list: Vec<Exception>, today: Date) -> Self {
        Self { list, today }
    }

    /// Those that hold in this account.
    pub(super) fn holding<'e>(
        &'e self,
        account: &'e Account,
    ) -> impl Iterator<Item = &'e Exception> {
        let holds = |exception: &&Exception| {
            self.state(exception) != ExceptionState::Expired && exception.accounts.covers(account)
        };
        self.list.iter().filter(holds)
    }

    /// The id of the first exception that holds in this account and accepts more than the baseline in the document that a
    /// check looks at.
    pub(super) fn beside_document(&self, account: &Account, check: CheckName) -> Option<String> {
        let beside = |a: &Acceptance| match check {
            CheckName::TrustPolicy => a.is_of_trust(),
            CheckName::InlinePolicy => a.inline_policy.is_some(),
            CheckName::RoleExists
            | CheckName::AttachedPolicies
            | CheckName::EffectivePermissions
            | CheckName::RoleAttributes
            | CheckName::ConnectorUsage
            | CheckName::ServiceLinkedRole => false,
        };
        let accepts = |exception: &&Exception| exception.acceptance().is_some_and(beside);
        self.holding(account).find(accepts).map(|exception| exception.id.clone())
    }

    /// The exceptions that have expired.
    pub(super) fn expired(&self) -> impl Iterator<Item = &Exception> {
        self.list.iter().filter(|exception| self.state(exception) == ExceptionState::Expired)
    }

    fn state(&self, exception: &Exception) -> ExceptionState {
        ExceptionState::on(self.today, exception.expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_still_holds_and_the_last_week_is_announced() {
        use ExceptionState::{Active, Expired, Expiring};
        let cases = [
            ("2027-01-31", "2027-01-01", Active),
            ("2027-01-31", "2027-01-23", Active),
            ("2027-01-31", "2027-01-24", Expiring),
            ("2027-01-31", "2027-01-31", Expiring),
            ("2027-01-31", "2027-02-01", Expired),
            ("2024-02-29", "2024-03-01", Expired),
            ("2026-11-24", "9999-12-31", Expired),
            ("9999-12-31", "2026-11-24", Active),
        ];
        for (expires, today, want) in cases {
            let (expires, today) = (expires.parse().unwrap(), today.parse().unwrap());
            assert_eq!(ExceptionState::on(today, expires), want, "case {expires} on {today}");
        }
    }
}
