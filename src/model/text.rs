//! Text from AWS accounts is hostile: control characters, ANSI sequences and bidirectional overrides forge lines.

/// Whether a character may change how the text around it is shown.
pub(crate) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every dangerous character but the line feed as `\u{…}`: safe on a terminal and in a log.
pub fn printable(text: &str) -> String {
    escape(text, usize::MAX, |c| c != '\n' && is_dangerous(c))
}

/// The text on one line, cut after `max` bytes (at a character) with `…`.
pub fn printable_line(text: &str, max: usize) -> String {
    escape(text, max, is_dangerous)
}

/// A word for a POSIX shell: as it is where that is safe, else in single quotes.
pub(crate) fn shell_word(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=,@+".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn escape(text: &str, max: usize, dangerous: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        if out.len() >= max {
            out.push('…');
            break;
        }
        if dangerous(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_characters_are_shown_not_obeyed() {
        assert_eq!(printable_line("a\x1b[31m\nb\u{202e}c", 100), "a\\u{1b}[31m\\u{a}b\\u{202e}c");
        assert_eq!(printable("a\nb\r"), "a\nb\\u{d}");
        assert_eq!(printable_line("äöü and more", 4), "äö…");
    }

    #[test]
    fn words_are_quoted_so_that_a_shell_reads_them_back() {
        let cases = [
            ("plain-Name_1", "plain-Name_1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
        ];
        for (text, want) in cases {
            assert_eq!(shell_word(text), want, "case `{text}`");
        }
    }
}
