//! How remediation stands, as everybody sees it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{Breaker, Guard};
use crate::config::RemediationMode;
use crate::model::AccountId;
use crate::plan::Plan;

/// How remediation stands. The default is that of a rolewarden that never looked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RemediationView {
    /// What arms it: see [`crate::plan::arming_code`].
    pub code: String,
    /// It was armed with that code.
    pub armed: bool,
    /// What holds it back over restarts.
    pub guard: Guard,
    /// Why the last sweep changed nothing although it was armed, in a sentence.
    pub held: Option<String>,
    /// Drifted accounts that it will put right, and has not yet.
    pub pending: usize,
    /// Accounts that are left alone because what was put right was undone again and again.
    pub flapping: BTreeSet<AccountId>,
    /// When it last looked at what is to be done; `None`: never since the start.
    pub looked_at: Option<Timestamp>,
    /// What the next run would do, as it was then.
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
}

/// Remediation in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is configured off.
    Off,
    /// It plans, and does nothing.
    Plan,
    /// It is configured to apply, and nobody armed it.
    NotArmed,
    /// It was stopped by hand, or because the journal was lost.
    Stopped,
    /// Too many changes failed.
    BreakerOpen,
    /// It is armed, and something keeps it from writing.
    Held,
    /// It puts drift right.
    Armed,
}

impl Standing {
    /// The name in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Plan => "plan",
            Self::NotArmed => "not_armed",
            Self::Stopped => "stopped",
            Self::BreakerOpen => "breaker_open",
            Self::Held => "held",
            Self::Armed => "armed",
        }
    }
}

impl RemediationView {
    /// In a word, for a configuration with this mode.
    pub fn standing(&self, mode: RemediationMode) -> Standing {
        match mode {
            RemediationMode::Off => Standing::Off,
            RemediationMode::Plan => Standing::Plan,
            RemediationMode::Apply if self.guard.stopped.is_some() => Standing::Stopped,
            RemediationMode::Apply if self.breaker_is_open() => Standing::BreakerOpen,
            RemediationMode::Apply if !self.armed => Standing::NotArmed,
            RemediationMode::Apply if self.held.is_some() => Standing::Held,
            RemediationMode::Apply => Standing::Armed,
        }
    }

    /// Whether failures have stopped it.
    pub fn breaker_is_open(&self) -> bool {
        match self.guard.breaker {
            Breaker::Open { .. } => true,
            Breaker::Closed | Breaker::HalfOpen => false,
        }
    }
}
