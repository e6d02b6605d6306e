//! Reports in the formats people and programs read: report in, text out. Pure.

use crate::model::Report;

/// How the text report looks.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions {
    /// ANSI colours.
    pub color: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
}

/// The report for people: summary first, worst first, aligned tables.
pub fn text(_report: &Report, _options: TextOptions) -> String {
    String::new()
}
