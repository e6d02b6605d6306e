//! Steps in the making: each is applied to the role as it will be by then, so that its undo and its diff are right.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Step;
use crate::check::{Assessment, diff_of_change, shown};
use crate::model::{
    Action, CheckName, Finding, RoleArn, Snapshot, Write, printable, printable_line,
};

/// Why a finding stays.
pub(super) struct Reason(pub(super) String);

/// The steps so far, and what they lead to.
pub(super) struct Draft {
    place: RoleArn,
    now: Snapshot,
    steps: Vec<Step>,
    by_check: BTreeMap<CheckName, Reason>,
    by_finding: BTreeMap<String, Reason>,
}

impl Draft {
    pub(super) fn new(snapshot: Snapshot, place: RoleArn) -> Self {
        let (by_check, by_finding) = (BTreeMap::new(), BTreeMap::new());
        Self { place, now: snapshot, steps: Vec::new(), by_check, by_finding }
    }

    pub(super) fn step(&mut self, write: Write) {
        let after = self.after(&write);
        let step = Step::new(write, &self.now, &self.place);
        self.now = after;
        self.steps.push(step);
    }

    /// The findings of a check stay, for this reason; the first one stands.
    pub(super) fn because(&mut self, check: CheckName, why: String) {
        self.by_check.entry(check).or_insert(Reason(why));
    }

    /// The findings of a check are looked at anew.
    pub(super) fn forget(&mut self, check: CheckName) {
        self.by_check.remove(&check);
    }

    /// One finding stays, for this reason.
    pub(super) fn because_of(&mut self, finding: &str, why: String) {
        self.by_finding.insert(finding.to_owned(), Reason(why));
    }

    pub(super) fn reason(&self, finding: &Finding) -> Option<&Reason> {
        self.by_finding.get(&finding.id).or_else(|| self.by_check.get(&finding.check))
    }

    /// Every reason, with its check.
    pub(super) fn reasons(&self) -> String {
        let said =
            self.by_check.iter().map(|(check, Reason(why))| format!("{}: {why}", check.as_str()));
        said.collect::<Vec<_>>().join("; ")
    }

    pub(super) fn explains(&self, check: CheckName) -> bool {
        self.by_check.contains_key(&check)
    }

    pub(super) fn does(&self, action: Action) -> bool {
        self.steps.iter().any(|step| step.write.action() == action)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The role after the steps so far.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.now
    }

    /// The role after one more write.
    pub(super) fn after(&self, write: &Write) -> Snapshot {
        write.applied_to(&self.now, &self.place)
    }

    pub(super) fn has_boundary(&self) -> bool {
        matches!(&self.now, Snapshot::Present(role) if role.boundary.is_some())
    }

    pub(super) fn has_inline(&self, name: &str) -> bool {
        matches!(&self.now, Snapshot::Present(role) if role.inline.contains_key(name))
    }

    /// The steps, each with the finding it is for.
    pub(super) fn into_steps(self, before: &Assessment) -> Vec<Step> {
        let about = |action| {
            let check = match action {
                Action::UpdateTrustPolicy => CheckName::TrustPolicy,
                Action::PutInlinePolicy => CheckName::InlinePolicy,
                Action::CreateRole
                | Action::DeleteInlinePolicy
                | Action::DetachManagedPolicy
                | Action::PutPermissionsBoundary
                | Action::CreateServiceLinkedRole
                | Action::DeleteRole
                | Action::AttachManagedPolicy
                | Action::DeletePermissionsBoundary => return None,
            };
            before.findings.iter().find(|finding| finding.check == check)
        };
        let mut steps = self.steps;
        for step in &mut steps {
            if let Some(finding) = about(step.write.action()) {
                step.summary = format!("{}: {}", step.summary, finding.summary);
            }
        }
        steps
    }
}

impl Step {
    /// The step that makes this write where the role is so.
    pub(crate) fn new(write: Write, before: &Snapshot, place: &RoleArn) -> Self {
        let (summary, diff) = (summary(&write, place), diff(&write, before));
        Self { undo: write.undo(before), summary, diff, write }
    }
}

/// One sentence.
fn summary(write: &Write, place: &RoleArn) -> String {
    let line = |text: &str| printable_line(text, 256);
    match write {
        Write::CreateRole { path, .. } if path == "/" => format!("create the role {}", place.name),
        Write::CreateRole { path, .. } => {
            format!("create the role {} at path {}", place.name, line(path))
        }
        Write::DeleteRole => format!("delete the role {}", line(&place.name)),
        Write::UpdateTrustPolicy { .. } => "replace the trust policy".to_owned(),
        Write::PutInlinePolicy { name, .. } => format!("put the inline policy {}", line(name)),
        Write::DeleteInlinePolicy { name } => format!("delete the inline policy {}", line(name)),
        Write::AttachManagedPolicy { arn } => format!("attach the managed policy {}", line(arn)),
        Write::DetachManagedPolicy { arn } => format!("detach the managed policy {}", line(arn)),
        Write::PutPermissionsBoundary { arn } => {
            format!("put the permissions boundary {}", line(arn))
        }
        Write::DeletePermissionsBoundary => "delete the permissions boundary".to_owned(),
        Write::CreateServiceLinkedRole { service } => {
            format!("create the service-linked role of {} (nothing undoes this)", line(service))
        }
    }
}

/// Line diff of what a write changes.
fn diff(write: &Write, before: &Snapshot) -> String {
    let role = match before {
        Snapshot::Absent => None,
        Snapshot::Present(role) => Some(role.as_ref()),
    };
    let inline = |name: &String| role?.inline_policy(name).map(|(_, text)| text);
    let document = |text: Option<&String>| text.map_or(Value::Null, |text| shown(text));
    let text = |text: Option<&String>| text.map_or(Value::Null, |text| json!(printable(text)));
    let (before, after) = match write {
        Write::CreateRole { .. } => (Value::Null, made(write)),
        // What would make it again is what goes.
        Write::DeleteRole => {
            (write.undo(before).map_or(Value::Null, |again| made(&again)), Value::Null)
        }
        Write::UpdateTrustPolicy { document } => {
            (role.map_or(Value::Null, |role| shown(&role.trust_policy)), shown(document))
        }
        Write::PutInlinePolicy { name, document: put } => (document(inline(name)), shown(put)),
        Write::DeleteInlinePolicy { name } => (document(inline(name)), Value::Null),
        Write::AttachManagedPolicy { arn } => (Value::Null, text(Some(arn))),
        Write::DetachManagedPolicy { arn } => (text(Some(arn)), Value::Null),
        Write::PutPermissionsBoundary { arn } => {
            let there = role.and_then(|role| role.boundary.as_ref()).map(|(arn, _)| arn);
            (text(there), text(Some(arn)))
        }
        Write::DeletePermissionsBoundary => {
            let there = role.and_then(|role| role.boundary.as_ref()).map(|(arn, _)| arn);
            (text(there), Value::Null)
        }
        Write::CreateServiceLinkedRole { .. } => (Value::Null, Value::Null),
    };
    diff_of_change(&before, &after)
}

/// What a role is created with.
fn made(create: &Write) -> Value {
    let Write::CreateRole { path, trust_policy, max_session_seconds, boundary, tags } = create
    else {
        return Value::Null;
    };
    let mut made = serde_json::Map::new();
    made.insert("Path".into(), json!(path));
    made.insert("AssumeRolePolicyDocument".into(), shown(trust_policy));
    let seconds = max_session_seconds.map(|seconds| ("MaxSessionDuration", json!(seconds)));
    let boundary = boundary.as_ref().map(|arn| ("PermissionsBoundary", json!(arn)));
    let tags = (!tags.is_empty()).then(|| ("Tags", json!(tags)));
    let rest = [seconds, boundary, tags].into_iter().flatten();
    made.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(made)
}

/// The checks whose findings an action changes.
pub(super) fn touched(action: Action) -> &'static [CheckName] {
    use CheckName::{
        AttachedPolicies, ConnectorUsage, EffectivePermissions, InlinePolicy, RoleAttributes,
        RoleExists, ServiceLinkedRole, TrustPolicy,
    };
    match action {
        Action::CreateRole | Action::DeleteRole => &[RoleExists, ConnectorUsage],
        Action::UpdateTrustPolicy => &[TrustPolicy],
        Action::PutInlinePolicy | Action::DeleteInlinePolicy => {
            &[InlinePolicy, EffectivePermissions]
        }
        Action::DetachManagedPolicy | Action::AttachManagedPolicy => {
            &[AttachedPolicies, EffectivePermissions]
        }
        Action::PutPermissionsBoundary | Action::DeletePermissionsBoundary => {
            &[RoleAttributes, EffectivePermissions]
        }
        Action::CreateServiceLinkedRole => &[ServiceLinkedRole],
    }
}
