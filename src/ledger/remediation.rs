//! How remediation stands, as everybody sees it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::config::RemediationMode;
use crate::model::{AccountId, Breaker, Guard};
use crate::plan::{Blocked, Plan, gate};

/// How remediation stands. The default is that of a rolewarden that never looked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RemediationView {
    /// What arms it: see [`crate::plan::arming_code`]; `None` until the organization is known.
    pub code: Option<String>,
    /// It was armed with that code.
    pub armed: bool,
    /// What holds it back over restarts.
    pub guard: Guard,
    /// What blocked the last run, or ended it early; in JSON, the sentence.
    pub held: Option<Blocked>,
    /// Drifted accounts that it will remediate, now or later.
    pub pending: usize,
    /// Drifted accounts that may not be changed now, and why; by account.
    pub waiting: Vec<Waiting>,
    /// When it last looked at what is to be done; `None`: never since the start.
    pub looked_at: Option<Timestamp>,
    /// What the next run would do, as it was then.
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
}

/// A drifted account that may not be changed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Blocked,
}

impl Waiting {
    /// Whether it is left to people, because its role is changed back again and again.
    pub fn is_flapping(&self) -> bool {
        matches!(self.why, Blocked::Flapping(..))
    }
}

impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Waiting", 5)?;
        members.serialize_field("account", &self.account)?;
        members.serialize_field("name", &self.name)?;
        members.serialize_field("reason", self.why.as_str())?;
        members.serialize_field("message", &self.why)?;
        members.serialize_field("until", &self.why.until())?;
        members.end()
    }
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
    /// It is armed, and something blocks it.
    Held,
    /// It remediates drift.
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

    /// What blocks every write now, as far as it is known: a stop or the breaker at once, the rest since the last sweep.
    pub fn blocked(&self) -> Option<Blocked> {
        gate::brakes(&self.guard, None).err().or_else(|| self.held.clone())
    }

    /// Accounts whose role is changed back again and again.
    pub fn flapping(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(|waiting| waiting.is_flapping())
    }

    /// Whether failures have stopped it.
    pub fn breaker_is_open(&self) -> bool {
        match self.guard.breaker {
            Breaker::Open { .. } => true,
            Breaker::Closed | Breaker::HalfOpen => false,
        }
    }
}
