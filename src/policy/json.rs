//! JSON as strictly as a policy must be read: nothing after the document, no duplicate members, bounded depth, and every
//! error with its place. Numbers keep their text, because `5` and `"5"` are one condition value.

use serde_json::Value;

use super::InvalidPolicy;

/// Arrays and objects may nest this deep.
const MAX_DEPTH: usize = 32;

/// The largest text that is looked at, in bytes: IAM's own parameter limit is 131,072.
const MAX_BYTES: usize = 1 << 20;

/// A JSON value. Objects keep their order; their keys are unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value's type, for messages.
    /// The value in serde's terms, for people: a number outside serde's range becomes its text.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Self::String(text) => Value::String(text.clone()),
            Self::Array(list) => Value::Array(list.iter().map(Self::to_value).collect()),
            Self::Object(members) => Value::Object(
                members.iter().map(|(name, value)| (name.clone(), value.to_value())).collect(),
            ),
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Parses one document.
pub(super) fn parse(text: &str) -> Result<Json, InvalidPolicy> {
    if text.len() > MAX_BYTES {
        let problem = format!("is {} bytes long; at most {MAX_BYTES} are read", text.len());
        return Err(InvalidPolicy { path: "the document".to_owned(), problem });
    }
    let mut parser = Parser { text, at: 0, path: Vec::new() };
    let value = parser.value()?;
    parser.space();
    if parser.peek().is_some() {
        return Err(parser.syntax("expected nothing after the document"));
    }
    Ok(value)
}

/// One step from the document's root to a value.
enum Step {
    Member(String),
    Element(usize),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    /// A syntax error here: place, what was expected, what is there.
    fn syntax(&self, expected: &str) -> InvalidPolicy {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let found = match self.rest().chars().next() {
            Some(c) => {
                format!("`{}`", crate::model::printable_line(c.encode_utf8(&mut [0; 4]), 16))
            }
            None => "the end".to_owned(),
        };
        let problem = format!("is not JSON: {expected}, found {found}");
        InvalidPolicy { path: format!("line {line}, column {column}"), problem }
    }

    /// An error about the value that is being read.
    fn at_path(&self, problem: &str) -> InvalidPolicy {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Member(name) => {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&crate::model::printable_line(name, 128));
                }
                Step::Element(index) => path.push_str(&format!("[{index}]")),
            }
        }
        InvalidPolicy {
            path: if path.is_empty() { "the document".to_owned() } else { path },
            problem: problem.to_owned(),
        }
    }

    fn value(&mut self) -> Result<Json, InvalidPolicy> {
        self.space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json, InvalidPolicy> {
        for (word, value) in
            [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)]
        {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.syntax("expected a value"))
    }

    /// Goes one level down; the caller reads the opening bracket and pops the step it pushed.
    fn deeper(&mut self) -> Result<(), InvalidPolicy> {
        self.at += 1;
        if self.path.len() >= MAX_DEPTH {
            return Err(self.at_path(&format!("nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    fn object(&mut self) -> Result<Json, InvalidPolicy> {
        self.deeper()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.syntax("expected a member name in double quotes"));
            }
            let name = self.string()?;
            self.path.push(Step::Member(name.clone()));
            if !names.insert(name.clone()) {
                return Err(
                    self.at_path("appears twice in one object; which one counts is not defined")
                );
            }
            self.space();
            if !self.eat(b':') {
                return Err(self.syntax("expected `:`"));
            }
            let value = self.value()?;
            self.path.pop();
            members.push((name, value));
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.syntax("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self) -> Result<Json, InvalidPolicy> {
        self.deeper()?;
        let mut elements = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            self.path.push(Step::Element(elements.len()));
            elements.push(self.value()?);
            self.path.pop();
            self.space();
            if self.eat(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.eat(b',') {
                return Err(self.syntax("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, InvalidPolicy> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain =
                self.rest().find(|c| c == '"' || c == '\\' || c < ' ').unwrap_or(self.rest().len());
            out.push_str(self.rest().get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.syntax("expected `\"` (control characters must be escaped)")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidPolicy> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.syntax("expected an escape sequence")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, InvalidPolicy> {
        let first = self.code_unit()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            self.at += 1;
            let second = self.code_unit()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return char::from_u32(code)
                    .ok_or_else(|| self.syntax("expected a surrogate pair"));
            }
        }
        Err(self.syntax("expected a surrogate pair"))
    }

    /// Four hexadecimal digits after the `u` that the parser stands on.
    fn code_unit(&mut self) -> Result<u32, InvalidPolicy> {
        let digits = self
            .text
            .get(self.at + 1..self.at + 5)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.syntax("expected `u` and four hexadecimal digits"))?;
        self.at += 5;
        Ok(code)
    }

    fn digits(&mut self) -> Result<(), InvalidPolicy> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax("expected a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, InvalidPolicy> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text.get(start..self.at).unwrap_or_default().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).map_or_else(|e| e.to_string(), |v| format!("accepted as {v:?}"))
    }

    #[test]
    fn what_is_not_one_json_document_is_refused_with_its_place() {
        let cases = [
            ("", "line 1, column 1: is not JSON: expected a value, found the end"),
            ("{\n  \"a\" 1}", "line 2, column 7: is not JSON: expected `:`, found `1`"),
            (
                "{} {}",
                "line 1, column 4: is not JSON: expected nothing after the document, found `{`",
            ),
            ("[1,]", "line 1, column 4: is not JSON: expected a value, found `]`"),
            (
                "{\"a\":1,}",
                "line 1, column 8: is not JSON: expected a member name in double quotes, found `}`",
            ),
            (
                "{a:1}",
                "line 1, column 2: is not JSON: expected a member name in double quotes, found `a`",
            ),
            ("01", "line 1, column 2: is not JSON: expected nothing after the document, found `1`"),
            ("\"\\ud800\"", "line 1, column 8: is not JSON: expected a surrogate pair, found `\"`"),
            (
                "\"a\nb\"",
                "line 1, column 3: is not JSON: expected `\"` (control characters must be escaped), found `\\u{a}`",
            ),
            ("\u{feff}{}", "line 1, column 1: is not JSON: expected a value, found `\\u{feff}`"),
        ];
        for (text, want) in cases {
            assert_eq!(error(text), want, "case `{text}`");
        }
    }

    #[test]
    fn a_member_named_twice_is_refused_by_path_also_when_escaped() {
        let twice = r#"{"Statement":[{},{"Effect":"Allow","\u0045ffect":"Deny"}]}"#;
        assert!(error(twice).starts_with("Statement[1].Effect: appears twice"), "{}", error(twice));
    }

    #[test]
    fn nesting_is_fine_up_to_32_levels() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(32)).is_ok());
        assert!(error(&nested(33)).ends_with("nests deeper than 32 levels"));
    }

    #[test]
    fn strings_and_numbers_keep_their_text() {
        let text = r#"["\ud83d\ude00\u0041\/", 1.50e+3, true, null]"#;
        let want = vec![
            Json::String("😀A/".to_owned()),
            Json::Number("1.50e+3".to_owned()),
            Json::Bool(true),
            Json::Null,
        ];
        assert_eq!(parse(text), Ok(Json::Array(want)));
    }
}
