//! A strict reader of the HTML that the templates make: anything else is an error, so nothing can slip in.

use std::collections::BTreeSet;

/// One element's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

/// A page, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) elements: Vec<Element>,
    /// Its text, without tags.
    pub(crate) text: String,
}

const VOID: [&str; 5] = ["meta", "link", "img", "input", "br"];

/// Reads a page.
pub(crate) fn read(html: &str) -> Page {
    let mut page = Page::default();
    let mut open: Vec<String> = vec![];
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        page.text.push_str(&unescape(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(closing) = rest.strip_prefix('/') {
            let end = closing.find('>').unwrap();
            assert_eq!(open.pop().as_deref(), Some(&closing[..end]), "tags are nested");
            rest = &closing[end + 1..];
        } else {
            let (element, after) = start(rest);
            if !VOID.contains(&element.name.as_str()) {
                open.push(element.name.clone());
            }
            page.elements.push(element);
            rest = after;
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    page.text.push_str(&unescape(rest));
    page
}

fn start(text: &str) -> (Element, &str) {
    let word = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap();
        assert!(end > 0, "a name, not `{}`", text.chars().take(40).collect::<String>());
        (text[..end].to_owned(), end)
    };
    let (name, end) = word(text);
    let mut rest = &text[end..];
    let mut attributes = vec![];
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            return (Element { name, attributes }, after);
        }
        rest = rest.strip_prefix(' ').expect("a blank or the end of the tag");
        let (attribute, end) = word(rest);
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').unwrap();
            assert!(!quoted[..end].contains(['<', '>']), "an escaped value");
            value = unescape(&quoted[..end]);
            rest = &quoted[end + 1..];
        }
        let known = attributes.iter().any(|(known, _)| *known == attribute);
        assert!(!known, "`{attribute}` twice in `{name}`");
        attributes.push((attribute, value));
    }
}

fn unescape(text: &str) -> String {
    assert!(!text.contains('>'), "an escaped text: {text}");
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

impl Page {
    /// Element and attribute names, as `a` and `a.href`.
    pub(crate) fn shapes(&self) -> BTreeSet<String> {
        let names = self.elements.iter().flat_map(|element| {
            let attributes =
                element.attributes.iter().map(|(name, _)| format!("{}.{name}", element.name));
            std::iter::once(element.name.clone()).chain(attributes)
        });
        names.collect()
    }

    /// The values of one attribute.
    pub(crate) fn values(&self, element: &str, attribute: &str) -> Vec<&str> {
        let elements = self.elements.iter().filter(|known| known.name == element);
        elements
            .flat_map(|known| known.attributes.iter().filter(|(name, _)| name == attribute))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}
