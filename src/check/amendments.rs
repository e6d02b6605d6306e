//! Writes that would remediate a role that is there, check by check, each with the decisions it would undo.

use std::collections::BTreeSet;

use super::decided::{self, Decided};
use super::effective_permissions::{self, Cut};
use super::inline_remedy::{Part, Parts};
use super::works::{self, Works};
use super::{Case, Subject};
use crate::model::{CheckName, ManagedPolicy, Role, Verdict, Write, printable_line};
use crate::policy::{Decisions, Kind, Policy, compare, covers};

/// Bytes of a document's name that a reason tells.
const LONGEST_NAME: usize = 160;

/// A write that brings the role nearer to the baseline, and the decisions it would undo.
pub(crate) struct Amendment {
    /// What is sent.
    pub(crate) write: Write,
    /// Documents with decisions that would not stand, or not count, afterwards.
    pub(crate) undoes: Vec<Decided>,
}

/// What can be changed of a role that is there.
pub(crate) struct Amendments {
    /// Its trust policy.
    pub(crate) trust: Amendment,
    /// The inline policy: over the only one, or under the configured name.
    pub(crate) put: Put,
    /// Every other inline policy.
    pub(crate) beside: Vec<Beside>,
    /// Attached policies on neither list, with the id of the finding about each.
    pub(crate) detach: Vec<(String, Amendment)>,
    /// The permissions boundary, with the id of the finding about it, if it is another one.
    pub(crate) boundary: Option<(String, Amendment)>,
    /// Ids of the findings that what the role carries does not suffice.
    pub(crate) insufficient: BTreeSet<String>,
}

/// The put of the inline policy.
pub(crate) struct Put {
    pub(crate) amendment: Amendment,
    /// The inline policy is there already, equivalent to the baseline.
    pub(crate) is_done: bool,
    /// What is there of that name.
    pub(crate) replaces: Replaced,
}

/// An inline policy that a put overwrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// There is none.
    Nothing,
    /// One that allows nothing beyond the baseline.
    Harmless,
    /// One that allows too much, or cannot be read.
    Wrong,
}

/// An inline policy beside the expected one.
pub(crate) struct Beside {
    /// Its deletion.
    pub(crate) amendment: Amendment,
    /// It allows nothing of the baseline: the connector cannot miss it.
    pub(crate) is_apart: bool,
}

impl Case<'_> {
    pub(super) fn amendments(&self, may_undo: Decisions) -> Amendments {
        let id = |check, subject: Subject| subject.id(self.account, check);
        let insufficient = [Verdict::Missing, Verdict::Conditional].map(|verdict| {
            id(CheckName::EffectivePermissions, Cut::Policies.subject(self, verdict))
        });
        let parts = Parts::of(self);
        let put = self.put(&parts, may_undo);
        Amendments {
            trust: self.trust(),
            beside: parts.list.iter().filter_map(|part| self.beside(part, &put)).collect(),
            put,
            detach: self.surplus().into_iter().map(|arn| self.detach(arn)).collect(),
            boundary: self.other_boundary(),
            insufficient: insufficient.into(),
        }
    }

    fn trust(&self) -> Amendment {
        const NAME: &str = "the trust policy";
        let decided = decided::in_document(self, Kind::Trust, NAME, &self.role.trust_policy);
        // Stricter, and not by a condition of its own: one of the baseline's in another place.
        let stricter = || {
            self.trust_is_stricter().then(|| Decided {
                decisions: Decisions { condition: true, deny: false },
                found: format!("{NAME} lets the expected principals in only under a condition"),
            })
        };
        let undoes = decided.or_else(stricter).into_iter().collect();
        Amendment { write: self.baseline.update_trust(), undoes }
    }

    fn put(&self, parts: &Parts<'_>, may_undo: Decisions) -> Put {
        let configured = &self.rules.baseline.inline_policy_name;
        let target = match parts.list.as_slice() {
            [only] if only.decisions.beyond(may_undo).none() => Some(only),
            list => list.iter().find(|part| part.is_called(configured)),
        };
        let name = target.map_or(configured, |part| part.name);
        Put {
            amendment: Amendment {
                write: self.baseline.put_inline(name),
                undoes: self.undone_by_put(parts, target, may_undo),
            },
            is_done: target.is_some_and(|part| self.is_the_inline_policy(part)),
            replaces: match target {
                None => Replaced::Nothing,
                Some(part) if part.is_wrong() => Replaced::Wrong,
                Some(_) => Replaced::Harmless,
            },
        }
    }

    /// The decisions that putting the inline policy would undo: those of the document it overwrites, and the limits of what
    /// stands beside it. An Allow without conditions beside one with them leaves these without effect; a Deny still counts.
    fn undone_by_put(
        &self,
        parts: &Parts<'_>,
        target: Option<&Part<'_>>,
        may_undo: Decisions,
    ) -> Vec<Decided> {
        let overwritten = target.and_then(|part| self.decided_inline(part));
        let mut undone: Vec<Decided> = overwritten.into_iter().collect();
        let works = effective_permissions::allowed_where(self);
        if works == Works::Fully {
            return undone;
        }
        let is_target = |part: &&Part<'_>| target.is_some_and(|target| target.name == part.name);
        let inline = parts.list.iter().filter(|part| !is_target(part));
        let inline = inline.filter(|part| self.limits(part.text));
        undone.extend(inline.filter_map(|part| self.decided_inline(part)).map(only_its_limits));
        let attached =
            self.role.attached.iter().filter(|(_, policy)| {
                policy.document.as_ref().is_none_or(|text| self.limits(text))
            });
        let attached = attached.filter_map(|(arn, policy)| self.decided_attached(arn, policy));
        undone.extend(attached.map(only_its_limits));
        let known = undone.iter().any(|decided| !decided.decisions.beyond(may_undo).none());
        let place = match works {
            Works::Only(place) => place,
            Works::Conditionally => "what their conditions let through".to_owned(),
            Works::Fully | Works::Nowhere | Works::Unknown => return undone,
        };
        // Where the connector works, a narrower policy is meant: the baseline would only widen it.
        if !known {
            undone.push(Decided {
                decisions: Decisions { condition: true, deny: false },
                found: format!(
                    "the role's policies are narrowed to {place}, where the connector works"
                ),
            });
        }
        undone
    }

    /// True if a document allows some of the baseline under a condition of its own. One that cannot be read may.
    fn limits(&self, text: &str) -> bool {
        let baseline = &self.baseline.inline;
        Policy::parse(Kind::Identity, text, &self.context()).map_or(true, |policy| {
            works::meets(&policy.limited(baseline), baseline).unwrap_or(true)
        })
    }

    fn decided_inline(&self, part: &Part<'_>) -> Option<Decided> {
        let name = format!("the inline policy {}", printable_line(part.name, LONGEST_NAME));
        decided::in_document(self, Kind::Identity, &name, part.text)
    }

    fn decided_attached(&self, arn: &str, policy: &ManagedPolicy) -> Option<Decided> {
        let name = format!("the attached policy {}", printable_line(&policy.name, LONGEST_NAME));
        decided::in_managed(self, &name, arn, policy)
    }

    /// The deletion of an inline policy, unless the put is about it.
    fn beside(&self, part: &Part<'_>, put: &Put) -> Option<Beside> {
        if matches!(&put.amendment.write, Write::PutInlinePolicy { name, .. } if name == part.name)
        {
            return None;
        }
        let baseline = &self.baseline.inline;
        let meets = |policy: &Policy| works::meets(&policy.allows(), baseline).unwrap_or(true);
        Some(Beside {
            amendment: Amendment {
                write: Write::DeleteInlinePolicy { name: part.name.clone() },
                undoes: self.decided_inline(part).into_iter().collect(),
            },
            is_apart: part.policy.as_ref().is_some_and(|policy| !meets(policy)),
        })
    }

    fn detach(&self, arn: String) -> (String, Amendment) {
        let finding = self.attached_subject(&arn).id(self.account, CheckName::AttachedPolicies);
        let policy = self.role.attached.get(&arn);
        let undoes = policy.and_then(|policy| self.decided_attached(&arn, policy));
        let write = Write::DetachManagedPolicy { arn };
        (finding, Amendment { write, undoes: undoes.into_iter().collect() })
    }

    /// The Allows of what the role carries hold all of the baseline under no condition of their own, whatever Denies do.
    pub(super) fn allows_baseline(&self) -> bool {
        let baseline = &self.baseline.inline;
        let attached = self.role.attached.values().filter_map(|policy| policy.document.as_ref());
        let parse = |text: &String| Policy::parse(Kind::Identity, text, &self.context()).ok();
        let policies = self.role.inline.values().chain(attached).filter_map(parse);
        Policy::union(policies).is_some_and(|policy| {
            covers(&policy.surely(baseline).allows(), baseline).verdict == Verdict::Equivalent
        })
    }

    fn other_boundary(&self) -> Option<(String, Amendment)> {
        let arn = self.rules.boundary(self.account)?;
        let there_is = self.role.boundary.as_ref();
        if there_is.is_some_and(|(actual, _)| *actual == arn) {
            return None;
        }
        let finding = self.boundary_subject().id(self.account, CheckName::RoleAttributes);
        let undoes = there_is.and_then(|(actual, policy)| {
            let name = format!("the permissions boundary {}", printable_line(actual, LONGEST_NAME));
            decided::in_managed(self, &name, actual, policy)
        });
        let undoes = undoes.into_iter().collect();
        Some((finding, Amendment { write: Write::PutPermissionsBoundary { arn }, undoes }))
    }

    /// Attached policies that are neither required nor allowed.
    fn surplus(&self) -> Vec<String> {
        let checks = &self.rules.checks;
        let listed: BTreeSet<String> = checks
            .required_attachments
            .iter()
            .chain(&checks.allowed_attachments)
            .map(|arn| self.rules.localized(arn, self.account))
            .collect();
        let Role { attached, .. } = self.role;
        attached.keys().filter(|arn| !listed.contains(*arn)).cloned().collect()
    }

    fn trust_is_stricter(&self) -> bool {
        Policy::parse(Kind::Trust, &self.role.trust_policy, &self.context()).is_ok_and(|policy| {
            covers(&policy, &self.baseline.trust).verdict == Verdict::Conditional
        })
    }

    fn is_the_inline_policy(&self, part: &Part<'_>) -> bool {
        part.policy.as_ref().is_some_and(|policy| {
            compare(policy, &self.baseline.inline).verdict == Verdict::Equivalent
        })
    }
}

/// A document that keeps standing, and whose Denies keep counting.
fn only_its_limits(decided: Decided) -> Decided {
    let decisions = Decisions { deny: false, ..decided.decisions };
    Decided { decisions, ..decided }
}
