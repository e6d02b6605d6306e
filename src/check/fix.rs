//! AWS CLI commands that put a finding right, quoted for a POSIX shell.

use std::collections::BTreeMap;

use serde_json::Value;

/// `aws iam COMMAND --role-name ROLE …`, each further pair a flag and its value.
pub(super) fn command(command: &str, role: &str, flags: &[(&str, &str)]) -> String {
    let mut out = format!("aws iam {command} --role-name {}", quote(role));
    for (flag, value) in flags {
        out.push_str(&format!(" --{flag} {}", quote(value)));
    }
    out
}

/// Creates the role as the baseline has it, with its inline policy.
pub(super) fn create_role(
    role: &str,
    path: &str,
    trust: &Value,
    boundary: Option<&str>,
    policy_name: &str,
    inline: &Value,
) -> Vec<String> {
    let trust = trust.to_string();
    let mut flags = vec![("assume-role-policy-document", trust.as_str())];
    if path != "/" {
        flags.push(("path", path));
    }
    if let Some(boundary) = boundary {
        flags.push(("permissions-boundary", boundary));
    }
    vec![command("create-role", role, &flags), put_policy(role, policy_name, inline)]
}

pub(super) fn put_policy(role: &str, policy_name: &str, document: &Value) -> String {
    command(
        "put-role-policy",
        role,
        &[("policy-name", policy_name), ("policy-document", &document.to_string())],
    )
}

pub(super) fn tag(role: &str, tags: &BTreeMap<&str, &str>) -> String {
    let tags = tags.iter().map(|(key, value)| quote(&format!("Key={key},Value={value}")));
    format!("{} --tags {}", command("tag-role", role, &[]), tags.collect::<Vec<_>>().join(" "))
}

/// A word for a POSIX shell: as it is where that is safe, else in single quotes.
fn quote(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=,@+".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_a_shell_reads_them_back() {
        let cases = [
            ("plain-Name_1", "plain-Name_1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
        ];
        for (text, want) in cases {
            assert_eq!(quote(text), want, "case `{text}`");
        }
    }
}
