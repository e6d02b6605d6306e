//! Writing XML: elements and escaped text, nothing more.

use std::fmt::{self, Write as _};

/// `<name>text</name>`, escaped.
pub(super) fn text(out: &mut String, name: &str, value: impl std::fmt::Display) {
    element(out, name, |out| {
        // Writing to a String cannot fail.
        let _ = write!(Escaped(out), "{value}");
    });
}

/// `<name>text</name>` of text that has nothing to escape, in parts.
pub(super) fn plain<'a>(out: &mut String, name: &str, parts: impl Iterator<Item = &'a str>) {
    element(out, name, |out| out.extend(parts));
}

/// `<name>…</name>`.
pub(super) fn element(out: &mut String, name: &str, inside: impl FnOnce(&mut String)) {
    out.extend(["<", name, ">"]);
    inside(out);
    out.extend(["</", name, ">"]);
}

/// Takes text and puts it out escaped.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let special =
            |text: &str| text.bytes().enumerate().find_map(|(at, byte)| Some((at, instead(byte)?)));
        while let Some((at, instead)) = special(text) {
            let (plain, rest) = text.split_at(at);
            self.0.extend([plain, instead]);
            text = rest.get(1..).unwrap_or_default();
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// What stands for a character that text may not have.
fn instead(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let mut out = String::new();
        element(&mut out, "A", |out| text(out, "B", "</B><x y=\"1\">&\r"));
        assert_eq!(out, "<A><B>&lt;/B&gt;&lt;x y=&quot;1&quot;&gt;&amp;&#xD;</B></A>");
    }
}
