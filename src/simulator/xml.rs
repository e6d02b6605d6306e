//! Writing XML: elements and escaped text, nothing more.

use std::fmt::Write as _;

/// `<name>text</name>`, escaped.
pub(super) fn text(out: &mut String, name: &str, value: impl std::fmt::Display) {
    element(out, name, |out| escape(out, &value.to_string()));
}

/// `<name>…</name>`.
pub(super) fn element(out: &mut String, name: &str, inside: impl FnOnce(&mut String)) {
    // Writing to a String cannot fail.
    let _ = write!(out, "<{name}>");
    inside(out);
    let _ = write!(out, "</{name}>");
}

fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(c),
        }
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
