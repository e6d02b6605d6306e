//! Whether a person armed remediation, and for what.

use std::sync::{Mutex, PoisonError};

use crate::config::{Config, RemediationMode};
use crate::model::printable_line;
use crate::plan::arming_code;

/// The code that a person armed with. It is given at the start, and afterwards it is only ever lost.
#[derive(Debug)]
pub(super) struct Arming(Mutex<Option<String>>);

impl Arming {
    /// Arms, if the code is that of the configuration and this says to apply.
    pub(super) fn new(given: Option<&str>, config: &Config) -> Self {
        let code = arming_code(config);
        let mode = config.remediation.mode;
        let armed = match (given, mode) {
            (None, _) => None,
            (Some(_), RemediationMode::Off | RemediationMode::Plan) => {
                tracing::warn!("not armed: remediation.mode is not apply");
                None
            }
            (Some(given), RemediationMode::Apply) if given != code => {
                let given = printable_line(given, 64);
                tracing::error!(
                    given,
                    "not armed: the code is not that of this configuration and this baseline; read what \
                     `rolewarden plan` would do, and arm with the code it prints"
                );
                None
            }
            (Some(_), RemediationMode::Apply) => {
                tracing::warn!(
                    code,
                    "armed: drift is put right within the limits of the configuration"
                );
                Some(code)
            }
        };
        Self(Mutex::new(armed))
    }

    /// Another configuration is in force. It never arms; and where something else would be written now, or nothing, it
    /// disarms for good.
    pub(super) fn reloaded(&self, config: &Config) {
        let mut armed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(code) = armed.as_deref() else { return };
        if config.remediation.mode != RemediationMode::Apply || code != arming_code(config) {
            tracing::warn!(
                "disarmed: with the configuration that was reloaded, something else would be written; read what \
                 `rolewarden plan` would do, and restart with the code it prints"
            );
            *armed = None;
        }
    }

    /// The code it is armed with.
    pub(super) fn code(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is armed for this configuration.
    pub(super) fn fits(&self, config: &Config) -> bool {
        config.remediation.mode == RemediationMode::Apply
            && self.code().is_some_and(|code| code == arming_code(config))
    }
}
