//! Whether an answer is one whole XML document of the kind that was asked for. Pure.
//!
//! The SDK's readers are lenient: they pick the elements they know from what they can make sense of. One wrong byte can
//! leave them with half a policy document, which would be told as drift. So the text is checked from its first byte to
//! its last before anything in it is believed.

use xmlparser::{ElementEnd, EntityDefinition, StrSpan, Token, Tokenizer};

/// Deepest nesting of elements; answers have about six.
const DEEPEST: usize = 32;

/// What an answer must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The root element.
    pub(super) root: &'a str,
    /// Its namespace; empty where any will do.
    pub(super) namespace: &'a str,
    /// Elements that must be in the result: `Element`, or `Parent/Element` for one within another.
    pub(super) elements: &'a [&'static str],
}

/// Checks a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(body: &[u8], expected: Expected<'_>) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut document = Document { expected, open: vec![], found: vec![], done: false };
    for token in Tokenizer::from(text) {
        document.take(token.map_err(|error| format!("it is not XML: {error}"))?)?;
    }
    document.end()
}

/// What was read of a document so far.
struct Document<'a> {
    expected: Expected<'a>,
    open: Vec<StrSpan<'a>>,
    /// With the element around it, where that is not the result itself.
    found: Vec<(Option<&'a str>, &'a str)>,
    done: bool,
}

impl<'a> Document<'a> {
    fn take(&mut self, token: Token<'a>) -> Result<(), String> {
        match token {
            Token::Declaration { .. } | Token::Comment { .. } => Ok(()),
            Token::DtdStart { .. } | Token::EmptyDtd { .. } | Token::DtdEnd { .. } => {
                Err("it has a document type".to_owned())
            }
            Token::EntityDeclaration {
                definition: EntityDefinition::EntityValue(_) | EntityDefinition::ExternalId(_),
                ..
            } => Err("it declares an entity".to_owned()),
            Token::ProcessingInstruction { .. } => Err("it has an instruction".to_owned()),
            Token::ElementStart { local, .. } => self.start(local),
            Token::Attribute { local, value, .. } => self.attribute(local.as_str(), value.as_str()),
            Token::ElementEnd { end, .. } => self.close(end),
            Token::Text { text } | Token::Cdata { text, .. } => self.text(text.as_str()),
        }
    }

    fn start(&mut self, name: StrSpan<'a>) -> Result<(), String> {
        if self.done {
            return Err("something follows its end".to_owned());
        }
        if self.open.is_empty() && name.as_str() != self.expected.root {
            return Err(format!("it is not a `{}`", self.expected.root));
        }
        if self.open.len() >= DEEPEST {
            return Err(format!("its elements are more than {DEEPEST} deep"));
        }
        match self.open.as_slice() {
            [_, _] => self.found.push((None, name.as_str())),
            [_, _, parent] => self.found.push((Some(parent.as_str()), name.as_str())),
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &str) -> Result<(), String> {
        let of_root = self.open.len() == 1 && name == "xmlns";
        match of_root && !self.expected.namespace.is_empty() && value != self.expected.namespace {
            true => Err("its namespace is another service's".to_owned()),
            false => Ok(()),
        }
    }

    fn close(&mut self, end: ElementEnd<'a>) -> Result<(), String> {
        let closed = match end {
            ElementEnd::Open => return Ok(()),
            ElementEnd::Empty => self.open.pop().is_some(),
            ElementEnd::Close(_, name) => {
                self.open.pop().is_some_and(|open| open.as_str() == name.as_str())
            }
        };
        self.done = self.open.is_empty();
        closed.then_some(()).ok_or_else(|| "its elements do not close in order".to_owned())
    }

    fn text(&self, text: &str) -> Result<(), String> {
        let outside = self.open.is_empty() && !text.trim().is_empty();
        (!outside).then_some(()).ok_or_else(|| "there is text around it".to_owned())
    }

    fn end(self) -> Result<(), String> {
        if !self.done {
            return Err("it breaks off".to_owned());
        }
        let place = |path: &'static str| match path.split_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, path),
        };
        match self.expected.elements.iter().find(|path| !self.found.contains(&place(path))) {
            Some(name) => Err(format!("it has no `{name}`")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected<'_> = Expected { root: "R", namespace: "n", elements: &["L"] };

    fn checked(text: impl AsRef<[u8]>) -> Result<(), String> {
        check(text.as_ref(), EXPECTED)
    }

    #[test]
    fn a_whole_document_passes() {
        for good in [
            "<R xmlns=\"n\"><S><L/></S></R>",
            "<R><S><L a=\"1\"><member>x</member></L></S></R>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns='n'>\n <S>\n <L></L> </S>\n</R>\n\n",
            "<!-- hello --><R><S><L>&lt;&#10;<![CDATA[<]]></L></S><M><Id>1</Id></M></R><!-- bye -->",
        ] {
            assert_eq!(checked(good), Ok(()), "case `{good}`");
        }
    }

    #[test]
    fn what_is_wrong_with_a_document_is_named() {
        let deep = format!("<R><S><L>{}</R>", "<x>".repeat(40));
        let cases = [
            ("", "breaks off"),
            ("   ", "breaks off"),
            ("{}", "is not XML"),
            ("<R><S><L/></S>", "breaks off"),
            ("<R><S><L/></S></R", "is not XML"),
            ("<R><S><L/></R></S>", "do not close in order"),
            ("<R><S><L/></S></R></R>", "is not XML"),
            ("<R><S><L/></S></R><R/>", "is not XML"),
            ("<R><S><L/></S></R>x", "is not XML"),
            ("x<R><S><L/></S></R>", "is not XML"),
            ("<Q><S><L/></S></Q>", "not a `R`"),
            ("<R xmlns=\"m\"><S><L/></S></R>", "namespace"),
            ("<R><S/></R>", "no `L`"),
            ("<R><L/></R>", "no `L`"),
            ("<R><S><M><L/></M></S></R>", "no `L`"),
            ("<!DOCTYPE R><R><S><L/></S></R>", "document type"),
            ("<!DOCTYPE R [<!ENTITY a \"b\">]><R><S><L/></S></R>", "document type"),
            ("<R><?x y?><S><L/></S></R>", "instruction"),
            ("<R><S><L>a<b</L></S></R>", "is not XML"),
            ("<R><S><L>a < b</L></S></R>", "is not XML"),
            ("<R><S><L>\u{1}</L></S></R>", "is not XML"),
            (deep.as_str(), "more than 32 deep"),
        ];
        for (text, want) in cases {
            let what = checked(text).expect_err(text);
            assert!(what.contains(want), "case `{text}`: {what}");
        }
        assert_eq!(checked(b"<R>\xff</R>"), Err("it is not UTF-8".to_owned()));
    }

    #[test]
    fn a_document_cut_anywhere_does_not_pass() {
        let text = "<R xmlns=\"n\"><S><L><member>x</member></L></S></R>";
        for end in 0..text.len() {
            assert!(checked(text.get(..end).unwrap()).is_err(), "cut at {end}");
        }
    }
}
