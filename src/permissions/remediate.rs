//! The role that writes: the calls of the configured actions, and those that undo them.

use super::{Document, EVERY_ACCOUNT, Statement, literal};
use crate::config::Config;
use crate::model::{Action, LINKED_SERVICE, Partition, Write, linked_path};
use crate::policy::ACCOUNT_TEMPLATE;

const CREATE_ROLE: &str = "iam:CreateRole";
const TAG_ROLE: &str = "iam:TagRole";
const DELETE_ROLE: &str = "iam:DeleteRole";
const UPDATE_TRUST: &str = "iam:UpdateAssumeRolePolicy";
const PUT_INLINE: &str = "iam:PutRolePolicy";
const DELETE_INLINE: &str = "iam:DeleteRolePolicy";
const ATTACH: &str = "iam:AttachRolePolicy";
const DETACH: &str = "iam:DetachRolePolicy";
const PUT_BOUNDARY: &str = "iam:PutRolePermissionsBoundary";
const DELETE_BOUNDARY: &str = "iam:DeleteRolePermissionsBoundary";
/// Policies of AWS that give an account away.
const ALMIGHTY: [&str; 3] = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];
const CREATE_LINKED: &str = "iam:CreateServiceLinkedRole";

/// What IAM checks when this is sent.
pub(crate) fn calls_of(write: &Write) -> Vec<&'static str> {
    match write {
        Write::CreateRole { tags, .. } if tags.is_empty() => vec![CREATE_ROLE],
        Write::CreateRole { .. } => vec![CREATE_ROLE, TAG_ROLE],
        Write::DeleteRole => vec![DELETE_ROLE],
        Write::UpdateTrustPolicy { .. } => vec![UPDATE_TRUST],
        Write::PutInlinePolicy { .. } => vec![PUT_INLINE],
        Write::DeleteInlinePolicy { .. } => vec![DELETE_INLINE],
        Write::AttachManagedPolicy { .. } => vec![ATTACH],
        Write::DetachManagedPolicy { .. } => vec![DETACH],
        Write::PutPermissionsBoundary { .. } => vec![PUT_BOUNDARY],
        Write::DeletePermissionsBoundary => vec![DELETE_BOUNDARY],
        Write::CreateServiceLinkedRole { .. } => vec![CREATE_LINKED],
    }
}

/// What the remediation role must be allowed in a member account, and with `rollback` to undo it as well.
///
/// `baseline.permissions_boundary` becomes a condition where it never refuses what a plan does: on the boundary that a new
/// role is created with, and on the one that is put. It is none on documents: the plan replaces a trust policy that lets
/// strangers in before it puts a boundary, and another boundary last of all, so such a condition would refuse to repair the
/// worst roles. `iam:TagRole` does not have the key. What a rollback puts as a boundary is whatever was there before, so it has
/// no condition; it takes off only the boundary of the baseline, and attaches whatever was attached but what gives the account away.
pub fn remediate(config: &Config, partition: &Partition, rollback: bool) -> Document {
    let place = Place { config, partition };
    let mut statements = place.forward();
    if rollback {
        statements.extend(place.backward());
    }
    Document(statements)
}

struct Place<'a> {
    config: &'a Config,
    partition: &'a Partition,
}

impl Place<'_> {
    /// Whether the action can come about at all: without a boundary in the baseline none is ever put.
    fn does(&self, action: Action) -> bool {
        self.config.remediation.actions.contains(&action)
            && (action != Action::PutPermissionsBoundary || self.boundary().is_some())
    }

    /// The calls of those actions that are done.
    fn calls<const N: usize>(&self, calls: [(Action, &'static str); N]) -> Vec<&'static str> {
        calls.into_iter().filter(|(action, _)| self.does(*action)).map(|(_, call)| call).collect()
    }

    fn forward(&self) -> Vec<Statement> {
        use Action as A;
        let boundary = || self.boundary().into_iter().collect::<Vec<_>>();
        let create = Statement::allow(
            "CreateTheRole",
            self.calls([(A::CreateRole, CREATE_ROLE)]),
            [self.new_role()],
        );
        let tags = !self.config.baseline.required_tags.is_empty();
        let tag = Statement::allow(
            "TagTheNewRole",
            self.calls([(A::CreateRole, TAG_ROLE)]),
            [self.new_role()],
        );
        let documents = self.calls([
            (A::UpdateTrustPolicy, UPDATE_TRUST),
            (A::PutInlinePolicy, PUT_INLINE),
            (A::DeleteInlinePolicy, DELETE_INLINE),
        ]);
        let detach = Statement::allow(
            "DetachPolicies",
            self.calls([(A::DetachManagedPolicy, DETACH)]),
            self.role(),
        );
        let put = Statement::allow(
            "PutTheBoundary",
            self.calls([(A::PutPermissionsBoundary, PUT_BOUNDARY)]),
            self.role(),
        );
        let linked = Statement::allow(
            "CreateServiceLinkedRole",
            self.calls([(A::CreateServiceLinkedRole, CREATE_LINKED)]),
            [self.at(&linked_path(LINKED_SERVICE), "*")],
        );
        let statements = [
            Some(create.only_if("ArnEquals", "iam:PermissionsBoundary", boundary())),
            tags.then_some(tag),
            Some(Statement::allow("ChangeTheRole", documents, self.role())),
            Some(detach.only_if("ArnNotEquals", "iam:PolicyARN", self.kept())),
            Some(put.only_if("ArnEquals", "iam:PermissionsBoundary", boundary())),
            Some(linked),
        ];
        statements.into_iter().flatten().filter(|s| !s.actions.is_empty()).collect()
    }

    /// What only a rollback calls. Most of it puts back whatever was there before, so it can have no condition; these two can.
    fn backward(&self) -> Vec<Statement> {
        use Action as A;
        let forward =
            self.calls([(A::PutInlinePolicy, PUT_INLINE), (A::DeleteInlinePolicy, DELETE_INLINE)]);
        let mut calls = self.calls([
            (A::CreateRole, DELETE_ROLE),
            (A::DeleteInlinePolicy, PUT_INLINE),
            (A::PutInlinePolicy, DELETE_INLINE),
            (A::PutPermissionsBoundary, PUT_BOUNDARY),
        ]);
        calls.retain(|call| !forward.contains(call));
        let attach = Statement::allow(
            "OnlyToAttachAgain",
            self.calls([(A::DetachManagedPolicy, ATTACH)]),
            self.role(),
        );
        let take_off = Statement::allow(
            "OnlyToTakeTheBoundaryOff",
            self.calls([(A::PutPermissionsBoundary, DELETE_BOUNDARY)]),
            self.role(),
        );
        let boundary: Vec<_> = self.boundary().into_iter().collect();
        let statements = [
            Statement::allow("OnlyToRollBack", calls, self.role()),
            attach.only_if("ArnNotEquals", "iam:PolicyARN", self.never_attached()),
            take_off.only_if("ArnEquals", "iam:PermissionsBoundary", boundary),
        ];
        statements.into_iter().filter(|s| !s.actions.is_empty()).collect()
    }

    /// Policies that no rollback attaches: those that are never detached, and those with which the role may do anything in
    /// its account. Detached they stay detached, until a person attaches them.
    fn never_attached(&self) -> Vec<String> {
        let partition = self.partition;
        let almighty = ALMIGHTY.map(|name| format!("arn:{partition}:iam::aws:policy/{name}"));
        almighty.into_iter().chain(self.kept()).collect()
    }

    fn at(&self, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{EVERY_ACCOUNT}:role{path}{name}", self.partition)
    }

    /// The role with every path it may have: one that is there may be somewhere else.
    fn role(&self) -> Vec<String> {
        let name = &self.config.baseline.role_name;
        vec![self.at("/", name), self.at("/*/", name)]
    }

    fn new_role(&self) -> String {
        self.at(&literal(&self.config.baseline.path), &self.config.baseline.role_name)
    }

    fn boundary(&self) -> Option<String> {
        self.config.baseline.permissions_boundary.as_ref().map(|arn| self.here(arn))
    }

    /// Policies that are never detached.
    fn kept(&self) -> Vec<String> {
        let checks = &self.config.checks;
        let kept = checks.required_attachments.union(&checks.allowed_attachments);
        kept.map(|arn| self.here(arn)).collect()
    }

    /// An ARN of the configuration in this partition and in every account.
    fn here(&self, arn: &str) -> String {
        let arn = arn.replace(ACCOUNT_TEMPLATE, EVERY_ACCOUNT);
        match arn.strip_prefix("arn:aws:") {
            Some(rest) => format!("arn:{}:{rest}", self.partition),
            None => arn,
        }
    }
}
