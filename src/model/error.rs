//! Why an account could not be judged.

use serde::{Deserialize, Serialize};

/// The closed set of reasons for the state `unknown`; the value of the metric label `reason`, never error text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// `sts:AssumeRole` was refused: not deployed, other trust, wrong external id.
    AssumeDenied,
    /// A service or resource control policy refused the call by its own words.
    ScpDenied,
    /// The scan role may not make a read it needs.
    AccessDenied,
    /// Throttled beyond the retry budget.
    Throttled,
    /// No answer in time.
    Timeout,
    /// No connection: DNS, refused, TLS.
    Network,
    /// AWS answered with an error no other reason names.
    AwsError,
    /// The answer is not what the API promises.
    MalformedResponse,
    /// The answer came from another account.
    WrongAccount,
    /// The role changed with every read.
    Unstable,
    /// A policy whose comparison spent the work budget.
    Undecided,
    /// The clock here and AWS's disagree.
    Clock,
    /// The account left or closed during the sweep.
    AccountGone,
    /// A defect of rolewarden; please report it.
    Internal,
    /// Not scanned yet, or the sweep was stopped before it.
    Pending,
    /// Judged once, but not read again for too long.
    Stale,
}

impl UnknownReason {
    /// Every reason.
    pub const ALL: [Self; 16] = [
        Self::AssumeDenied,
        Self::ScpDenied,
        Self::AccessDenied,
        Self::Throttled,
        Self::Timeout,
        Self::Network,
        Self::AwsError,
        Self::MalformedResponse,
        Self::WrongAccount,
        Self::Unstable,
        Self::Undecided,
        Self::Clock,
        Self::AccountGone,
        Self::Internal,
        Self::Pending,
        Self::Stale,
    ];

    /// The reason's name in JSON, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeDenied => "assume_denied",
            Self::ScpDenied => "scp_denied",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::AwsError => "aws_error",
            Self::MalformedResponse => "malformed_response",
            Self::WrongAccount => "wrong_account",
            Self::Unstable => "unstable",
            Self::Undecided => "undecided",
            Self::Clock => "clock",
            Self::AccountGone => "account_gone",
            Self::Internal => "internal",
            Self::Pending => "pending",
            Self::Stale => "stale",
        }
    }
}

/// A read that failed, in words a person can act on. Text from AWS is already made printable and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}{message}", operation.as_ref().map(|o| format!("{o}: ")).unwrap_or_default())]
pub struct ScanError {
    /// Which of the closed set.
    pub reason: UnknownReason,
    /// The call, as `sts:AssumeRole`.
    pub operation: Option<String>,
    /// The error code AWS gave, as `AccessDenied`.
    pub code: Option<String>,
    /// The request id AWS gave, for a support case and CloudTrail.
    pub request_id: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ScanError {
    /// An error that no answer of AWS stands behind.
    pub fn new(reason: UnknownReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            operation: None,
            code: None,
            request_id: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Names the call that failed, as `iam:GetRole`.
    #[must_use]
    pub fn during(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
