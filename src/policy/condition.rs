//! Condition blocks in canonical form, and the operators they are made of.

use std::collections::BTreeSet;

/// A non-empty condition block in canonical form: keys folded in case, values as sets, `ArnEquals` as `ArnLike`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition {
    /// Its tests; all of them must hold.
    pub tests: BTreeSet<Test>,
    /// Whether `${…}` in a value is a variable. Always false where no value holds one.
    pub variables: bool,
}

/// One key of one operator: holds when the key's value matches any of the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// As `StringEquals`, `ForAnyValue:StringLikeIfExists`.
    pub operator: Operator,
    /// The condition key, folded to lower case.
    pub key: String,
    /// The values.
    pub values: BTreeSet<String>,
}

/// A condition operator, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    /// Its canonical name, as `ForAnyValue:ArnLikeIfExists`.
    pub name: String,
    /// How values are compared.
    pub base: Base,
    /// `StringNotEquals` and its like: holds when no value matches, also when the key is absent.
    pub negated: bool,
    /// The suffix `IfExists`: holds when the key is absent.
    pub if_exists: bool,
    /// The prefix for keys of several values.
    pub over: Over,
}

/// How an operator compares values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "they are IAM's names, without `Not` and the further comparisons of a type"
)]
pub enum Base {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    ArnLike,
    Bool,
    Null,
    Numeric,
    Date,
    Ip,
    Binary,
}

impl Base {
    /// Whether `*` and `?` in its values are wildcards.
    pub fn is_wild(self) -> bool {
        matches!(self, Self::StringLike | Self::ArnLike)
    }
}

/// What an operator does with keys of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// No prefix.
    One,
    /// `ForAllValues:`, which holds when the key is absent.
    All,
    /// `ForAnyValue:`, which does not.
    Any,
}

const OPERATORS: [&str; 27] = [
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "BinaryEquals",
    "Bool",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];

/// The operator in canonical form, or `None` where IAM knows none of that name.
pub(super) fn canonical_operator(name: &str) -> Option<Operator> {
    let (prefix, rest) = ["ForAllValues:", "ForAnyValue:"]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix).map(|rest| (prefix, rest)))
        .unwrap_or(("", name));
    let (base, suffix) = match rest.strip_suffix("IfExists") {
        Some(base) if base != "Null" => (base, "IfExists"),
        _ => (rest, ""),
    };
    let base = match base {
        "ArnEquals" => "ArnLike",
        "ArnNotEquals" => "ArnNotLike",
        other => *OPERATORS.iter().find(|known| **known == other)?,
    };
    let over = match prefix {
        "ForAllValues:" => Over::All,
        "ForAnyValue:" => Over::Any,
        _ => Over::One,
    };
    Some(Operator {
        name: format!("{prefix}{base}{suffix}"),
        base: compares(base),
        negated: base.contains("Not"),
        if_exists: !suffix.is_empty(),
        over,
    })
}

fn compares(base: &str) -> Base {
    match base.replace("Not", "").as_str() {
        "StringEquals" => Base::StringEquals,
        "StringEqualsIgnoreCase" => Base::StringEqualsIgnoreCase,
        "StringLike" => Base::StringLike,
        "ArnLike" => Base::ArnLike,
        "Bool" => Base::Bool,
        "Null" => Base::Null,
        "IpAddress" => Base::Ip,
        other if other.starts_with("Numeric") => Base::Numeric,
        other if other.starts_with("Date") => Base::Date,
        _ => Base::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_known_by_their_exact_name_with_prefix_and_suffix() {
        let cases = [
            ("StringEquals", Some("StringEquals")),
            ("ArnEquals", Some("ArnLike")),
            ("ForAnyValue:ArnNotEqualsIfExists", Some("ForAnyValue:ArnNotLikeIfExists")),
            ("NullIfExists", None),
            ("stringEquals", None),
            ("StringMatches", None),
            ("ForAllValues:", None),
        ];
        for (name, want) in cases {
            let operator = canonical_operator(name).map(|operator| operator.name);
            assert_eq!(operator.as_deref(), want, "case `{name}`");
        }
    }
}
