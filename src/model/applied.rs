//! What a write makes of a role, and what would take it back: known before anything is sent.

use super::{ManagedPolicy, Role, RoleArn, Snapshot, Write};

/// `MaxSessionDuration` of a role that was created without one. Source: IAM API Reference, `CreateRole`.
pub(crate) const DEFAULT_SESSION_SECONDS: u32 = 3_600;

impl Write {
    /// The role as it is read once the write has been made. A write that IAM would refuse changes nothing.
    ///
    /// Only IAM knows the id of a role that is created: it is the empty text here. Documents of managed policies that the
    /// snapshot does not have are not known either.
    #[must_use]
    pub fn applied_to(&self, snapshot: &Snapshot, arn: &RoleArn) -> Snapshot {
        match (self, snapshot) {
            (Self::CreateRole { .. }, Snapshot::Absent) => self.created(arn),
            (Self::DeleteRole, Snapshot::Present(_)) => Snapshot::Absent,
            (_, Snapshot::Absent) => Snapshot::Absent,
            (_, Snapshot::Present(role)) => {
                let mut role = role.clone();
                self.change(&mut role);
                Snapshot::Present(role)
            }
        }
    }

    /// The write that takes this one back, made where the snapshot was; `None`: nothing can.
    pub fn undo(&self, before: &Snapshot) -> Option<Self> {
        let role = match before {
            Snapshot::Absent => None,
            Snapshot::Present(role) => Some(role.as_ref()),
        };
        let inline = |name: &String| {
            let (name, document) = role?.inline_policy(name)?;
            Some(Self::PutInlinePolicy { name: name.clone(), document: document.clone() })
        };
        match self {
            Self::CreateRole { .. } => Some(Self::DeleteRole),
            Self::UpdateTrustPolicy { .. } => {
                role.map(|role| Self::UpdateTrustPolicy { document: role.trust_policy.clone() })
            }
            Self::PutInlinePolicy { name, .. } => {
                Some(inline(name).unwrap_or(Self::DeleteInlinePolicy { name: name.clone() }))
            }
            Self::DeleteInlinePolicy { name } => inline(name),
            Self::AttachManagedPolicy { arn } => {
                Some(Self::DetachManagedPolicy { arn: arn.clone() })
            }
            Self::DetachManagedPolicy { arn } => {
                Some(Self::AttachManagedPolicy { arn: arn.clone() })
            }
            Self::PutPermissionsBoundary { .. } | Self::DeletePermissionsBoundary => {
                Some(match role.and_then(|role| role.boundary.as_ref()) {
                    Some((arn, _)) => Self::PutPermissionsBoundary { arn: arn.clone() },
                    None => Self::DeletePermissionsBoundary,
                })
            }
            // The role comes back under another id, and without what was in it: other writes took that away before.
            Self::DeleteRole => role.map(|role| Self::CreateRole {
                path: role.arn.path.clone(),
                trust_policy: role.trust_policy.clone(),
                max_session_seconds: role.max_session_seconds,
                boundary: role.boundary.as_ref().map(|(arn, _)| arn.clone()),
                tags: role.tags.clone(),
            }),
            Self::CreateServiceLinkedRole { .. } => None,
        }
    }

    fn created(&self, place: &RoleArn) -> Snapshot {
        let Self::CreateRole { path, trust_policy, max_session_seconds, boundary, tags } = self
        else {
            return Snapshot::Absent;
        };
        Snapshot::Present(Box::new(Role {
            arn: RoleArn { path: path.clone(), ..place.clone() },
            id: String::new(),
            trust_policy: trust_policy.clone(),
            inline: [].into(),
            attached: [].into(),
            boundary: boundary.as_ref().map(|arn| (arn.clone(), unread(arn))),
            max_session_seconds: Some(max_session_seconds.unwrap_or(DEFAULT_SESSION_SECONDS)),
            tags: tags.clone(),
            made_by: None,
        }))
    }

    fn change(&self, role: &mut Role) {
        match self {
            Self::UpdateTrustPolicy { document } => role.trust_policy.clone_from(document),
            Self::PutInlinePolicy { name, document } => {
                let name = role.inline_policy(name).map_or(name, |(known, _)| known).clone();
                role.inline.insert(name, document.clone());
            }
            Self::DeleteInlinePolicy { name } => {
                role.inline.retain(|known, _| !known.eq_ignore_ascii_case(name));
            }
            Self::AttachManagedPolicy { arn } => {
                role.attached.entry(arn.clone()).or_insert_with(|| unread(arn));
            }
            Self::DetachManagedPolicy { arn } => {
                role.attached.remove(arn);
            }
            Self::PutPermissionsBoundary { arn } => {
                // Put again, it is the one that was read.
                if role.boundary.as_ref().is_none_or(|(there, _)| there != arn) {
                    role.boundary = Some((arn.clone(), unread(arn)));
                }
            }
            Self::DeletePermissionsBoundary => role.boundary = None,
            Self::CreateRole { .. } | Self::DeleteRole | Self::CreateServiceLinkedRole { .. } => {}
        }
    }
}

/// A managed policy of which only the ARN is known.
fn unread(arn: &str) -> ManagedPolicy {
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    ManagedPolicy { name, document: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Partition;

    fn arn() -> RoleArn {
        RoleArn::new(Partition::default(), "111122223333".parse().unwrap(), "team/connector")
    }

    fn role(change: impl FnOnce(&mut Role)) -> Snapshot {
        let mut role = Role {
            arn: arn(),
            id: "AROAEXAMPLE".into(),
            trust_policy: "{}".into(),
            inline: [("one".into(), "1".into())].into(),
            attached: [("arn:aws:iam::aws:policy/x".into(), unread("arn:aws:iam::aws:policy/x"))]
                .into(),
            boundary: None,
            max_session_seconds: Some(3_600),
            tags: [].into(),
            made_by: None,
        };
        change(&mut role);
        Snapshot::Present(Box::new(role))
    }

    fn create() -> Write {
        Write::CreateRole {
            path: "/team/".into(),
            trust_policy: "{}".into(),
            max_session_seconds: None,
            boundary: Some("arn:aws:iam::111122223333:policy/b".into()),
            tags: [("a".into(), "b".into())].into(),
        }
    }

    #[test]
    fn every_write_changes_what_it_says_and_its_undo_gives_all_of_it_back() {
        let with_boundary =
            || role(|r| r.boundary = Some(("arn:aws:iam::1:policy/o".into(), unread("policy/o"))));
        let put = |name: &str| Write::PutInlinePolicy { name: name.into(), document: "2".into() };
        let boundary = || Write::PutPermissionsBoundary { arn: "arn:aws:iam::1:policy/b".into() };
        let cases = [
            ("create", Snapshot::Absent, create()),
            ("trust", role(|_| {}), Write::UpdateTrustPolicy { document: "[]".into() }),
            ("put over", role(|_| {}), put("one")),
            ("put over, in another case", role(|_| {}), put("ONE")),
            ("put beside", role(|_| {}), put("two")),
            ("delete", role(|_| {}), Write::DeleteInlinePolicy { name: "one".into() }),
            (
                "delete, in another case",
                role(|_| {}),
                Write::DeleteInlinePolicy { name: "One".into() },
            ),
            (
                "detach",
                role(|_| {}),
                Write::DetachManagedPolicy { arn: "arn:aws:iam::aws:policy/x".into() },
            ),
            (
                "attach",
                role(|_| {}),
                Write::AttachManagedPolicy { arn: "arn:aws:iam::aws:policy/y".into() },
            ),
            ("boundary, new", role(|_| {}), boundary()),
            ("boundary, another", with_boundary(), boundary()),
            ("no boundary", with_boundary(), Write::DeletePermissionsBoundary),
        ];
        for (case, before, write) in cases {
            let after = write.applied_to(&before, &arn());
            assert_ne!(after, before, "case `{case}`");
            assert_eq!(write.applied_to(&after, &arn()), after, "case `{case}`: made twice");
            let undo = write.undo(&before).unwrap();
            let back = undo.applied_to(&after, &arn());
            // The document of a boundary that was taken away is not known afterwards.
            let known = |s: &Snapshot| match s {
                Snapshot::Present(role) => {
                    (role.inline.clone(), role.boundary.as_ref().map(|(arn, _)| arn.clone()))
                }
                Snapshot::Absent => Default::default(),
            };
            assert_eq!(known(&back), known(&before), "case `{case}`");
            if !case.starts_with("boundary, a") && case != "no boundary" {
                assert_eq!(back, before, "case `{case}`");
            }
        }
    }

    #[test]
    fn what_iam_would_refuse_changes_nothing() {
        let present = role(|_| {});
        assert_eq!(create().applied_to(&present, &arn()), present);
        let update = Write::UpdateTrustPolicy { document: "[]".into() };
        assert_eq!(update.applied_to(&Snapshot::Absent, &arn()), Snapshot::Absent);
        assert_eq!(update.undo(&Snapshot::Absent), None);
        assert_eq!(Write::DeleteRole.undo(&Snapshot::Absent), None);
    }

    #[test]
    fn a_role_that_is_deleted_is_made_again_with_all_that_creating_it_gave() {
        let bare = role(|r| {
            r.inline.clear();
            r.attached.clear();
            r.boundary =
                Some(("arn:aws:iam::1:policy/b".into(), unread("arn:aws:iam::1:policy/b")));
            r.tags = [("a".into(), "b".into())].into();
            r.max_session_seconds = Some(7_200);
        });
        let undo = Write::DeleteRole.undo(&bare).unwrap();
        let again = undo.applied_to(&Write::DeleteRole.applied_to(&bare, &arn()), &arn());
        let without_id = |snapshot: &Snapshot| match snapshot {
            Snapshot::Present(role) => {
                let role = Role { id: String::new(), made_by: None, ..(**role).clone() };
                Snapshot::Present(Box::new(role))
            }
            Snapshot::Absent => Snapshot::Absent,
        };
        assert_eq!(without_id(&again), without_id(&bare));
    }
}
