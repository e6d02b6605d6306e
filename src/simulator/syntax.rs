//! What IAM refuses to store: documents that are no policies, or too long, and names and paths of another form.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;

use super::wire::Refusal;

/// Characters of a trust policy, white space not counted.
const LONGEST_TRUST: usize = 2048;
/// Characters of all inline policies of a role together, white space not counted.
const LONGEST_INLINE: usize = 10_240;

/// A trust policy that IAM would store.
pub(super) fn trust(document: &str) -> Result<(), Refusal> {
    for statement in statements(document)? {
        if let Some(field) = prohibited(&statement, &["Resource", "NotResource", "NotPrincipal"]) {
            return Err(malformed(format!("Has prohibited field {field}")));
        }
        if statement.get("Principal").is_none() {
            return Err(malformed("Missing required field Principal"));
        }
        let sts =
            |action: &str| action.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("sts:"));
        if !actions(&statement).all(sts) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    if length(document) > LONGEST_TRUST {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {LONGEST_TRUST}")));
    }
    Ok(())
}

/// An inline policy that IAM would store.
pub(super) fn permissions(document: &str) -> Result<(), Refusal> {
    for statement in statements(document)? {
        if let Some(field) = prohibited(&statement, &["Principal", "NotPrincipal"]) {
            return Err(malformed(format!("Policy document should not specify a {field}.")));
        }
        if statement.get("Resource").is_none() && statement.get("NotResource").is_none() {
            return Err(malformed("Policy statement must contain resources."));
        }
        let named = |action: &str| action == "*" || action.contains(':');
        if !actions(&statement).all(named) {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        }
    }
    Ok(())
}

/// All inline policies of a role together.
pub(super) fn inline_size<'a>(
    role: &str,
    documents: impl Iterator<Item = &'a Arc<str>>,
) -> Result<(), Refusal> {
    if documents.map(|document| length(document)).sum::<usize>() <= LONGEST_INLINE {
        return Ok(());
    }
    Err(limit(format!("Maximum policy size of {LONGEST_INLINE} bytes exceeded for role {role}")))
}

/// A path: `/`, or `/…/`.
pub(super) fn path(path: &str) -> Result<(), Refusal> {
    let whole = path.starts_with('/') && path.ends_with('/');
    if whole && path.len() <= 512 && path.bytes().all(|b| (0x21..=0x7f).contains(&b)) {
        return Ok(());
    }
    Err(Refusal::validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

/// A value of letters, digits and a few more characters.
pub(super) fn fits(
    name: &str,
    value: &str,
    length: RangeInclusive<usize>,
    extra: &str,
) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
    if length.contains(&value.len()) && value.chars().all(allowed) {
        return Ok(());
    }
    Err(constraint(
        name,
        &format!(
            "Member must have a length of {} to {} and satisfy regular expression pattern: [\\w{extra}]*",
            length.start(),
            length.end()
        ),
    ))
}

/// A parameter that is not as it must be.
pub(super) fn constraint(name: &str, what: &str) -> Refusal {
    Refusal::validation(format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: {what}"
    ))
}

/// The statements of what is a policy at all.
fn statements(document: &str) -> Result<Vec<Value>, Refusal> {
    let stored = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    if !document.chars().all(stored) {
        return Err(constraint(
            "policyDocument",
            "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
        ));
    }
    let invalid = || malformed("This policy contains invalid Json");
    let mut policy: Value = serde_json::from_str(document).map_err(|_| invalid())?;
    let version = policy.get("Version").map(Value::as_str);
    if !matches!(version, None | Some(Some("2012-10-17" | "2008-10-17"))) {
        return Err(malformed("The policy must contain a valid version string"));
    }
    let statements = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => statements,
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    let whole = |statement: &Value| {
        let effect = statement.get("Effect").and_then(Value::as_str);
        let action =
            ["Action", "NotAction"].into_iter().filter(|name| statement.get(name).is_some());
        matches!(effect, Some("Allow" | "Deny")) && action.count() == 1
    };
    if statements.is_empty() || !statements.iter().all(whole) {
        return Err(malformed("Syntax errors in policy."));
    }
    Ok(statements)
}

fn prohibited<'n>(statement: &Value, names: &[&'n str]) -> Option<&'n str> {
    names.iter().copied().find(|name| statement.get(name).is_some())
}

fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    let listed = ["Action", "NotAction"].into_iter().find_map(|name| statement.get(name));
    let many = listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    listed.into_iter().chain(many).filter_map(Value::as_str)
}

fn length(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

fn limit(message: String) -> Refusal {
    Refusal::new(409, "LimitExceeded", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::documents as doc;

    fn code(result: Result<(), Refusal>) -> &'static str {
        result.err().map_or("stored", |refusal| refusal.code)
    }

    #[test]
    fn what_the_generator_stores_may_be_written() {
        for text in [doc::TRUST, doc::TRUST_CLOUDFORMATION, doc::TRUST_EKSCTL] {
            assert_eq!(trust(text), Ok(()), "case `{text}`");
        }
        let permitted = [
            doc::PERMISSIONS,
            doc::PERMISSIONS_TERRAFORM,
            doc::PERMISSIONS_WILDCARD,
            doc::PERMISSIONS_DOUBTFUL,
            doc::ADMINISTRATOR,
        ];
        for text in permitted {
            assert_eq!(permissions(text), Ok(()), "case `{text}`");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let statement =
            |fields: &str| format!(r#"{{"Statement":[{{"Effect":"Allow",{fields}}}]}}"#);
        let long = statement(&format!(
            r#""Principal":"*","Action":"sts:AssumeRole","Sid":"{}""#,
            "a".repeat(2048)
        ));
        let (bad, stored) = ("MalformedPolicyDocument", "stored");
        let cases = [
            ("", bad, bad),
            ("{", bad, bad),
            ("[]", bad, bad),
            ("{}", bad, bad),
            (r#"{"Statement":[]}"#, bad, bad),
            (r#"{"Version":"2020-01-01","Statement":{}}"#, bad, bad),
            (&doc::TRUST.replace("Allow", "allow"), bad, bad),
            ("%7B%22Statement%22%3A%5B%5D%7D", bad, bad),
            ("{\"Statement\":\"\u{2028}\"}", "ValidationError", "ValidationError"),
            (doc::TRUST, stored, bad),
            (doc::PERMISSIONS, bad, stored),
            (&statement(r#""Principal":"*","Action":"s3:GetObject""#), bad, bad),
            (&statement(r#""Action":"sts:AssumeRole""#), bad, bad),
            (&statement(r#""Action":"x","Resource":"*""#), bad, bad),
            (&statement(r#""Action":"a:b","NotAction":"a:c","Resource":"*""#), bad, bad),
            (&statement(r#""Action":[],"Resource":"*""#), bad, stored),
            (&long, "LimitExceeded", bad),
            (&long.replace("aaaaaaaa", " "), stored, bad),
        ];
        for (text, as_trust, as_permissions) in cases {
            assert_eq!(code(trust(text)), as_trust, "trust `{text}`");
            assert_eq!(code(permissions(text)), as_permissions, "permissions `{text}`");
        }
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        let cases = [
            ("/", true),
            ("/a/b/", true),
            ("", false),
            ("/a", false),
            ("a/", false),
            ("/ä/", false),
        ];
        for (text, want) in cases {
            assert_eq!(path(text).is_ok(), want, "case `{text}`");
        }
    }
}
