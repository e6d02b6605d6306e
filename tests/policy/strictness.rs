//! Broken and odd JSON: the engine accepts nothing that `serde_json` refuses, nor duplicates, nor depths over 32.

use std::collections::BTreeSet;
use std::fmt;

use fastrand::Rng;
use rolewarden::policy::{Kind, Policy};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::generate::{Features, context, one_of};

const RUNS: usize = 60_000;
const DEEPEST: usize = 32;

/// JSON whose objects name no member twice, and how deep it is.
struct Unique {
    depth: usize,
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique { depth: 0 })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Unique, A::Error> {
        let mut depth = 0;
        while let Some(element) = elements.next_element::<Unique>()? {
            depth = depth.max(element.depth);
        }
        Ok(Unique { depth: depth + 1 })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
        let (mut depth, mut names) = (0, BTreeSet::new());
        while let Some((name, member)) = members.next_entry::<String, Unique>()? {
            depth = depth.max(member.depth);
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Unique { depth: depth + 1 })
    }
}

/// Whether the text is JSON in every way that counts here; `None` for numbers too large for `serde_json`, which stops at
/// them. They are JSON, and in a condition value no more than text.
fn is_strict_json(text: &str) -> Option<bool> {
    match serde_json::from_str::<Unique>(text) {
        Ok(json) => Some(json.depth <= DEEPEST),
        Err(error) if error.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

const ODDITIES: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\u{b}",
    "\u{c}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\0",
    "\u{1}",
    "\u{7f}",
    "\"",
    "\\",
    "/",
    "\\u0041",
    "\\u004",
    "\\ud800",
    "\\udc00",
    "\\ud83d\\ude00",
    "\\ude00\\ud83d",
    "\\u00e9",
    "\\U0041",
    "\\x41",
    "\\'",
    "\\/",
    "\\v",
    "\\0",
    "\\u0000",
    "\\u+041",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "{}",
    "[]",
    ",",
    ",,",
    ":",
    "::",
    "'",
    "true",
    "True",
    "false",
    "null",
    "nul",
    "NaN",
    "Infinity",
    "-",
    "-0",
    "0",
    "01",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e",
    "1e400",
    "-1e-400",
    "+1",
    "0x1",
    "18446744073709551616",
    "//",
    "/**/",
    "#",
    "\"a\":1,",
    "\"Effect\":\"Allow\",",
    "\"Sid\":\"\",",
    "\"Eff\\u0065ct\":\"Allow\",",
    "\"Version\":\"2012-10-17\",",
    "\"Condition\":{\"Bool\":{\"a\":[true,5]}},",
    "é",
    "😀",
];

fn boundary(rng: &mut Rng, text: &str) -> usize {
    let mut at = rng.usize(..=text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutate(rng: &mut Rng, text: &mut String) {
    let (a, b) = (boundary(rng, text), boundary(rng, text));
    let (from, near) = (a.min(b), a.max(b).min(a.min(b) + rng.usize(..12)));
    let to = (from..=near).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    match rng.u32(..8) {
        0 => text.replace_range(from..to, ""),
        1 => text.replace_range(from..to, one_of(rng, ODDITIES)),
        2 => {
            let again = text.get(from..to).unwrap().to_owned();
            text.insert_str(from, &again);
        }
        3 => text.truncate(if rng.u32(..10) == 0 { from } else { text.len() }),
        4 => text.push_str(one_of(rng, ODDITIES)),
        5 => {
            // Somewhere a value may stand.
            let after: Vec<_> = text.match_indices([':', '[', ',']).map(|(at, _)| at + 1).collect();
            if !after.is_empty() {
                text.insert_str(one_of(rng, &after), one_of(rng, ODDITIES));
            }
        }
        6 => {
            // Somewhere a member may stand.
            let after: Vec<_> = text.match_indices('{').map(|(at, _)| at + 1).collect();
            if !after.is_empty() {
                text.insert_str(one_of(rng, &after), one_of(rng, ODDITIES));
            }
        }
        _ => text.insert_str(from, one_of(rng, ODDITIES)),
    }
}

#[test]
fn what_serde_json_refuses_is_refused_and_sound_json_is_never_called_broken() {
    let mut rng = Rng::with_seed(7);
    let (mut accepted, mut refused) = (0, 0);
    for run in 0..RUNS {
        let kind = one_of(&mut rng, &[Kind::Trust, Kind::Identity]);
        let features =
            Features { kind, conditions: true, variables: true, tokens: 3, statements: 2 };
        let mut text = features.document(&mut rng).text(&mut rng);
        for _ in 0..rng.usize(..3) {
            mutate(&mut rng, &mut text);
        }
        let Some(strict) = is_strict_json(&text) else { continue };
        match Policy::parse(kind, &text, &context()) {
            Ok(_) => {
                accepted += 1;
                assert!(strict, "run {run}: accepted `{text}`");
            }
            Err(error) => {
                refused += 1;
                let json = error.path.starts_with("line ");
                assert!(!(json && strict), "run {run}: {error} in `{text}`");
                assert!(!error.problem.is_empty(), "run {run}: no reason for `{text}`");
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > RUNS / 5 && refused > RUNS / 5);
}

fn nested(depth: usize, open: &str, close: &str) -> String {
    // The document and its Condition's operator are two levels of their own, with Statement as one object a third.
    let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"a","Resource":"b","Condition":{value}}}}}"#
    )
}

#[test]
fn no_depth_overflows_the_stack() {
    for depth in [3, 31, 32, 33, 127, 128, 129, 5_000, 100_000] {
        for (open, close) in
            [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]"), ("[", ""), ("{\"a\":", "")]
        {
            let text = nested(depth, open, close);
            assert!(
                Policy::parse(Kind::Identity, &text, &context()).is_err(),
                "depth {depth} of `{open}`"
            );
        }
    }
}

#[test]
fn every_prefix_of_a_document_is_refused() {
    let text = include_str!("../../config/baseline/eks-connector-agent-policy.json").trim_end();
    for end in 0..text.len() {
        assert!(
            Policy::parse(Kind::Identity, text.get(..end).unwrap(), &context()).is_err(),
            "the first {end} bytes"
        );
    }
    assert!(Policy::parse(Kind::Identity, text, &context()).is_ok());
}
