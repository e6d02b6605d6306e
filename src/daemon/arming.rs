//! Whether a person armed remediation, and for what.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::{Config, RemediationMode};
use crate::ledger::View;
use crate::model::printable_line;
use crate::plan::{self, arming_code, standing_part};

/// The code that a person armed with. It is given at the start, and afterwards it is only ever lost.
///
/// It binds the organization, so it is held against what fits only once the accounts were listed.
#[derive(Debug)]
pub(super) struct Arming(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    code: Option<String>,
    /// It was found to fit, and the log says so.
    fitted: bool,
}

impl Arming {
    /// Takes the code, if the configuration says to apply.
    pub(super) fn new(given: Option<&str>, config: &Config) -> Self {
        let code = match (given, config.remediation.mode) {
            (None, _) => None,
            (Some(_), RemediationMode::Off | RemediationMode::Plan) => {
                tracing::warn!("not armed: remediation.mode is not apply");
                None
            }
            (Some(given), RemediationMode::Apply) => Some(standing_part(given).to_owned()),
        };
        Self(Mutex::new(Given { code, fitted: false }))
    }

    /// Holds the code against the configuration and the organization, once that is known. A code that does not fit is lost.
    pub(super) fn settle(&self, view: &View) {
        let Some(fits) = code(view) else { return };
        let mut given = self.given();
        let Some(code) = given.code.clone() else { return };
        if code != fits {
            *given = Given::default();
            let given = printable_line(&code, 64);
            tracing::error!(
                given,
                "not armed: the code does not fit this organization, this baseline and these actions; review what \
                 `rolewarden plan` prints, and restart with the code it ends with"
            );
        } else if !given.fitted {
            given.fitted = true;
            tracing::warn!(
                code,
                "armed: drift is remediated within the limits of the configuration"
            );
        }
    }

    /// Another configuration is in force. It never arms; and where something else would be written now, or nothing, it
    /// disarms for good.
    pub(super) fn reloaded(&self, view: &View) {
        let off = view.config.remediation.mode != RemediationMode::Apply;
        let mut given = self.given();
        let other = code(view).is_some_and(|fits| given.code.as_ref() != Some(&fits));
        if given.code.is_some() && (off || other) {
            *given = Given::default();
            tracing::warn!(
                "disarmed: the configuration that was reloaded writes something else, or nothing; review what \
                 `rolewarden plan` prints, and restart with the code it ends with"
            );
        }
    }

    /// Whether it is armed for what is in force.
    pub(super) fn fits(&self, view: &View) -> bool {
        view.config.remediation.mode == RemediationMode::Apply
            && self.as_gate(view) == plan::Arming::Armed
    }

    /// As the gate asks for it.
    pub(super) fn as_gate(&self, view: &View) -> plan::Arming {
        let given = self.given().code.clone();
        plan::Arming::of(given.as_deref(), &code(view).unwrap_or_default())
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code that fits; `None` while the organization is not known.
pub(super) fn code(view: &View) -> Option<String> {
    view.list.refreshed_at?;
    Some(arming_code(&view.config, view.list.organization.as_deref()))
}
