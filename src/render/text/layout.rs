//! A page of terminal text: the one place that cuts, aligns, wraps and colours.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::printable_line;

/// Longest text kept of anything but a command, in bytes: what is longer is for `--format json`.
const MAX_TEXT: usize = 2048;

/// Text on its way to a terminal. Building one is what makes it harmless: a page takes nothing else.
#[derive(Debug, Clone)]
pub(super) struct Span {
    style: Style,
    text: String,
}

impl Span {
    pub(super) fn new(style: Style, text: impl AsRef<str>) -> Self {
        Self { style, text: printable_line(text.as_ref(), MAX_TEXT) }
    }

    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Style::new(), text)
    }

    /// A text that is of use only whole, such as a command to copy.
    pub(super) fn whole(text: &str) -> Self {
        Self { style: Style::new(), text: printable_line(text, usize::MAX) }
    }

    /// The text in at most so many columns, ending in `…` where it was longer.
    pub(super) fn cut(self, columns: usize) -> Self {
        // Marks of no width must not pile up without end on one column.
        let most_bytes = columns.saturating_mul(4);
        if self.columns() <= columns && self.text.len() <= most_bytes {
            return self;
        }
        let mut text = String::new();
        let mut used = 1; // the ellipsis
        for c in self.text.chars() {
            used += c.width().unwrap_or(0);
            if used > columns || text.len() >= most_bytes {
                break;
            }
            text.push(c);
        }
        text.push('…');
        Self { text, ..self }
    }

    fn columns(&self) -> usize {
        self.text.width()
    }
}

/// Lines of text for a terminal of a known width.
pub(super) struct Page {
    text: String,
    color: bool,
    width: usize,
}

impl Page {
    pub(super) fn new(color: bool, width: usize) -> Self {
        // Below 40 columns nothing sensible fits; the terminal wraps then.
        Self { text: String::new(), color, width: width.max(40) }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line, however long.
    pub(super) fn line(&mut self, indent: usize, spans: &[Span]) {
        self.indent(indent);
        for span in spans {
            self.push(span);
        }
        self.blank();
    }

    /// One line, cut at the right edge.
    pub(super) fn cut_line(&mut self, indent: usize, span: Span) {
        let span = span.cut(self.width.saturating_sub(indent));
        self.line(indent, &[span]);
    }

    /// A lead, then words wrapped at the right edge and hung under the lead's first `hang` columns.
    pub(super) fn paragraph(&mut self, indent: usize, lead: &[Span], hang: usize, words: &Span) {
        self.indent(indent);
        lead.iter().for_each(|span| self.push(span));
        let start = indent + lead.iter().map(Span::columns).sum::<usize>();
        let (mut column, mut fresh) = (start, true);
        for word in words.text.split_whitespace() {
            let columns = word.width();
            if !fresh && column + 1 + columns > self.width {
                self.blank();
                self.indent(indent + hang);
                (column, fresh) = (indent + hang, true);
            }
            if !fresh {
                self.text.push(' ');
                column += 1;
            }
            self.paint(words.style, word);
            column += columns;
            fresh = false;
        }
        self.blank();
    }

    /// Groups of spans with ` · ` between them, broken only between groups.
    pub(super) fn groups(&mut self, groups: &[Vec<Span>]) {
        let mut column = 0;
        for group in groups {
            let columns: usize = group.iter().map(Span::columns).sum();
            if column > 0 && column + 3 + columns > self.width {
                self.blank();
                column = 0;
            }
            if column > 0 {
                self.text.push_str(" · ");
                column += 3;
            }
            group.iter().for_each(|span| self.push(span));
            column += columns;
        }
        self.blank();
    }

    /// Aligned columns; only the last one is cut at the right edge.
    pub(super) fn table(&mut self, indent: usize, rows: Vec<Vec<Span>>) {
        let widths = widths(rows.iter());
        rows.into_iter().for_each(|row| self.row(indent, row, &widths));
    }

    /// As [`Page::table`], with words under each row, wrapped and indented.
    pub(super) fn table_with_words(
        &mut self,
        head: Vec<Span>,
        rows: Vec<(Vec<Span>, Span)>,
        hang: usize,
    ) {
        let widths = widths(std::iter::once(&head).chain(rows.iter().map(|(row, _)| row)));
        self.row(0, head, &widths);
        for (row, words) in rows {
            self.row(0, row, &widths);
            self.paragraph(hang, &[], 0, &words);
        }
    }

    fn row(&mut self, indent: usize, mut row: Vec<Span>, widths: &[usize]) {
        // Blanks at a line's end would show when copied.
        while row.last().is_some_and(|cell| cell.text.is_empty()) {
            row.pop();
        }
        let (mut column, count) = (indent, row.len());
        self.indent(indent);
        for (n, (cell, width)) in row.into_iter().zip(widths).enumerate() {
            if n + 1 == widths.len() {
                self.push(&cell.cut(self.width.saturating_sub(column).max(12)));
            } else {
                self.push(&cell);
                if n + 1 < count {
                    self.indent(width.saturating_sub(cell.columns()) + 2);
                }
                column += width + 2;
            }
        }
        self.blank();
    }

    fn indent(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    fn push(&mut self, span: &Span) {
        self.paint(span.style, &span.text);
    }

    fn paint(&mut self, style: Style, text: &str) {
        if self.color && style != Style::new() && !text.is_empty() {
            self.text.push_str(&format!("{style}{text}{style:#}"));
        } else {
            self.text.push_str(text);
        }
    }
}

/// The widest cell of each column.
fn widths<'r>(rows: impl Iterator<Item = &'r Vec<Span>>) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.columns().max(*width);
        }
    }
    widths
}
