//! Condition blocks: opaque to the engine, which only asks whether two of them are canonically the same.

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
    pub operator: String,
    /// The condition key, folded to lower case.
    pub key: String,
    /// The values.
    pub values: BTreeSet<String>,
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
pub(super) fn canonical_operator(name: &str) -> Option<String> {
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
    Some(format!("{prefix}{base}{suffix}"))
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
            assert_eq!(canonical_operator(name).as_deref(), want, "case `{name}`");
        }
    }
}
