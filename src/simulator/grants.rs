//! What a session may do: just enough of the policy language for scan roles and session policies.

use serde_json::Value;

/// Statements of one policy. Conditions are not understood: such a statement counts as if it had none.
#[derive(Debug, Clone)]
pub(super) struct Grants(Vec<Statement>);

#[derive(Debug, Clone)]
struct Statement {
    allow: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Grants {
    /// These actions on these resources; no resource stands for every one.
    pub(super) fn new(actions: &[String], resources: &[String]) -> Self {
        let everything = || vec!["*".to_owned()];
        let resources = if resources.is_empty() { everything() } else { resources.to_vec() };
        Self(vec![Statement { allow: true, actions: actions.to_vec(), resources }])
    }

    /// A policy document; `None` when it is not one that this simulator can hold a session to.
    pub(super) fn parse(document: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(document).ok()?;
        let statements = match document.get("Statement")? {
            Value::Array(statements) => {
                statements.iter().map(Statement::parse).collect::<Option<_>>()?
            }
            one => vec![Statement::parse(one)?],
        };
        Some(Self(statements))
    }

    /// Whether some statement allows the request and none denies it.
    pub(super) fn allow(&self, action: &str, resource: &str) -> bool {
        let mut matching =
            self.0.iter().filter(|statement| statement.matches(action, resource)).peekable();
        matching.peek().is_some() && matching.all(|statement| statement.allow)
    }
}

impl Statement {
    fn parse(statement: &Value) -> Option<Self> {
        let allow = match statement.get("Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let list = |name: &str| match statement.get(name)? {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(many) => many.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        Some(Self { allow, actions: list("Action")?, resources: list("Resource")? })
    }

    fn matches(&self, action: &str, resource: &str) -> bool {
        let any = |patterns: &[String], text: &str, same: fn(u8, u8) -> bool| {
            patterns.iter().any(|pattern| glob(pattern.as_bytes(), text.as_bytes(), same))
        };
        any(&self.actions, action, |a, b| a.eq_ignore_ascii_case(&b))
            && any(&self.resources, resource, |a, b| a == b)
    }
}

/// `*` is any run, `?` one byte. Steps back to the last star only, so it is never worse than quadratic.
fn glob(mut pattern: &[u8], mut text: &[u8], same: fn(u8, u8) -> bool) -> bool {
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, text));
                pattern = rest;
            }
            (Some((p, pattern_rest)), Some((t, text_rest))) if *p == b'?' || same(*p, *t) => {
                (pattern, text) = (pattern_rest, text_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, swallowed)) = star else { return false };
                let Some((_, swallowed)) = swallowed.split_first() else { return false };
                star = Some((after_star, swallowed));
                (pattern, text) = (after_star, swallowed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        let cases = [
            ("iam:Get*", "iam:GetRole", true),
            ("iam:Get*Policy", "iam:GetRolePolicyX", false),
            ("iam:Get?ole", "iam:GetRole", true),
            ("*a*b*", "xaxxbx", true),
            ("*ab", "aab", true),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(
                glob(pattern.as_bytes(), text.as_bytes(), |a, b| a == b),
                want,
                "case `{pattern}` `{text}`"
            );
        }
    }

    #[test]
    fn a_deny_wins_and_nothing_is_allowed_by_default() {
        let grants = Grants::parse(
            r#"{"Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"},
                {"Effect":"Deny","Action":"iam:getpolicy","Resource":"arn:aws:iam::*:policy/secret"}]}"#,
        )
        .unwrap();
        assert!(grants.allow("iam:GetPolicy", "arn:aws:iam::1:policy/open"));
        assert!(!grants.allow("iam:GetPolicy", "arn:aws:iam::1:policy/secret"));
        assert!(!grants.allow("sts:AssumeRole", "arn:aws:iam::1:role/x"));
        assert!(Grants::parse("{}").is_none() && Grants::parse("[").is_none());
    }
}
