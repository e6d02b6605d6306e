//! The fault script: which calls meet which fault.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::calls::{Operation, Service};
use super::fault::Fault;
use super::world::World;
use crate::model::{AccountId, printable_line};

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum On {
    /// Any call.
    #[default]
    Any,
    /// Any call to IAM.
    Iam,
    /// Any call to STS.
    Sts,
    /// Any call to Organizations.
    Organizations,
    /// Any call to EKS.
    Eks,
    /// One operation.
    Only(Operation),
}

/// What the calls of a rule without an account are counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// All accounts together.
    #[default]
    OverAll,
    /// Each account by itself.
    PerAccount,
}

/// A fault that some calls meet.
///
/// In JSON or YAML: `{"operation": "GetRole", "calls": "0..5", "account": "111122223333", "fault": "throttled"}`. Only
/// `fault` is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which operations.
    #[serde(rename = "operation", default)]
    pub on: On,
    /// Which calls of each operation, counted from 0: `3`, `0..5`, `2..`.
    #[serde(default = "all_calls", with = "calls_as_text", skip_serializing_if = "is_all")]
    pub calls: Range<u64>,
    /// Calls into this account only, counted there.
    #[serde(default, with = "account_as_text", skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// How the calls are counted where no account is named.
    #[serde(default, skip_serializing_if = "is_over_all")]
    pub counted: Counted,
    /// What they meet.
    pub fault: Fault,
}

/// Why a script cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The text is not a list of rules; the message has the place.
    #[error("{0}")]
    Text(String),
    /// A rule names an account the organization does not have.
    #[error("rule {number} ({rule}): expected an account of the organization, found `{account}`")]
    Account {
        /// The rule's place in the script, from 1.
        number: usize,
        /// The rule in short.
        rule: String,
        /// The account.
        account: AccountId,
    },
    /// A rule is about no call at all.
    #[error("rule {number} ({rule}): expected calls as `3`, `0..5` or `2..`, found none")]
    NoCalls {
        /// The rule's place in the script, from 1.
        number: usize,
        /// The rule in short.
        rule: String,
    },
}

impl Rule {
    /// Every such call meets the fault.
    pub fn always(on: On, fault: Fault) -> Self {
        Self { on, calls: all_calls(), account: None, counted: Counted::OverAll, fault }
    }

    /// The first `n` calls of each operation meet the fault.
    pub fn first(n: u64, on: On, fault: Fault) -> Self {
        Self { calls: 0..n, ..Self::always(on, fault) }
    }

    /// The call of this number, from 0, of each operation meets the fault.
    pub fn nth(n: u64, on: On, fault: Fault) -> Self {
        Self { calls: n..n.saturating_add(1), ..Self::always(on, fault) }
    }

    /// The same rule, its calls counted in each account by itself.
    #[must_use]
    pub fn per_account(self) -> Self {
        Self { counted: Counted::PerAccount, ..self }
    }

    /// Whether a call meets the fault; so many calls of its operation came before it in its account and in all.
    pub(super) fn matches(
        &self,
        operation: Operation,
        account: &AccountId,
        (in_account, in_all): (u64, u64),
    ) -> bool {
        let nth = match (&self.account, self.counted) {
            (None, Counted::OverAll) => in_all,
            (Some(_), _) | (None, Counted::PerAccount) => in_account,
        };
        self.on.includes(operation)
            && self.account.as_ref().is_none_or(|only| only == account)
            && self.calls.contains(&nth)
    }
}

impl On {
    pub(super) fn includes(self, operation: Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Iam => operation.service() == Service::Iam,
            Self::Sts => operation.service() == Service::Sts,
            Self::Organizations => operation.service() == Service::Organizations,
            Self::Eks => operation.service() == Service::Eks,
            Self::Only(only) => only == operation,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
            Self::Eks => "eks",
            Self::Only(operation) => operation.as_str(),
        })
    }
}

impl FromStr for On {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let services = [Self::Any, Self::Iam, Self::Sts, Self::Organizations, Self::Eks];
        let all = services.into_iter().chain(Operation::ALL.iter().copied().map(Self::Only));
        all.clone().find(|on| on.to_string() == text).ok_or_else(|| {
            let names: Vec<String> = all.map(|on| format!("`{on}`")).collect();
            let text = printable_line(text, 80);
            format!("`{text}` is no operation: expected one of {}", names.join(", "))
        })
    }
}

/// `3`, `0..5`, `2..`; nothing when it is all of them.
fn calls_text(calls: &Range<u64>) -> String {
    match (calls.start, calls.end) {
        (start, u64::MAX) => format!("{start}.."),
        (start, end) if start.checked_add(1) == Some(end) => start.to_string(),
        (start, end) => format!("{start}..{end}"),
    }
}

fn calls_of(text: &str) -> Option<Range<u64>> {
    let Some((start, end)) = text.split_once("..") else {
        let nth: u64 = text.parse().ok()?;
        return Some(nth..nth.checked_add(1)?);
    };
    let start = start.parse().ok()?;
    let end = if end.is_empty() { u64::MAX } else { end.parse().ok()? };
    (start < end).then_some(start..end)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.on, calls_text(&self.calls))?;
        if let Some(account) = &self.account {
            write!(f, " of {account}")?;
        } else if self.counted == Counted::PerAccount {
            f.write_str(" of each account")?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// Reads a script: a list of rules in YAML or JSON.
///
/// # Errors
/// When the text is not one; the message says where and what was expected.
pub fn parse_script(text: &str) -> Result<Vec<Rule>, ScriptError> {
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    let parsed: Result<Option<Vec<Rule>>, _> = serde_saphyr::from_str_with_options(text, options);
    match parsed {
        // A file of comments is a script without rules.
        Ok(rules) => Ok(rules.unwrap_or_default()),
        Err(error) => Err(ScriptError::Text(error.to_string())),
    }
}

impl World {
    /// Adds rules, each where it belongs: to its account, or to the whole organization. All of them or none; they come
    /// before the rules that were there.
    ///
    /// # Errors
    /// Names the first rule that cannot be played, and what was expected.
    pub fn script(&mut self, rules: impl IntoIterator<Item = Rule>) -> Result<(), ScriptError> {
        let rules: Vec<Rule> = rules.into_iter().collect();
        for (index, rule) in rules.iter().enumerate() {
            let (number, text) = (index + 1, rule.to_string());
            if rule.calls.is_empty() {
                return Err(ScriptError::NoCalls { number, rule: text });
            }
            if let Some(account) = &rule.account
                && !self.accounts.contains_key(account)
            {
                return Err(ScriptError::Account { number, rule: text, account: account.clone() });
            }
        }
        for rule in rules.into_iter().rev() {
            let member = rule.account.as_ref().and_then(|account| self.accounts.get_mut(account));
            member.map_or(&mut self.faults, |member| &mut member.faults).insert(0, rule);
        }
        Ok(())
    }

    /// Every rule in force, as a script: the whole organization's first.
    pub fn rules(&self) -> Vec<Rule> {
        let own = self.accounts.iter().flat_map(|(id, member)| {
            let named = |rule: &Rule| Rule { account: Some(id.clone()), ..rule.clone() };
            member.faults.iter().map(named)
        });
        self.faults.iter().cloned().chain(own).collect()
    }

    /// Takes every rule away but those that make an account what its kind is.
    pub fn clear_rules(&mut self) {
        self.faults.clear();
        self.accounts.values_mut().for_each(|member| member.faults = member.kind.rules());
    }
}

fn all_calls() -> Range<u64> {
    0..u64::MAX
}

fn is_all(calls: &Range<u64>) -> bool {
    *calls == all_calls()
}

fn is_over_all(counted: &Counted) -> bool {
    *counted == Counted::OverAll
}

impl Serialize for On {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for On {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod account_as_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        account: &Option<AccountId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        account.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<AccountId>, D::Error> {
        deserializer
            .deserialize_any(Word)
            .and_then(|text| text.parse().map(Some).map_err(D::Error::custom))
    }
}

mod calls_as_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        calls: &Range<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&calls_text(calls))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Range<u64>, D::Error> {
        let text = deserializer.deserialize_any(Word)?;
        calls_of(&text).ok_or_else(|| {
            let found = printable_line(&text, 80);
            D::Error::custom(format!("expected calls as `3`, `0..5` or `2..`, found `{found}`"))
        })
    }
}

/// A text, or a number that means the text of its digits.
struct Word;

impl Visitor<'_> for Word {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::generate;

    const ACCOUNT: &str = "012345678901";

    fn rule(on: On, calls: Range<u64>, account: Option<&str>, fault: Fault) -> Rule {
        let account = account.map(|id| id.parse().unwrap());
        Rule { on, calls, account, counted: Counted::OverAll, fault }
    }

    #[test]
    fn a_script_is_read_from_yaml_and_from_json() {
        let get_role = On::Only(Operation::GetRole);
        let want = vec![
            rule(get_role, 0..5, Some(ACCOUNT), Fault::Throttled),
            rule(On::Iam, 3..4, None, Fault::Error(503, "SlowDown")).per_account(),
            rule(On::Any, 2..u64::MAX, None, Fault::CutBody(7)),
            Rule::always(On::Any, Fault::Hangs),
        ];
        let json = serde_json::to_string(&want).unwrap();
        let yaml = "
# who, when, what
- {operation: GetRole, calls: 0..5, account: '012345678901', fault: throttled}
- operation: iam
  calls: 3
  counted: per-account
  fault: error:503:SlowDown
- calls: 2..
  fault: cut:7
- fault: hangs
";
        for text in [yaml, &json] {
            assert_eq!(parse_script(text), Ok(want.clone()), "case `{text}`");
        }
        let read: Vec<Rule> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, want);
        for nothing in ["", "[]", "# nothing\n"] {
            assert_eq!(parse_script(nothing), Ok(vec![]), "case `{nothing}`");
        }
        let number = serde_json::from_str::<Rule>(
            r#"{"calls": 3, "account": 111122223333, "fault": "hangs"}"#,
        );
        assert_eq!(number.unwrap(), rule(On::Any, 3..4, Some("111122223333"), Fault::Hangs));
    }

    #[test]
    fn a_mistake_in_a_script_is_named_with_its_place_and_what_was_expected() {
        let cases = [
            ("- fault: throtled", "`throtled` is no fault: expected one of `denied`, "),
            (
                "- operation: GetRoles\n  fault: hangs",
                "`GetRoles` is no operation: expected one of `any`, `iam`, ",
            ),
            (
                "- fault: hangs\n  calls: 5..5",
                "expected calls as `3`, `0..5` or `2..`, found `5..5`",
            ),
            ("- fault: hangs\n  calls: some", "found `some`"),
            (
                "- fault: hangs\n  account: '12'",
                "`12` is not an account id: expected exactly 12 digits",
            ),
            ("- fault: hangs\n  counted: often", "often"),
            ("- fault: hangs\n  count: 5", "count"),
            ("- operation: GetRole", "fault"),
            ("fault: hangs", "sequence"),
            ("- fault: hangs\n  fault: denied", "fault"),
        ];
        for (text, want) in cases {
            let message = parse_script(text).unwrap_err().to_string();
            assert!(message.contains(want), "case `{text}`: {message}");
            assert!(
                message.contains("line ") || !want.contains("expected"),
                "case `{text}`: {message}"
            );
        }
    }

    #[test]
    fn rules_go_where_they_belong_all_of_them_or_none() {
        let mut world = generate(7, 60);
        let before = world.rules();
        assert_eq!(
            before.len(),
            world.accounts.values().map(|member| member.faults.len()).sum::<usize>()
        );
        let own =
            world.accounts.iter().find(|(_, member)| !member.faults.is_empty()).unwrap().0.clone();
        let rules = [
            rule(On::Any, 0..1, Some(own.as_str()), Fault::Hangs),
            rule(On::Any, 0..1, None, Fault::Denied),
            rule(On::Any, 0..1, Some(own.as_str()), Fault::Reset),
        ];
        world.script(rules.clone()).unwrap();
        assert_eq!(world.faults, rules[1..2]);
        assert_eq!(world.accounts[&own].faults[..2], [rules[0].clone(), rules[2].clone()]);
        assert_eq!(world.accounts[&own].faults.len(), 3);
        let played = world.clone();
        for (bad, want) in [
            (
                rule(On::Iam, 0..5, Some(ACCOUNT), Fault::Hangs),
                "rule 2 (iam 0..5 of 012345678901: hangs): expected an account of the organization, found `012345678901`",
            ),
            (
                rule(On::Any, 5..5, None, Fault::Hangs),
                "rule 2 (any 5..5: hangs): expected calls as `3`, `0..5` or `2..`, found none",
            ),
        ] {
            let error = world.script([rules[1].clone(), bad]).unwrap_err().to_string();
            assert_eq!(error, want);
            assert!(world == played, "case `{want}`");
        }
        let script = world.rules();
        world.clear_rules();
        assert_eq!(world.rules(), before);
        world.accounts.values_mut().for_each(|member| member.faults.clear());
        world.script(script.clone()).unwrap();
        assert_eq!(world.rules(), script);
    }

    #[test]
    fn calls_are_counted_over_all_or_in_each_account() {
        let account: AccountId = ACCOUNT.parse().unwrap();
        let other: AccountId = "111122223333".parse().unwrap();
        let over_all = Rule::nth(4, On::Iam, Fault::Hangs);
        let each = Rule::nth(1, On::Iam, Fault::Hangs).per_account();
        let named = Rule { account: Some(account.clone()), ..Rule::nth(1, On::Iam, Fault::Hangs) };
        let cases = [
            (&over_all, &account, (1, 4), true),
            (&over_all, &account, (4, 5), false),
            (&each, &account, (1, 9), true),
            (&each, &other, (1, 9), true),
            (&each, &other, (2, 1), false),
            (&named, &account, (1, 9), true),
            (&named, &other, (1, 1), false),
        ];
        for (rule, account, counts, want) in cases {
            assert_eq!(
                rule.matches(Operation::GetRole, account, counts),
                want,
                "case {rule} {counts:?}"
            );
            assert!(!rule.matches(Operation::AssumeRole, account, counts), "case {rule}");
        }
    }
}
