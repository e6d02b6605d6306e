//! The word for a write. It follows from the write, so that no label can say anything else than what is sent.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Write;

/// What a write does: a closed set, as JSON and metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the role.
    CreateRole,
    /// Replace its trust policy.
    UpdateTrustPolicy,
    /// Put an inline policy, new or in place of the one of that name.
    PutInlinePolicy,
    /// Delete an inline policy.
    DeleteInlinePolicy,
    /// Detach a managed policy.
    DetachManagedPolicy,
    /// Set the permissions boundary.
    PutPermissionsBoundary,
    /// Make the EKS Connector's service-linked role.
    CreateServiceLinkedRole,
    /// Delete the role: only a rollback does, of a role that rolewarden made.
    DeleteRole,
    /// Attach a managed policy: only a rollback does.
    AttachManagedPolicy,
    /// Take the permissions boundary away: only a rollback does.
    DeletePermissionsBoundary,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::CreateRole,
        Self::UpdateTrustPolicy,
        Self::PutInlinePolicy,
        Self::DeleteInlinePolicy,
        Self::DetachManagedPolicy,
        Self::PutPermissionsBoundary,
        Self::CreateServiceLinkedRole,
        Self::DeleteRole,
        Self::AttachManagedPolicy,
        Self::DeletePermissionsBoundary,
    ];

    /// The actions that remediation takes where `remediation.actions` names them. The others only undo these.
    pub const CONFIGURABLE: [Self; 7] = [
        Self::CreateRole,
        Self::UpdateTrustPolicy,
        Self::PutInlinePolicy,
        Self::DeleteInlinePolicy,
        Self::DetachManagedPolicy,
        Self::PutPermissionsBoundary,
        Self::CreateServiceLinkedRole,
    ];

    /// The name in configuration, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateRole => "create_role",
            Self::UpdateTrustPolicy => "update_trust_policy",
            Self::PutInlinePolicy => "put_inline_policy",
            Self::DeleteInlinePolicy => "delete_inline_policy",
            Self::DetachManagedPolicy => "detach_managed_policy",
            Self::PutPermissionsBoundary => "put_permissions_boundary",
            Self::CreateServiceLinkedRole => "create_service_linked_role",
            Self::DeleteRole => "delete_role",
            Self::AttachManagedPolicy => "attach_managed_policy",
            Self::DeletePermissionsBoundary => "delete_permissions_boundary",
        }
    }
}

impl Write {
    /// What it does.
    pub fn action(&self) -> Action {
        match self {
            Self::CreateRole { .. } => Action::CreateRole,
            Self::DeleteRole => Action::DeleteRole,
            Self::UpdateTrustPolicy { .. } => Action::UpdateTrustPolicy,
            Self::PutInlinePolicy { .. } => Action::PutInlinePolicy,
            Self::DeleteInlinePolicy { .. } => Action::DeleteInlinePolicy,
            Self::AttachManagedPolicy { .. } => Action::AttachManagedPolicy,
            Self::DetachManagedPolicy { .. } => Action::DetachManagedPolicy,
            Self::PutPermissionsBoundary { .. } => Action::PutPermissionsBoundary,
            Self::DeletePermissionsBoundary => Action::DeletePermissionsBoundary,
            Self::CreateServiceLinkedRole { .. } => Action::CreateServiceLinkedRole,
        }
    }
}

/// Of a write only its action.
pub(crate) fn action_of<S: Serializer>(write: &Write, serializer: S) -> Result<S::Ok, S::Error> {
    write.action().serialize(serializer)
}

/// For a flattened write: its action, and then the write.
pub(crate) fn with_action<S: Serializer>(write: &Write, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Both<'a> {
        action: Action,
        write: &'a Write,
    }
    Both { action: write.action(), write }.serialize(serializer)
}

/// For a flattened write, of a file that people may have edited: an action that is not the write's is refused.
pub(crate) fn of_its_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Write, D::Error> {
    #[derive(Deserialize)]
    struct Both {
        action: Action,
        write: Write,
    }
    let Both { action, write } = Both::deserialize(deserializer)?;
    let is = write.action();
    if action == is {
        return Ok(write);
    }
    let (said, is) = (action.as_str(), is.as_str());
    Err(serde::de::Error::custom(format_args!("the action is `{said}`, and the write does `{is}`")))
}

/// For a flattened write of the journal, whatever an older rolewarden called it.
pub(crate) fn of_any_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Write, D::Error> {
    #[derive(Deserialize)]
    struct Only {
        write: Write,
    }
    Only::deserialize(deserializer).map(|only| only.write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Origin, Phase};

    fn change(write: Write) -> Change {
        Change {
            id: "01JC".to_owned(),
            run: "01JR".to_owned(),
            account: "111122223333".parse().unwrap(),
            account_name: String::new(),
            role_arn: String::new(),
            role_id: None,
            before_digest: String::new(),
            write,
            undo: None,
            summary: String::new(),
            diff: String::new(),
            origin: Origin::Rollback,
            caller: String::new(),
            rolls_back: None,
            at: "2026-11-24T12:00:00Z".parse().unwrap(),
            phase: Phase::Planned,
            ended_at: None,
            outcome: None,
            note: None,
        }
    }

    #[test]
    fn a_change_in_json_is_called_what_its_write_does_whatever_it_was_called_before() {
        let text = || "x".to_owned();
        let writes = [
            Write::CreateRole {
                path: text(),
                trust_policy: text(),
                max_session_seconds: None,
                boundary: None,
                tags: [].into(),
            },
            Write::UpdateTrustPolicy { document: text() },
            Write::PutInlinePolicy { name: text(), document: text() },
            Write::DeleteInlinePolicy { name: text() },
            Write::DetachManagedPolicy { arn: text() },
            Write::PutPermissionsBoundary { arn: text() },
            Write::CreateServiceLinkedRole { service: text() },
            Write::DeleteRole,
            Write::AttachManagedPolicy { arn: text() },
            Write::DeletePermissionsBoundary,
        ];
        assert_eq!(writes.clone().map(|write| write.action()), Action::ALL);
        for write in writes {
            let change = change(write);
            let mut json = serde_json::to_value(&change).unwrap();
            assert_eq!(json["action"], change.write.action().as_str());
            assert_eq!(json["action"], json["write"]["write"]);
            // A journal of before called the undo of a creation a creation.
            json["action"] = "create_role".into();
            assert_eq!(serde_json::from_value::<Change>(json).unwrap(), change);
        }
    }

    #[test]
    fn what_configuration_does_not_take_only_undoes() {
        let undoes = Action::ALL.iter().filter(|action| !Action::CONFIGURABLE.contains(action));
        let undoes: Vec<&str> = undoes.map(|action| action.as_str()).collect();
        assert_eq!(undoes, ["delete_role", "attach_managed_policy", "delete_permissions_boundary"]);
    }
}
