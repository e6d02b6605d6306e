//! The one line `rolewarden config check` prints for a valid file.

use jiff::civil::Date;

use super::{AccountSource, Config, Presence, Remediation, RemediationMode};
use crate::model::{CheckName, printable_line};

/// `rolewarden.yaml: valid; accounts from the organization; role …; 6 checks; 1 exception (1 expired); remediation: off`.
#[must_use]
pub fn check_report(config: &Config, file_name: &str, today: Date) -> String {
    let accounts = match &config.accounts.source {
        AccountSource::Organization => "accounts from the organization".to_owned(),
        AccountSource::List(list) => counted(list.len(), "account"),
    };
    let runs = |check: &CheckName| {
        let applies = *check != CheckName::ConnectorUsage
            || config.baseline.presence == Presence::WhenConnected;
        applies && !config.checks.disabled.contains(check)
    };
    let checks = counted(CheckName::ALL.iter().filter(|check| runs(check)).count(), "check");
    let expired = config.exceptions.iter().filter(|exception| exception.expires < today).count();
    let mut exceptions = counted(config.exceptions.len(), "exception");
    if expired > 0 {
        exceptions.push_str(&format!(" ({expired} expired)"));
    }
    let (file, role) = (printable_line(file_name, 256), &config.baseline.role_name);
    let remediation = remediation(&config.remediation);
    let warnings = match config.warnings.len() {
        0 => String::new(),
        number => format!("; {}", counted(number, "warning")),
    };
    format!(
        "{file}: valid; {accounts}; role {role}; {checks}; {exceptions}; {remediation}{warnings}"
    )
}

/// What may be written, and what keeps it from being written.
fn remediation(remediation: &Remediation) -> String {
    let how = match remediation.mode {
        RemediationMode::Off => return "remediation: off".to_owned(),
        RemediationMode::Plan => "plan only",
        RemediationMode::Apply => "apply, once armed",
    };
    let actions: Vec<&str> = remediation.actions.iter().map(|action| action.as_str()).collect();
    let never = match (remediation.max_accounts, remediation.max_percent) {
        (0, _) => ", but never: max_accounts is 0",
        (_, 0) => ", but never: max_percent is 0",
        _ if actions.is_empty() => return format!("remediation: {how}, but no action is allowed"),
        _ => "",
    };
    format!("remediation: {how} ({}){never}", actions.join(", "))
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
