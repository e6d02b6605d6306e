//! What a write looks like from outside: whether it is in effect, and whether two snapshots mean the same. Pure.

use crate::model::{Role, RoleArn, Snapshot, Verdict, Write, linked_path};
use crate::policy::{Context, Kind, Policy, compare};

/// What IAM takes for the longest session of a role that was made without one.
const DEFAULT_SESSION_SECONDS: u32 = 3600;

/// Whether the role is as this write leaves it, in what the write is about. Of a service-linked role this is asked of the
/// snapshot of that role.
pub(super) fn holds(write: &Write, seen: &Snapshot) -> bool {
    let role = match (write, seen) {
        (Write::DeleteRole, Snapshot::Absent) => return true,
        (Write::DeleteRole, Snapshot::Present(_)) | (_, Snapshot::Absent) => return false,
        (_, Snapshot::Present(role)) => role,
    };
    match write {
        Write::CreateRole { path, trust_policy, max_session_seconds, boundary, tags } => {
            role.arn.path == *path
                && same_document(Kind::Trust, trust_policy, &role.trust_policy, &role.arn)
                && session(*max_session_seconds) == session(role.max_session_seconds)
                && role.boundary.as_ref().map(|(arn, _)| arn) == boundary.as_ref()
                && role.tags == *tags
        }
        Write::DeleteRole => false,
        Write::UpdateTrustPolicy { document } => {
            same_document(Kind::Trust, document, &role.trust_policy, &role.arn)
        }
        Write::PutInlinePolicy { name, document } => inline(role, name)
            .is_some_and(|text| same_document(Kind::Identity, document, text, &role.arn)),
        Write::DeleteInlinePolicy { name } => inline(role, name).is_none(),
        Write::AttachManagedPolicy { arn } => role.attached.contains_key(arn),
        Write::DetachManagedPolicy { arn } => !role.attached.contains_key(arn),
        Write::PutPermissionsBoundary { arn } => {
            role.boundary.as_ref().is_some_and(|(there, _)| there == arn)
        }
        Write::DeletePermissionsBoundary => role.boundary.is_none(),
        Write::CreateServiceLinkedRole { service } => role.arn.path == linked_path(service),
    }
}

/// Whether the role is all that this [`Write::CreateRole`] made, and nothing was added since.
pub(super) fn is_as_created(write: &Write, seen: &Snapshot) -> bool {
    let bare = match seen {
        Snapshot::Absent => false,
        Snapshot::Present(role) => role.inline.is_empty() && role.attached.is_empty(),
    };
    bare && holds(write, seen)
}

/// Whether two snapshots mean the same: documents by what they say, because IAM may give them back written otherwise; the
/// rest exactly. A role without an id is expected, and its id is not known yet.
pub(super) fn same(expected: &Snapshot, seen: &Snapshot) -> bool {
    let (a, b) = match (expected, seen) {
        (Snapshot::Absent, Snapshot::Absent) => return true,
        (Snapshot::Present(a), Snapshot::Present(b)) => (a, b),
        _ => return false,
    };
    let inline = a.inline.len() == b.inline.len()
        && a.inline.iter().zip(&b.inline).all(|((name, text), (other, other_text))| {
            name == other && same_document(Kind::Identity, text, other_text, &b.arn)
        });
    inline
        && a.arn == b.arn
        && (a.id.is_empty() || a.id == b.id)
        && same_document(Kind::Trust, &a.trust_policy, &b.trust_policy, &b.arn)
        && a.attached.keys().eq(b.attached.keys())
        && a.boundary.as_ref().map(|(arn, _)| arn) == b.boundary.as_ref().map(|(arn, _)| arn)
        && session(a.max_session_seconds) == session(b.max_session_seconds)
        && a.tags == b.tags
}

fn session(seconds: Option<u32>) -> u32 {
    seconds.unwrap_or(DEFAULT_SESSION_SECONDS)
}

/// IAM knows policies by their names whatever the case.
fn inline<'a>(role: &'a Role, name: &str) -> Option<&'a String> {
    role.inline.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| text)
}

/// The same text, the same JSON, or documents that allow the same.
fn same_document(kind: Kind, a: &str, b: &str, arn: &RoleArn) -> bool {
    if a == b {
        return true;
    }
    let json = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    if let (Some(a), Some(b)) = (json(a), json(b))
        && a == b
    {
        return true;
    }
    let context = Context { account: arn.account.clone(), partition: arn.partition.clone() };
    let policy = |text| Policy::parse(kind, text, &context).ok();
    match (policy(a), policy(b)) {
        (Some(a), Some(b)) => compare(&a, &b).verdict == Verdict::Equivalent,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ManagedPolicy;
    use std::collections::BTreeMap;

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    const REORDERED: &str = r#"{"Statement":[{"Action":["sts:AssumeRole"],"Principal":{"Service":["ssm.amazonaws.com"]},"Effect":"Allow"}],"Version":"2012-10-17"}"#;
    const WIDER: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;
    const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

    fn role() -> Role {
        Role {
            arn: "arn:aws:iam::111122223333:role/team/r".parse().unwrap(),
            id: "AROA1".to_owned(),
            trust_policy: TRUST.to_owned(),
            inline: [("p".to_owned(), READ.to_owned())].into(),
            attached: [("arn:aws:iam::aws:policy/x".to_owned(), ManagedPolicy::default())].into(),
            boundary: Some(("arn:aws:iam::aws:policy/b".to_owned(), ManagedPolicy::default())),
            max_session_seconds: Some(3600),
            tags: [("a".to_owned(), "1".to_owned())].into(),
        }
    }

    fn with(edit: impl FnOnce(&mut Role)) -> Snapshot {
        let mut role = role();
        edit(&mut role);
        Snapshot::Present(Box::new(role))
    }

    fn create(path: &str, trust: &str, seconds: Option<u32>) -> Write {
        Write::CreateRole {
            path: path.to_owned(),
            trust_policy: trust.to_owned(),
            max_session_seconds: seconds,
            boundary: Some("arn:aws:iam::aws:policy/b".to_owned()),
            tags: [("a".to_owned(), "1".to_owned())].into(),
        }
    }

    #[test]
    fn a_write_is_in_effect_where_the_role_is_as_it_leaves_it() {
        let text = |text: &str| text.to_owned();
        let put = |name: &str, document: &str| Write::PutInlinePolicy {
            name: text(name),
            document: text(document),
        };
        let there = || with(|_| {});
        let arn = || text("arn:aws:iam::aws:policy/x");
        let linked = |service: &str| Write::CreateServiceLinkedRole { service: text(service) };
        let cases = [
            ("made", create("/team/", REORDERED, None), there(), true),
            ("made elsewhere", create("/", TRUST, None), there(), false),
            ("made with another trust", create("/team/", WIDER, None), there(), false),
            ("made for longer", create("/team/", TRUST, Some(7200)), there(), false),
            ("not made", create("/team/", TRUST, None), Snapshot::Absent, false),
            ("deleted", Write::DeleteRole, Snapshot::Absent, true),
            ("not deleted", Write::DeleteRole, there(), false),
            ("trusted", Write::UpdateTrustPolicy { document: text(REORDERED) }, there(), true),
            ("not trusted", Write::UpdateTrustPolicy { document: text(WIDER) }, there(), false),
            ("put", put("p", READ), there(), true),
            ("put, other case", put("P", READ), there(), true),
            ("not put", put("p", r#"{"Version":"2012-10-17","Statement":[]}"#), there(), false),
            ("put elsewhere", put("q", READ), there(), false),
            ("policy deleted", Write::DeleteInlinePolicy { name: text("q") }, there(), true),
            ("policy not deleted", Write::DeleteInlinePolicy { name: text("p") }, there(), false),
            ("attached", Write::AttachManagedPolicy { arn: arn() }, there(), true),
            ("not detached", Write::DetachManagedPolicy { arn: arn() }, there(), false),
            ("detached", Write::DetachManagedPolicy { arn: text("arn:y") }, there(), true),
            ("bounded otherwise", Write::PutPermissionsBoundary { arn: arn() }, there(), false),
            ("bounded", Write::DeletePermissionsBoundary, there(), false),
            (
                "linked",
                linked("team"),
                with(|r| r.arn.path = "/aws-service-role/team/".into()),
                true,
            ),
            ("linked elsewhere", linked("team"), there(), false),
            ("not linked", linked("team"), Snapshot::Absent, false),
            ("unbounded", Write::DeletePermissionsBoundary, with(|r| r.boundary = None), true),
        ];
        for (case, write, seen, want) in cases {
            assert_eq!(holds(&write, &seen), want, "case `{case}`");
        }
    }

    #[test]
    fn a_role_is_only_as_created_while_nothing_was_added() {
        let write = create("/team/", TRUST, None);
        assert!(!is_as_created(&write, &with(|_| {})));
        let bare = |role: &mut Role| (role.inline, role.attached) = Default::default();
        assert!(is_as_created(&write, &with(bare)));
        assert!(!is_as_created(&write, &Snapshot::Absent));
    }

    #[test]
    fn snapshots_mean_the_same_when_only_the_writing_differs() {
        let cases: [(&str, Snapshot, bool); 10] = [
            ("the same", with(|_| {}), true),
            ("written otherwise", with(|r| r.trust_policy = REORDERED.to_owned()), true),
            ("another id", with(|r| r.id = "AROA2".to_owned()), false),
            ("another trust", with(|r| r.trust_policy = WIDER.to_owned()), false),
            ("another policy", with(|r| drop(r.inline.insert("q".into(), READ.into()))), false),
            ("no policy", with(|r| r.inline = BTreeMap::new()), false),
            ("not attached", with(|r| r.attached = BTreeMap::new()), false),
            ("unbounded", with(|r| r.boundary = None), false),
            ("untagged", with(|r| r.tags = BTreeMap::new()), false),
            ("gone", Snapshot::Absent, false),
        ];
        for (case, seen, want) in cases {
            assert_eq!(same(&with(|_| {}), &seen), want, "case `{case}`");
        }
        assert!(
            same(&with(|r| r.id = String::new()), &with(|_| {})),
            "a new role's id is not known"
        );
        assert!(same(&with(|r| r.max_session_seconds = None), &with(|_| {})));
    }
}
