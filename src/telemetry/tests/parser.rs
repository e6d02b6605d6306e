//! A strict reader of the text format: what it does not expect fails the test.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

type Labels = BTreeMap<String, String>;

/// What was scraped.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scrape {
    /// Type and help, by name.
    pub(crate) families: BTreeMap<String, (String, String)>,
    /// Values, by name of the series and its labels.
    pub(crate) series: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        assert!(text.ends_with('\n'), "the last line ends");
        let mut scrape = Self::default();
        let (mut help, mut family) = (None, String::new());
        for line in text.strip_suffix('\n').unwrap().split('\n') {
            assert!(!line.is_empty(), "an empty line");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                assert!(help.is_none(), "help after help: {line}");
                help = Some(rest.split_once(' ').expect("a help text"));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                let (helped, text) = help.take().expect("help comes before the type");
                assert_eq!(helped, name);
                assert!(name > family.as_str(), "families come once, in order: {name}");
                family = name.to_owned();
                let known = scrape.families.insert(family.clone(), (kind.into(), text.into()));
                assert!(known.is_none(), "{name} twice");
            } else {
                assert!(!line.starts_with('#'), "a comment: {line}");
                scrape.series(&family, line);
            }
        }
        scrape
    }

    fn series(&mut self, family: &str, line: &str) {
        let end = line.find(['{', ' ']).expect("a value");
        let (name, rest) = line.split_at(end);
        let kind = &self.families[family].0;
        let suffix = name.strip_prefix(family).expect("a series of its family");
        let expected: &[&str] =
            if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(expected.contains(&suffix), "{name} in {family}");
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (Labels::new(), rest),
        };
        let value: f64 = rest.strip_prefix(' ').expect("a value").parse().expect("a number");
        assert!(value.is_finite(), "{line}");
        let known = self.series.insert((name.to_owned(), labels), value);
        assert!(known.is_none(), "twice: {line}");
    }

    /// The value of one series.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.series.get(&(format!("rolewarden_{name}"), labels)).copied()
    }

    /// The series of one name.
    pub(crate) fn all(&self, name: &str) -> Vec<(&Labels, f64)> {
        let name = format!("rolewarden_{name}");
        let of = self.series.iter().filter(|((series, _), _)| *series == name);
        of.map(|((_, labels), value)| (labels, *value)).collect()
    }

    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.all(name).iter().map(|(_, value)| value).sum()
    }
}

/// The labels up to the brace, and what follows it.
fn labels(mut rest: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    loop {
        let (name, value) = rest.split_once("=\"").expect("a label");
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(!name.is_empty() && name.chars().all(legal), "label `{name}`");
        let mut text = String::new();
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().expect("the value ends") {
                (at, '"') => break at + 1,
                (_, '\\') => text.push(match chars.next().expect("an escape").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("escape `{c}`"),
                }),
                (_, c) => text.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), text).is_none(), "label `{name}` twice");
        rest = value.split_at(end).1;
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        rest = rest.strip_prefix(',').expect("another label, or the end");
    }
}

/// Asks promtool, where it is installed.
pub(crate) fn promtool(text: &[u8]) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return };
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_vec();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &text));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}");
}
