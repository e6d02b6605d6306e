//! AWS CLI commands that remediate a finding, quoted for a POSIX shell.

use serde_json::{Value, json};

use crate::model::{Write, shell_word};

/// The commands that make these writes.
pub(crate) fn commands<'w>(role: &str, writes: impl IntoIterator<Item = &'w Write>) -> Vec<String> {
    writes.into_iter().map(|write| command_of(role, write)).collect()
}

/// The command that makes a write.
fn command_of(role: &str, write: &Write) -> String {
    let inline = |text: &str, name: &str| command(text, role, &[("policy-name", name)]);
    let managed = |text: &str, arn: &str| command(text, role, &[("policy-arn", arn)]);
    match write {
        Write::CreateRole { path, trust_policy, max_session_seconds, boundary, tags } => {
            let seconds = max_session_seconds.map(|seconds| seconds.to_string());
            let listed = (!tags.is_empty()).then(|| self::tags(tags));
            let mut flags = vec![("assume-role-policy-document", trust_policy.as_str())];
            flags.extend((path != "/").then_some(("path", path.as_str())));
            flags.extend(seconds.as_deref().map(|text| ("max-session-duration", text)));
            flags.extend(boundary.as_deref().map(|arn| ("permissions-boundary", arn)));
            flags.extend(listed.as_deref().map(|text| ("tags", text)));
            command("create-role", role, &flags)
        }
        Write::DeleteRole => command("delete-role", role, &[]),
        Write::UpdateTrustPolicy { document } => {
            command("update-assume-role-policy", role, &[("policy-document", document)])
        }
        Write::PutInlinePolicy { name, document } => {
            let flags = [("policy-name", name.as_str()), ("policy-document", document)];
            command("put-role-policy", role, &flags)
        }
        Write::DeleteInlinePolicy { name } => inline("delete-role-policy", name),
        Write::AttachManagedPolicy { arn } => managed("attach-role-policy", arn),
        Write::DetachManagedPolicy { arn } => managed("detach-role-policy", arn),
        Write::PutPermissionsBoundary { arn } => {
            command("put-role-permissions-boundary", role, &[("permissions-boundary", arn)])
        }
        Write::DeletePermissionsBoundary => command("delete-role-permissions-boundary", role, &[]),
        // The one command here that is about no role of ours.
        Write::CreateServiceLinkedRole { service } => {
            format!("aws iam create-service-linked-role --aws-service-name {}", shell_word(service))
        }
    }
}

/// `aws iam COMMAND --role-name ROLE …`, each further pair a flag and its value.
pub(super) fn command(command: &str, role: &str, flags: &[(&str, &str)]) -> String {
    let mut out = format!("aws iam {command}");
    for (flag, value) in [("role-name", role)].iter().chain(flags) {
        // A value that begins with a dash would be read as the next flag.
        let between = if value.starts_with('-') { '=' } else { ' ' };
        out.push_str(&format!(" --{flag}{between}{}", shell_word(value)));
    }
    out
}

/// The value of `--tags`: JSON, because commas and quotes mean something in the short form.
pub(super) fn tags<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> String {
    let list = tags.into_iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    Value::Array(list.collect()).to_string()
}
