//! Can a condition hold for a class of requests? Three answers: proved yes, with values that do it; proved never, with the
//! reason; and unsure, where a key is opaque or the search found nothing either way.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Base, Condition, Over, Test};
use super::facts::{Fact, Facts, Form, Meet, Problem, fields};
use super::glob::Glob;
use super::statement::{Pattern, PatternRules};
use super::ways::Way;

/// Combinations of values that are tried; a policy's few keys make a few dozen.
const MOST_COMBINATIONS: usize = 2_048;
/// Values that are tried for one key.
const MOST_CANDIDATES: usize = 32;

/// Whether requests of a class may take a way through a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// They do with these values; keys that are not here are absent.
    Yes(BTreeMap<String, String>),
    /// Not known. `opaque`: because of a key that nothing is known of.
    Unsure {
        /// Whether a key that nothing is known of is the cause.
        opaque: bool,
    },
    /// They never do.
    Never(Never),
}

/// Why a condition never holds, or a Deny always does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Never {
    /// This test of the Allow cannot hold.
    Test {
        /// The condition key, folded.
        key: String,
        /// A value that was expected not to be there.
        value: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The tests of this key contradict each other.
    Contradiction(String),
    /// A Deny holds for all of them, by its tests of these keys.
    Denied(Vec<String>),
}

/// What a test says of every request of a class.
#[derive(Debug, PartialEq)]
enum Range {
    Always,
    Sometimes,
    Unknown,
    Never(String, Problem),
}

impl Way<'_> {
    /// Whether requests of a class may take this way.
    pub fn holds(&self, facts: &Facts) -> Holds {
        let allow: Vec<Read<'_>> = self.allow.iter().flat_map(|c| read(c, facts)).collect();
        let deny: Vec<Vec<Read<'_>>> = self.deny.iter().map(|c| read(c, facts)).collect();
        for test in &allow {
            if let Range::Never(value, problem) = test.range(facts) {
                return Holds::Never(Never::Test { key: test.key().to_owned(), value, problem });
            }
        }
        if let Some(key) = contradiction(&allow, facts) {
            return Holds::Never(Never::Contradiction(key));
        }
        let always =
            |tests: &&Vec<Read<'_>>| tests.iter().all(|test| test.range(facts) == Range::Always);
        if let Some(tests) = deny.iter().find(always) {
            let keys: BTreeSet<String> = tests.iter().map(|test| test.key().to_owned()).collect();
            return Holds::Never(Never::Denied(keys.into_iter().collect()));
        }
        search(&allow, &deny, facts)
    }
}

/// A test whose values are read: `None` for one that holds a variable nothing is known of.
pub(super) struct Read<'t> {
    pub(super) test: &'t Test,
    pub(super) values: Vec<Option<Glob>>,
}

/// A variable whose key has one known value stands for that value; others are not known.
pub(super) fn read<'t>(condition: &'t Condition, facts: &Facts) -> Vec<Read<'t>> {
    let value = |test: &Test, text: &str| {
        let text = if condition.variables { resolved(text, facts) } else { text.to_owned() };
        let pattern =
            Pattern::parse(&text, PatternRules { fold: false, variables: condition.variables });
        match (pattern.variables.is_empty(), test.operator.base.is_wild()) {
            (false, _) => None,
            (true, true) => Some(pattern.glob),
            // Without wildcards the escapes `${*}` are still escapes.
            (true, false) => Some(match condition.variables {
                true => Glob::literal(
                    &text.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$"),
                ),
                false => Glob::literal(&text),
            }),
        }
    };
    condition
        .tests
        .iter()
        .map(|test| Read {
            test,
            values: test.values.iter().map(|text| value(test, text)).collect(),
        })
        .collect()
}

/// The text with the variables filled in whose values are known.
fn resolved(text: &str, facts: &Facts) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            out.push_str("${");
            continue;
        };
        match facts.variable(name.trim()) {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("${{{name}}}")),
        }
        rest = after;
    }
    out + rest
}

impl Read<'_> {
    fn key(&self) -> &str {
        &self.test.key
    }

    fn range(&self, facts: &Facts) -> Range {
        let operator = &self.test.operator;
        match facts.of(self.key()) {
            None => Range::Unknown,
            Some(Fact::Absent) => match self.concrete(None) {
                Some(true) => Range::Always,
                Some(false) => Range::Never(self.shown(), Problem::Absent),
                None => Range::Unknown,
            },
            Some(Fact::Is(value)) => match self.concrete(Some(value)) {
                Some(true) => Range::Always,
                Some(false) => Range::Never(self.shown(), self.problem_with(value)),
                None => Range::Unknown,
            },
            Some(Fact::Any(_)) if operator.base == Base::Null => match self.concrete(Some("")) {
                Some(true) => Range::Always,
                Some(false) => Range::Never(self.shown(), Problem::Other),
                None => Range::Unknown,
            },
            Some(Fact::Any(form)) => self.range_of(form),
        }
    }

    fn range_of(&self, form: &Form) -> Range {
        let meets: Vec<Meet> = self
            .values
            .iter()
            .map(|value| value.as_ref().map_or(Meet::Unknown, |v| form.meets(self.test, v)))
            .collect();
        let first = meets.iter().find_map(|meet| match meet {
            Meet::Never(mismatch) => Some(*mismatch),
            Meet::Maybe | Meet::Always | Meet::Unknown => None,
        });
        let none = meets.iter().all(|meet| matches!(meet, Meet::Never(_)));
        let some = meets.contains(&Meet::Always);
        let negated = self.test.operator.negated;
        // An operator of another type makes no promise when it is negated.
        let typed = first != Some(Problem::Operator);
        match (none, some, negated) {
            (true, _, false) => {
                let shown = self.shown();
                let wildcard = !self.test.operator.base.is_wild() && shown.contains(['*', '?']);
                let problem = match (wildcard, first) {
                    (true, _) => Problem::Wildcard,
                    (false, problem) => problem.unwrap_or(Problem::Other),
                };
                Range::Never(shown, problem)
            }
            (true, _, true) if typed => Range::Always,
            (_, true, false) => Range::Always,
            (_, true, true) => Range::Never(self.shown(), Problem::Other),
            _ if meets.contains(&Meet::Unknown) || !typed => Range::Unknown,
            _ => Range::Sometimes,
        }
    }

    /// Whether the test holds for a request whose key has this value, or is absent. `None`: not known.
    fn concrete(&self, value: Option<&str>) -> Option<bool> {
        let operator = &self.test.operator;
        if operator.base == Base::Null {
            let wanted: BTreeSet<&str> = self.test.values.iter().map(String::as_str).collect();
            return match (wanted.contains("true"), wanted.contains("false")) {
                (true, true) => Some(true),
                (true, false) => Some(value.is_none()),
                (false, true) => Some(value.is_some()),
                (false, false) => None,
            };
        }
        let Some(value) = value else {
            let holds = match operator.over {
                Over::All => true,
                Over::Any => operator.if_exists,
                Over::One => operator.negated || operator.if_exists,
            };
            return Some(holds);
        };
        let matches: Vec<Option<bool>> = self
            .values
            .iter()
            .map(|pattern| matches(operator.base, pattern.as_ref()?, value))
            .collect();
        let any = match (matches.contains(&Some(true)), matches.contains(&None)) {
            (true, _) => true,
            (false, true) => return None,
            (false, false) => false,
        };
        // Whether a negated operator of another type holds is for AWS to say.
        let typed = !matches!(operator.base, Base::Numeric | Base::Date | Base::Ip | Base::Binary);
        if operator.negated && !typed { None } else { Some(any != operator.negated) }
    }

    /// The first value, as it is written.
    fn shown(&self) -> String {
        self.test.values.first().cloned().unwrap_or_default()
    }

    fn problem_with(&self, value: &str) -> Problem {
        let base = self.test.operator.base;
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        let shown = self.shown();
        match base {
            Base::Null => Problem::Other,
            Base::Numeric | Base::Date | Base::Ip | Base::Binary => Problem::Operator,
            Base::Bool if !matches!(value, "true" | "false") => Problem::Operator,
            Base::ArnLike if !value.starts_with("arn:") => Problem::Operator,
            _ if self.test.operator.negated => Problem::Other,
            _ if !base.is_wild() && shown.contains(['*', '?']) => Problem::Wildcard,
            _ if is_account(value) && is_account(&shown) => Problem::Account,
            _ if is_account(value) && !base.is_wild() => Problem::Malformed,
            _ if value.starts_with("o-") => Problem::Organization,
            _ => Problem::Other,
        }
    }

    /// Whether it can only hold for a request that carries the key with one of the values.
    fn demands(&self) -> bool {
        let operator = &self.test.operator;
        !operator.negated
            && !operator.if_exists
            && operator.over == Over::One
            && operator.base != Base::Null
    }
}

/// Whether one value of a test matches.
fn matches(base: Base, pattern: &Glob, value: &str) -> Option<bool> {
    match base {
        Base::StringEquals => Some(pattern.as_literal().as_deref() == Some(value)),
        Base::Bool if !matches!(value, "true" | "false") => Some(false),
        Base::StringEqualsIgnoreCase | Base::Bool => {
            pattern.as_literal().map(|text| text.eq_ignore_ascii_case(value))
        }
        Base::StringLike => Some(pattern.matches(value)),
        Base::ArnLike => {
            let (pattern, value) = (fields(pattern), fields(&Glob::literal(value)));
            match (pattern.as_slice(), value.as_slice()) {
                // A lone `*` may stand for every ARN; AWS does not say.
                ([lone], _) if lone == &Glob::wild("*") => None,
                ([.., _], [.., _]) if pattern.len() == 6 && value.len() == 6 => {
                    Some(pattern.iter().zip(&value).all(|(p, v)| p.covers(v)))
                }
                _ => Some(false),
            }
        }
        Base::Numeric | Base::Date | Base::Ip | Base::Binary => Some(false),
        Base::Null => None,
    }
}

/// A key whose tests cannot all hold, whatever is known of it.
fn contradiction(tests: &[Read<'_>], facts: &Facts) -> Option<String> {
    let demands: Vec<&Read<'_>> = tests.iter().filter(|test| test.demands()).collect();
    for (index, one) in demands.iter().enumerate() {
        let same = |other: &&&Read<'_>| other.key() == one.key();
        if demands.iter().skip(index + 1).filter(same).any(|other| apart(one, other)) {
            return Some(one.key().to_owned());
        }
        let absent = |test: &&Read<'_>| {
            test.key() == one.key()
                && test.test.operator.base == Base::Null
                && test.concrete(Some("")) == Some(false)
        };
        if tests.iter().any(|test| absent(&test)) {
            return Some(one.key().to_owned());
        }
    }
    // Where a key's values are listed, each can be tried.
    let listed = demands.iter().filter(|test| {
        matches!(facts.of(test.key()), None | Some(Fact::Any(_)))
            && matches!(test.test.operator.base, Base::StringEquals | Base::StringLike)
            && test.values.iter().all(|value| value.as_ref().is_some_and(Glob::is_literal))
    });
    for test in listed {
        let values = test.values.iter().flatten().filter_map(Glob::as_literal);
        let fails = |value: &String| {
            let own = tests.iter().filter(|other| other.key() == test.key());
            own.clone().any(|other| other.concrete(Some(value)) == Some(false))
        };
        if values.clone().all(|value| fails(&value)) {
            return Some(test.key().to_owned());
        }
    }
    None
}

/// Whether no value matches both tests.
fn apart(one: &Read<'_>, other: &Read<'_>) -> bool {
    let bases = [one.test.operator.base, other.test.operator.base];
    let text = |base: &Base| matches!(base, Base::StringEquals | Base::StringLike | Base::ArnLike);
    let both_arns = bases.iter().all(|base| *base == Base::ArnLike);
    let meet = |a: &Glob, b: &Glob| match both_arns {
        true => {
            let (a, b) = (fields(a), fields(b));
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.may_meet(b))
        }
        false => a.may_meet(b),
    };
    bases.iter().all(text)
        && one.values.iter().all(|a| {
            other.values.iter().all(|b| match (a, b) {
                (Some(a), Some(b)) => !meet(a, b),
                _ => false,
            })
        })
}

/// Tries values of the keys that the caller may choose.
fn search(allow: &[Read<'_>], deny: &[Vec<Read<'_>>], facts: &Facts) -> Holds {
    let tests: Vec<&Read<'_>> = allow.iter().chain(deny.iter().flatten()).collect();
    let mut combinations: Vec<BTreeMap<String, String>> = vec![BTreeMap::new()];
    let keys: BTreeSet<&str> = tests.iter().map(|test| test.key()).collect();
    for key in keys {
        let candidates = match facts.of(key) {
            None | Some(Fact::Absent) => continue,
            Some(Fact::Is(value)) => vec![value.clone()],
            Some(Fact::Any(form)) => {
                let own = tests.iter().filter(|test| test.key() == key);
                let values: Vec<Glob> =
                    own.flat_map(|test| test.values.iter().flatten().cloned()).collect();
                let mut candidates = form.candidates(&values);
                candidates.dedup();
                candidates.truncate(MOST_CANDIDATES);
                candidates
            }
        };
        if combinations.len() * candidates.len() > MOST_COMBINATIONS {
            return Holds::Unsure { opaque: false };
        }
        let with = |known: &BTreeMap<String, String>, value: &String| {
            let mut known = known.clone();
            known.insert(key.to_owned(), value.clone());
            known
        };
        combinations = combinations
            .iter()
            .flat_map(|known| candidates.iter().map(|value| with(known, value)).collect::<Vec<_>>())
            .collect();
    }
    let mut opaque = false;
    for context in combinations {
        let concrete = |test: &Read<'_>| {
            facts
                .of(test.key())
                .and_then(|_| test.concrete(context.get(test.key()).map(String::as_str)))
        };
        let allowed = all(allow.iter().map(concrete));
        let denied = any(deny.iter().map(|tests| all(tests.iter().map(concrete))));
        match (allowed, denied) {
            (Some(true), Some(false)) => return Holds::Yes(context),
            (Some(false), _) | (_, Some(true)) => {}
            // What is not certain of a key that is understood takes nothing off what is claimed.
            (None, _) | (_, None) => {
                opaque = tests.iter().any(|test| facts.of(test.key()).is_none())
            }
        }
    }
    Holds::Unsure { opaque }
}

fn all(mut each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    each.try_fold(Some(true), |so_far, next| match (so_far, next) {
        (_, Some(false)) => Err(()),
        (Some(true), Some(true)) => Ok(Some(true)),
        _ => Ok(None),
    })
    .unwrap_or(Some(false))
}

fn any(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(each.map(|one| one.map(|holds| !holds))).map(|none| !none)
}
