//! AWS CLI commands that put a finding right, quoted for a POSIX shell.

use serde_json::{Value, json};

/// `aws iam COMMAND --role-name ROLE …`, each further pair a flag and its value.
pub(super) fn command(command: &str, role: &str, flags: &[(&str, &str)]) -> String {
    let mut out = format!("aws iam {command}");
    for (flag, value) in [("role-name", role)].iter().chain(flags) {
        // A value that begins with a dash would be read as the next flag.
        let between = if value.starts_with('-') { '=' } else { ' ' };
        out.push_str(&format!(" --{flag}{between}{}", quote(value)));
    }
    out
}

pub(super) fn put_policy(role: &str, policy_name: &str, document: &Value) -> String {
    command(
        "put-role-policy",
        role,
        &[("policy-name", policy_name), ("policy-document", &document.to_string())],
    )
}

/// The value of `--tags`: JSON, because commas and quotes mean something in the short form.
pub(super) fn tags<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> String {
    let list = tags.into_iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    Value::Array(list.collect()).to_string()
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
