//! What a write looks like from outside: whether it is in effect, and whether two snapshots mean the same. Pure.

use crate::model::{
    Change, DEFAULT_SESSION_SECONDS, RoleArn, Snapshot, Verdict, Write, linked_path,
};
use crate::policy::{Context, Kind, Policy, compare};

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
        Write::PutInlinePolicy { name, document } => role
            .inline_policy(name)
            .is_some_and(|(_, text)| same_document(Kind::Identity, document, text, &role.arn)),
        Write::DeleteInlinePolicy { name } => role.inline_policy(name).is_none(),
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

/// Whether a role that this change makes is the change's own: the description names the change, and the role is the one
/// that the journal knows, once it knows one. A role of the same documents may be a person's, made in the meantime; it is
/// never taken for ours. A change that makes no role has nothing to prove.
pub(super) fn is_own(change: &Change, seen: &Snapshot) -> bool {
    if !matches!(change.write, Write::CreateRole { .. }) {
        return true;
    }
    match seen {
        Snapshot::Absent => false,
        Snapshot::Present(role) => {
            role.made_by.as_ref() == Some(&change.id)
                && change.role_id.as_ref().is_none_or(|id| *id == role.id)
        }
    }
}

/// Whether two writes leave the same: documents by what they say, because IAM may give them back written otherwise.
pub(super) fn same_write(a: &Write, b: &Write, arn: &RoleArn) -> bool {
    match (a, b) {
        (Write::UpdateTrustPolicy { document: a }, Write::UpdateTrustPolicy { document: b }) => {
            same_document(Kind::Trust, a, b, arn)
        }
        (
            Write::PutInlinePolicy { name, document: a },
            Write::PutInlinePolicy { name: other, document: b },
        ) => name.eq_ignore_ascii_case(other) && same_document(Kind::Identity, a, b, arn),
        (Write::CreateRole { .. }, Write::CreateRole { .. }) => {
            same(&a.applied_to(&Snapshot::Absent, arn), &b.applied_to(&Snapshot::Absent, arn))
        }
        (a, b) => a == b,
    }
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
    use crate::model::{ManagedPolicy, Role};
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
            made_by: None,
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
    fn a_role_is_a_changes_own_only_with_its_id_in_the_description_and_in_the_journal() {
        let change = |write: Write, role_id: Option<&str>| Change {
            id: "01JC".to_owned(),
            run: "01JR".to_owned(),
            account: "111122223333".parse().unwrap(),
            account_name: String::new(),
            role_arn: String::new(),
            role_id: role_id.map(str::to_owned),
            before_digest: String::new(),
            write,
            undo: None,
            summary: String::new(),
            diff: String::new(),
            origin: crate::model::Origin::Apply,
            caller: String::new(),
            rolls_back: None,
            at: "2026-11-24T12:00:00Z".parse().unwrap(),
            phase: crate::model::Phase::Sent,
            ended_at: None,
            outcome: None,
            note: None,
        };
        let marked = |by: Option<&str>| with(|role| role.made_by = by.map(str::to_owned));
        let made = || create("/team/", TRUST, None);
        let cases = [
            ("made, and not journaled yet", made(), None, marked(Some("01JC")), true),
            ("made, and journaled", made(), Some("AROA1"), marked(Some("01JC")), true),
            ("a person's", made(), None, marked(None), false),
            ("a person's, of the journaled id", made(), Some("AROA1"), marked(None), false),
            ("another change's", made(), Some("AROA1"), marked(Some("01JD")), false),
            ("another role that says so too", made(), Some("AROA2"), marked(Some("01JC")), false),
            ("gone", made(), None, Snapshot::Absent, false),
            ("no role is made", Write::DeletePermissionsBoundary, None, marked(None), true),
        ];
        for (case, write, role_id, seen, want) in cases {
            assert_eq!(is_own(&change(write, role_id), &seen), want, "case `{case}`");
        }
    }

    #[test]
    fn writes_are_the_same_when_only_the_writing_of_documents_differs() {
        let trust = |text: &str| Write::UpdateTrustPolicy { document: text.to_owned() };
        let put = |name: &str| Write::PutInlinePolicy { name: name.into(), document: READ.into() };
        let cases = [
            ("trust, written otherwise", trust(TRUST), trust(REORDERED), true),
            ("another trust", trust(TRUST), trust(WIDER), false),
            ("a policy in another case", put("p"), put("P"), true),
            ("another policy", put("p"), put("q"), false),
            (
                "created, the hour said",
                create("/", TRUST, None),
                create("/", REORDERED, Some(3600)),
                true,
            ),
            ("created elsewhere", create("/", TRUST, None), create("/x/", TRUST, None), false),
            ("another write", put("p"), Write::DeleteInlinePolicy { name: "p".into() }, false),
            ("the same", Write::DeleteRole, Write::DeleteRole, true),
        ];
        for (case, a, b, want) in cases {
            assert_eq!(same_write(&a, &b, &role().arn), want, "case `{case}`");
        }
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
