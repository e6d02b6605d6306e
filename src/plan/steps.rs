//! Steps in the making. Each one is applied to the role as the steps before it leave it, so that its undo and its diff fit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Step;
use crate::check::{Assessment, commands, diff_of_change, shown};
use crate::model::{
    Action, CheckName, Finding, RoleArn, Snapshot, Write, printable, printable_line,
};

/// Why a finding stays.
pub(super) struct Reason {
    pub(super) why: String,
    /// The writes that a person may make instead: those withheld because they would undo a decision.
    pub(super) withheld: Vec<Write>,
}

impl<T: Into<String>> From<T> for Reason {
    fn from(why: T) -> Self {
        Self { why: why.into(), withheld: Vec::new() }
    }
}

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

    /// The findings of a check stay, for this reason. Of several reasons the first one is kept.
    pub(super) fn because(&mut self, check: CheckName, reason: impl Into<Reason>) {
        self.by_check.entry(check).or_insert_with(|| reason.into());
    }

    /// Drops the reason of a check: its findings are planned for again.
    pub(super) fn forget(&mut self, check: CheckName) {
        self.by_check.remove(&check);
    }

    /// One finding stays, for this reason.
    pub(super) fn because_of(&mut self, finding: &str, reason: impl Into<Reason>) {
        self.by_finding.insert(finding.to_owned(), reason.into());
    }

    pub(super) fn reason(&self, finding: &Finding) -> Option<&Reason> {
        self.by_finding.get(&finding.id).or_else(|| self.by_check.get(&finding.check))
    }

    /// Every reason, with its check.
    pub(super) fn reasons(&self) -> String {
        let said = self
            .by_check
            .iter()
            .map(|(check, reason)| format!("{}: {}", check.as_str(), reason.why));
        said.collect::<Vec<_>>().join("; ")
    }

    /// AWS CLI commands that make the writes of a reason.
    pub(super) fn commands(&self, reason: &Reason) -> Vec<String> {
        commands(&self.place.name, &reason.withheld)
    }

    /// AWS CLI commands of all withheld writes, each once.
    pub(super) fn withheld(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for reason in self.by_check.values().chain(self.by_finding.values()) {
            for command in self.commands(reason) {
                if !all.contains(&command) {
                    all.push(command);
                }
            }
        }
        all
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
            format!("create the service-linked role of {} (this cannot be undone)", line(service))
        }
    }
}

/// Line diff: `-` is what the role has now, `+` is what the write leaves.
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
