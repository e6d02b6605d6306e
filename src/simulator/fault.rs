//! Faults, and the rules that say which calls meet them.

use std::ops::Range;

use super::calls::{Operation, Service};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Access denied, without a reason.
    Denied,
    /// Access denied, with an explicit deny in a service control policy.
    ScpDenied,
    /// Throttled.
    Throttled,
    /// The service's own internal error, status 500.
    ServerError,
    /// No organization (`AWSOrganizationsNotInUseException`).
    NotInUse,
    /// Never answered.
    Hangs,
    /// Half an answer whose length says that it is whole.
    Malformed,
    /// The connection closes after so many bytes of the body.
    CutBody(usize),
    /// An XML answer without its first element of this name.
    Without(&'static str),
    /// A list's last page says that more follows, and gives no marker.
    TruncatedWithoutMarker,
    /// The answer names another account.
    WrongAccount,
    /// A proxy's page, with status 200.
    HtmlPage,
    /// The caller's credentials expired.
    ExpiredToken,
    /// The caller's clock is a day off: `SignatureDoesNotMatch`, and the answer's `Date` is tomorrow.
    ClockSkew,
}

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Any call.
    Any,
    /// Any IAM call.
    Iam,
    /// One operation.
    Only(Operation),
}

/// A fault that some calls meet. An account's rules count that account's calls, the world's rules all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which operations.
    pub on: On,
    /// Which calls of each operation, counted from 0.
    pub calls: Range<u64>,
    /// What they meet.
    pub fault: Fault,
}

impl Rule {
    /// Every such call meets the fault.
    pub fn always(on: On, fault: Fault) -> Self {
        Self { on, calls: 0..u64::MAX, fault }
    }

    /// The first `n` calls of each operation meet the fault.
    pub fn first(n: u64, on: On, fault: Fault) -> Self {
        Self { on, calls: 0..n, fault }
    }

    pub(super) fn matches(&self, operation: Operation, nth: u64) -> bool {
        let on = match self.on {
            On::Any => true,
            On::Iam => operation.service() == Service::Iam,
            On::Only(only) => only == operation,
        };
        on && self.calls.contains(&nth)
    }
}
