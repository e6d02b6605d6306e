//! Changes the role of one account: one call, with a session that may do nothing else.

use std::error::Error;
use std::future::Future;
use std::pin::pin;

use aws_credential_types::Credentials;
use aws_sdk_iam as iam;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::Instant;

use super::client::with_credentials;
use super::denied::refused_action;
use super::error::{is_conflict, malformed, wrong_account};
use super::lane::{Ended, Fresh, Lane};
use super::{Aws, RoleWriter, WriteError, narrow};
use crate::model::{Account, AccountId, Role, RoleArn, ScanError, UnknownReason, Write};

impl RoleWriter for Aws {
    type Ready = Credentials;

    async fn prepare_write(
        &self,
        account: &Account,
        run: &str,
        write: &Write,
    ) -> Result<Credentials, WriteError> {
        let (name, partition) = (&self.config.baseline.role_name, &self.identity.partition);
        let policy = narrow::for_write(name, partition, &account.id, write);
        self.write_session(account, run, policy).await.map_err(WriteError::Refused)
    }

    async fn send_write(
        &self,
        ready: &Credentials,
        account: &Account,
        change: &str,
        write: &Write,
        fresh: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), WriteError> {
        let target = Target {
            iam: self.clients.iam(),
            lane: self.clients.lanes().account(Instant::now()),
            account: &account.id,
            role: &self.config.baseline.role_name,
            change,
            fresh,
        };
        let sent = with_credentials(ready.clone(), pin!(target.send(write))).await;
        sent.map_err(|error| self.said_of_writes(account, error))
    }
}

impl Aws {
    /// It is the remediation role that lacks a permission here.
    fn said_of_writes(&self, account: &Account, error: WriteError) -> WriteError {
        let role = self.remediate_role(account);
        let hint = |mut error: ScanError| {
            let operation = error.operation.clone().unwrap_or_default();
            let action = refused_action(&error.message).unwrap_or(&operation);
            error.hint = match error.reason {
                UnknownReason::AccessDenied => Some(format!(
                    "allow `{action}` on this role to the remediation role `{role}`: `rolewarden iam remediate` prints its policy"
                )),
                UnknownReason::ScpDenied => Some(format!(
                    "a policy of the organization refuses `{operation}`: exempt the remediation role `{role}` there"
                )),
                _ => error.hint,
            };
            error
        };
        match error {
            WriteError::Refused(error) => WriteError::Refused(hint(error)),
            other => other,
        }
    }
}

/// The one role of one account, and what writes to it.
struct Target<'a> {
    iam: &'a iam::Client,
    lane: Lane,
    account: &'a AccountId,
    role: &'a str,
    /// The id of the change: the role it makes says so.
    change: &'a str,
    fresh: Fresh<'a>,
}

impl Target<'_> {
    async fn send(&self, write: &Write) -> Result<(), WriteError> {
        let (iam, role) = (self.iam, self.role);
        match write {
            Write::CreateRole { .. } => self.create(write).await,
            Write::DeleteRole => {
                let request = iam.delete_role().role_name(role);
                self.call("iam:DeleteRole", || request.clone().send()).await
            }
            Write::UpdateTrustPolicy { document } => {
                let request = iam.update_assume_role_policy().role_name(role);
                let request = request.policy_document(document);
                self.call("iam:UpdateAssumeRolePolicy", || request.clone().send()).await
            }
            Write::PutInlinePolicy { name, document } => {
                let request = iam.put_role_policy().role_name(role);
                let request = request.policy_name(name).policy_document(document);
                self.call("iam:PutRolePolicy", || request.clone().send()).await
            }
            Write::DeleteInlinePolicy { name } => {
                let request = iam.delete_role_policy().role_name(role).policy_name(name);
                self.call("iam:DeleteRolePolicy", || request.clone().send()).await
            }
            Write::AttachManagedPolicy { arn } => {
                let request = iam.attach_role_policy().role_name(role).policy_arn(arn);
                self.call("iam:AttachRolePolicy", || request.clone().send()).await
            }
            Write::DetachManagedPolicy { arn } => {
                let request = iam.detach_role_policy().role_name(role).policy_arn(arn);
                self.call("iam:DetachRolePolicy", || request.clone().send()).await
            }
            Write::PutPermissionsBoundary { arn } => {
                let request = iam.put_role_permissions_boundary().role_name(role);
                let request = request.permissions_boundary(arn);
                self.call("iam:PutRolePermissionsBoundary", || request.clone().send()).await
            }
            Write::DeletePermissionsBoundary => {
                let request = iam.delete_role_permissions_boundary().role_name(role);
                self.call("iam:DeleteRolePermissionsBoundary", || request.clone().send()).await
            }
            Write::CreateServiceLinkedRole { service } => {
                let request = iam.create_service_linked_role().aws_service_name(service);
                self.call("iam:CreateServiceLinkedRole", || request.clone().send()).await
            }
        }
    }

    async fn create(&self, write: &Write) -> Result<(), WriteError> {
        const CREATE: &str = "iam:CreateRole";
        let Write::CreateRole { path, trust_policy, max_session_seconds, boundary, tags } = write
        else {
            return Ok(());
        };
        let unusable = |what: &dyn std::fmt::Display| {
            let message = format!("the role to make cannot be asked for: {what}");
            WriteError::Refused(ScanError::new(UnknownReason::Internal, message).during(CREATE))
        };
        let seconds = max_session_seconds.map(i32::try_from).transpose();
        let tags = tags.iter().map(|(key, value)| {
            iam::types::Tag::builder().key(key).value(value).build().map_err(|e| unusable(&e))
        });
        let tags: Vec<_> = tags.collect::<Result<_, _>>()?;
        let request = self.iam.create_role().role_name(self.role).path(path);
        let request = request.assume_role_policy_document(trust_policy);
        let request = request.description(Role::description_by(self.change));
        let request = request.set_max_session_duration(seconds.map_err(|e| unusable(&e))?);
        let request = request.set_permissions_boundary(boundary.clone());
        let request = request.set_tags((!tags.is_empty()).then_some(tags));
        let answer = self.sent(CREATE, || request.clone().send()).await?;
        let arn = answer.role.as_ref().map_or("", |role| role.arn());
        let bad = |error| Err(WriteError::Unknown(error));
        match arn.parse::<RoleArn>() {
            Ok(made) if made.account != *self.account => {
                bad(wrong_account(CREATE, self.account.as_str(), arn))
            }
            Ok(made) if made.name == self.role => Ok(()),
            Ok(_) => bad(malformed(CREATE, "the answer is about another role")),
            Err(error) => bad(malformed(CREATE, error.to_string())),
        }
    }

    async fn call<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<(), WriteError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.sent(operation, send).await.map(drop)
    }

    async fn sent<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.lane.write(operation, send, self.fresh).await.map_err(|ended| match ended {
            Ended::Stale => WriteError::Stale,
            Ended::Failed(failed) if !failed.refused => WriteError::Unknown(failed.error),
            Ended::Failed(failed) if is_conflict(&failed.error) => {
                WriteError::Conflict(failed.error)
            }
            Ended::Failed(failed) => WriteError::Refused(failed.error),
        })
    }
}
