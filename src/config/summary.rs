//! The one line `rolewarden config check` prints for a valid file.

use jiff::civil::Date;

use super::{AccountSource, Config, Presence};
use crate::model::{CheckName, printable_line};

/// `rolewarden.yaml: valid; accounts from the organization; role …; 6 checks; 1 exception (1 expired)`.
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
    format!("{file}: valid; {accounts}; role {role}; {checks}; {exceptions}")
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
