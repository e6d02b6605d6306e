//! Faults, and the rules that say which calls meet them.

use std::ops::Range;

use super::answer::Call;
use super::calls::{Operation, Service};
use super::wire::{Answer, Refusal};

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
    /// Any other error: status and code.
    Error(u16, &'static str),
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

/// How an answer leaves the server.
#[derive(Debug)]
pub(super) enum Delivery {
    Whole(Answer),
    /// The connection closes after so many bytes of the body.
    Cut(Answer, usize),
    /// The `Date` header is a day ahead.
    Tomorrow(Answer),
    Never,
}

impl Fault {
    /// The error answer, of a fault that is one.
    pub(super) fn refusal(self, call: &Call<'_>) -> Option<Refusal> {
        let service = call.operation.service();
        let json = service == Service::Organizations;
        let (status, code, message) = match self {
            Self::Denied => return Some(call.denied(&call.resource(), "")),
            Self::ScpDenied => {
                let because = " with an explicit deny in a service control policy";
                return Some(call.denied(&call.resource(), because));
            }
            Self::ExpiredToken => return Some(Refusal::expired(service)),
            Self::Throttled if json => {
                (400, "TooManyRequestsException", "AWS Organizations can't complete your request.")
            }
            Self::Throttled => (400, "Throttling", "Rate exceeded"),
            Self::ServerError if service == Service::Iam => {
                (500, "ServiceFailure", UNKNOWN_FAILURE)
            }
            Self::ServerError => (500, "InternalFailure", UNKNOWN_FAILURE),
            Self::NotInUse => (
                400,
                "AWSOrganizationsNotInUseException",
                "Your account is not a member of an organization.",
            ),
            Self::Error(status, code) => (status, code, "The request cannot be completed."),
            Self::ClockSkew if json => (400, "InvalidSignatureException", SKEWED),
            Self::ClockSkew => (403, "SignatureDoesNotMatch", SKEWED),
            Self::Hangs
            | Self::Malformed
            | Self::CutBody(_)
            | Self::Without(_)
            | Self::TruncatedWithoutMarker
            | Self::WrongAccount
            | Self::HtmlPage => return None,
        };
        Some(Refusal::new(status, code, message))
    }

    /// The answer as the fault leaves it.
    pub(super) fn deliver(self, mut answer: Answer) -> Delivery {
        match self {
            Self::Hangs => return Delivery::Never,
            Self::ClockSkew => return Delivery::Tomorrow(answer),
            Self::CutBody(at) => return Delivery::Cut(answer, at),
            Self::Malformed => {
                let half = answer.body.chars().count() / 2;
                answer.body = answer.body.chars().take(half).collect();
            }
            Self::Without(name) => answer.body = without(&answer.body, name),
            Self::TruncatedWithoutMarker => {
                let (was, is) =
                    ("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated>");
                answer.body = answer.body.replace(was, is);
            }
            Self::HtmlPage => {
                let body = "<!DOCTYPE html><html><body><h1>Sign in to continue</h1></body></html>"
                    .to_owned();
                answer = Answer { status: 200, content_type: "text/html", body };
            }
            Self::Denied
            | Self::ScpDenied
            | Self::Throttled
            | Self::ServerError
            | Self::NotInUse
            | Self::Error(..)
            | Self::ExpiredToken
            | Self::WrongAccount => {}
        }
        Delivery::Whole(answer)
    }
}

const SKEWED: &str =
    "Signature expired: the time of the request is too far from the time of the service.";
const UNKNOWN_FAILURE: &str = "The request processing has failed because of an unknown error.";

fn without(body: &str, name: &str) -> String {
    let close = format!("</{name}>");
    let open = body.split_once(&format!("<{name}>"));
    let parts = open.and_then(|(before, rest)| Some((before, rest.split_once(&close)?.1)));
    parts.map_or_else(|| body.to_owned(), |(before, after)| format!("{before}{after}"))
}
