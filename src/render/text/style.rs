//! The colours of the text report. Words always say the same: colour is never the only sign.

use anstyle::{AnsiColor, Color, Style};

use crate::model::{AccountState, Severity};

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const INCOMPLETE: Style = color(AnsiColor::Magenta).bold().invert();
pub(super) const REMOVED: Style = color(AnsiColor::Red);
/// Not green: that is for compliant alone.
pub(super) const ADDED: Style = color(AnsiColor::Cyan);

pub(super) fn state(state: AccountState) -> Style {
    match state {
        AccountState::Compliant => color(AnsiColor::Green),
        AccountState::Drifted => color(AnsiColor::Red).bold(),
        AccountState::Exempt => color(AnsiColor::Blue),
        AccountState::NotApplicable => DIM,
        AccountState::Unknown => color(AnsiColor::Magenta).bold(),
    }
}

pub(super) fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => color(AnsiColor::Red).bold(),
        Severity::High => color(AnsiColor::Red),
        Severity::Medium => color(AnsiColor::Yellow),
        Severity::Low => PLAIN,
        Severity::Info => DIM,
    }
}
