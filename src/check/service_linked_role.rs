//! `service-linked-role`: the role through which EKS itself works with the connector is there. Off by default.

use serde_json::{Value, json};

use super::{About, Outcome, Problem, Rules, Subject, fix};
use crate::config::Presence;
use crate::model::{
    CheckName, LINKED_ROLE, LINKED_SERVICE, Severity, Snapshot, Usage, Verdict, Write, linked_path,
};

impl Rules {
    /// Whether the service-linked role is looked at.
    pub(super) fn looks_at_linked_role(&self) -> bool {
        self.judges(CheckName::ServiceLinkedRole)
    }

    /// What is said of the service-linked role: nothing where the role itself must not be there.
    pub(super) fn linked_role(&self, usage: Option<&Usage>) -> Option<(CheckName, Outcome)> {
        let forbidden =
            self.baseline.presence == Presence::Forbidden && self.judges(CheckName::RoleExists);
        let seen = usage.and_then(|usage| usage.roles.get(LINKED_ROLE));
        (self.looks_at_linked_role() && !forbidden)
            .then(|| (CheckName::ServiceLinkedRole, judge(seen)))
    }
}

/// What makes it. Nothing of ours unmakes it.
pub(super) fn creation() -> Write {
    Write::CreateServiceLinkedRole { service: LINKED_SERVICE.to_owned() }
}

fn judge(seen: Option<&Snapshot>) -> Outcome {
    let path = linked_path(LINKED_SERVICE);
    let (summary, actual, fix) = match seen {
        None => {
            let note = format!("role {LINKED_ROLE} was not read");
            return Outcome::of(Verdict::Undecided).detail("note", note);
        }
        Some(Snapshot::Present(role)) if role.arn.path == path => return Outcome::passed(),
        Some(Snapshot::Present(role)) => (
            format!("the role {LINKED_ROLE} is at path {}: it is not the service's", role.arn.path),
            json!({"role": role.arn.name, "path": role.arn.path}),
            Vec::new(),
        ),
        Some(Snapshot::Absent) => (
            format!("there is no service-linked role {LINKED_ROLE} in this account"),
            Value::Null,
            fix::commands(LINKED_ROLE, &[creation()]),
        ),
    };
    let subject = Subject::new(About::ServiceLinkedRole, actual.to_string());
    Outcome::of(Verdict::Absent).problem(Problem {
        verdict: Verdict::Absent,
        severity: Severity::Medium,
        summary,
        witnesses: Vec::new(),
        expected: json!({"role": LINKED_ROLE, "path": path}),
        actual,
        fix,
        ..Problem::about(subject)
    })
}
