//! Reads the role of one account: four calls in one round trip, more only where they are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use aws_sdk_iam as iam;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::client::with_credentials;
use super::error::{is_no_such_entity, malformed, unstable, wrong_account};
use super::lane::Lane;
use super::managed::{check_owner, name_of};
use super::paging::Pages;
use super::reading::{Reading, Taken};
use super::{Aws, document};
use crate::model::{
    Account, AccountId, ManagedPolicy, Role, RoleArn, ScanError, Snapshot, printable_line,
};
use crate::permissions;

pub(super) const GET_ROLE: &str = "iam:GetRole";
pub(super) const GET_ROLE_POLICY: &str = "iam:GetRolePolicy";
pub(super) const LIST_ROLE_POLICIES: &str = "iam:ListRolePolicies";
pub(super) const LIST_ATTACHED: &str = "iam:ListAttachedRolePolicies";

/// Pages of one list, at most.
const PAGES: usize = 1_000;

/// Further reads of one account at once; the pool has room for as many.
const AT_ONCE: usize = 4;

/// The one role of one account, and what reads it.
pub(super) struct Target<'a> {
    pub(super) iam: &'a iam::Client,
    pub(super) lane: Lane,
    pub(super) account: &'a AccountId,
    pub(super) role: &'a str,
}

/// An inline policy as read: its name in the answer's spelling, and its text.
type Inline = (String, String);

impl Aws {
    /// One reading of the role of this name, with a session that may have been kept from before.
    pub(super) async fn read_snapshot(
        &self,
        account: &Account,
        role: &str,
    ) -> Result<Reading, ScanError> {
        let begun = Instant::now();
        let credentials = self.credentials(account).await?;
        let target = Target {
            iam: self.clients.iam(),
            lane: self.clients.lanes().account(begun),
            account: &account.id,
            role,
        };
        let seen = with_credentials(credentials.clone(), pin!(self.read_target(&target))).await?;
        // What was read was answered.
        let taken = target.lane.taken().unwrap_or_else(|| Taken::call(begun, Instant::now()));
        if seen == Snapshot::Absent {
            // A role that is there names its account itself.
            self.prove_account(&account.id, &credentials).await?;
        }
        Ok(Reading { seen, taken })
    }

    /// With the credentials that the task has by now.
    async fn read_target(&self, target: &Target<'_>) -> Result<Snapshot, ScanError> {
        let configured = &self.config.baseline.inline_policy_name;
        let expected = self.guesses.of(target.account, target.role, configured);
        let (role, names, attached, guess) = tokio::join!(
            target.get_role(),
            target.list_inline(),
            target.list_attached(),
            target.get_inline(&expected),
        );
        let role = match role {
            Ok(role) => role,
            Err(error) if is_no_such_entity(&error) => {
                return absent(names.is_ok() || attached.is_ok() || guess.is_ok());
            }
            Err(error) => return Err(error),
        };
        let mut role = target.believe(role)?;
        role.inline = target.inline(names.map_err(changed)?, &expected, guess).await?;
        self.guesses.learn(target.account, target.role, configured, role.inline.keys());
        role.attached = attached.map_err(changed)?;
        if permissions::reads_managed(&self.config) {
            self.read_managed(target, &mut role).await?;
        }
        Ok(Snapshot::Present(Box::new(role)))
    }

    /// Fills in the documents of the attached policies and the boundary.
    async fn read_managed(&self, target: &Target<'_>, role: &mut Role) -> Result<(), ScanError> {
        let boundary = role.boundary.as_ref().map(|(arn, _)| arn.clone());
        let arns: BTreeSet<String> = role.attached.keys().cloned().chain(boundary).collect();
        let documents: BTreeMap<String, String> = stream::iter(arns)
            .map(async |arn| {
                let text = self.aws_managed.document(target, &arn).await?;
                Ok::<_, ScanError>((arn, text))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (arn, policy) in role
            .attached
            .iter_mut()
            .chain(role.boundary.as_mut().map(|(arn, policy)| (&*arn, policy)))
        {
            policy.document = documents.get(arn).cloned();
        }
        Ok(())
    }
}

/// `NoSuchEntity` from GetRole is the only proof of absence; another read that still saw the role contradicts it.
fn absent(seen_elsewhere: bool) -> Result<Snapshot, ScanError> {
    match seen_elsewhere {
        true => Err(unstable(
            GET_ROLE,
            "the role does not exist, but another read of the same moment found it",
        )),
        false => Ok(Snapshot::Absent),
    }
}

/// GetRole found the role, so a read that did not has seen another moment.
fn changed(error: ScanError) -> ScanError {
    match is_no_such_entity(&error) {
        true => unstable(
            error.operation.as_deref().unwrap_or_default(),
            "the role exists, but this read did not find it",
        ),
        false => error,
    }
}

impl Target<'_> {
    pub(super) async fn get_role(&self) -> Result<iam::types::Role, ScanError> {
        let send = || self.iam.get_role().role_name(self.role).send();
        let answer = self.lane.call(GET_ROLE, send).await?;
        answer.role.ok_or_else(|| malformed(GET_ROLE, "the answer has no role"))
    }

    pub(super) async fn list_inline(&self) -> Result<BTreeSet<String>, ScanError> {
        let mut pages = Pages::new(LIST_ROLE_POLICIES, PAGES);
        let (mut names, mut marker) = (BTreeSet::new(), None);
        loop {
            let request = self.iam.list_role_policies().role_name(self.role).set_marker(marker);
            let answer = self.lane.call(LIST_ROLE_POLICIES, || request.clone().send()).await?;
            let before = names.len();
            if answer.policy_names.iter().any(String::is_empty) {
                return Err(malformed(LIST_ROLE_POLICIES, "a policy has no name"));
            }
            names.extend(answer.policy_names);
            let news = names.len() > before;
            marker = pages.next_marker(news, answer.is_truncated, answer.marker)?;
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    pub(super) async fn list_attached(&self) -> Result<BTreeMap<String, ManagedPolicy>, ScanError> {
        let mut pages = Pages::new(LIST_ATTACHED, PAGES);
        let (mut attached, mut marker) = (BTreeMap::new(), None);
        loop {
            let request =
                self.iam.list_attached_role_policies().role_name(self.role).set_marker(marker);
            let answer = self.lane.call(LIST_ATTACHED, || request.clone().send()).await?;
            let before = attached.len();
            for policy in pages.items(answer.attached_policies)? {
                let arn = policy.policy_arn.unwrap_or_default();
                check_owner(LIST_ATTACHED, self.account, &arn)?;
                let name = policy.policy_name.filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| malformed(LIST_ATTACHED, "a policy has no name"))?;
                attached.insert(arn, ManagedPolicy { name, document: None });
            }
            let news = attached.len() > before;
            marker = pages.next_marker(news, answer.is_truncated, answer.marker)?;
            if marker.is_none() {
                return Ok(attached);
            }
        }
    }

    pub(super) async fn get_inline(&self, name: &str) -> Result<Inline, ScanError> {
        let send = || self.iam.get_role_policy().role_name(self.role).policy_name(name).send();
        let answer = self.lane.call(GET_ROLE_POLICY, send).await?;
        if !answer.role_name.eq_ignore_ascii_case(self.role)
            || !answer.policy_name.eq_ignore_ascii_case(name)
        {
            return Err(malformed(GET_ROLE_POLICY, "the answer is about another role or policy"));
        }
        let text = document::decode(&answer.policy_document)
            .map_err(|what| malformed(GET_ROLE_POLICY, what))?;
        Ok((answer.policy_name, text))
    }

    /// Every listed policy's document. The guess saves a round trip where it was right, and decides nothing where it was not.
    async fn inline(
        &self,
        names: BTreeSet<String>,
        expected: &str,
        guess: Result<Inline, ScanError>,
    ) -> Result<BTreeMap<String, String>, ScanError> {
        let guessed = match guess {
            Ok(inline) if names.contains(&inline.0) => Some(inline),
            Ok((name, _)) => {
                let name = printable_line(&name, 128);
                return Err(unstable(
                    GET_ROLE_POLICY,
                    format!("policy `{name}` is not listed, but exists"),
                ));
            }
            Err(error) if names.contains(expected) => return Err(changed(error)),
            Err(_) => None, // a policy that is not there was not needed
        };
        let rest = names
            .into_iter()
            .filter(|name| guessed.as_ref().is_none_or(|(guessed, _)| guessed != name));
        let mut inline: BTreeMap<String, String> = stream::iter(rest.collect::<Vec<_>>())
            .map(async |name| {
                let (answered, text) = self.get_inline(&name).await.map_err(changed)?;
                match answered == name {
                    true => Ok((name, text)),
                    false => Err(malformed(GET_ROLE_POLICY, "the answer is about another policy")),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        inline.extend(guessed);
        Ok(inline)
    }

    /// Checks GetRole's answer before it is used: lenient parsers turn a cut one into empty fields.
    fn believe(&self, role: iam::types::Role) -> Result<Role, ScanError> {
        let bad = |what: String| malformed(GET_ROLE, what);
        let arn: RoleArn = role.arn.parse().map_err(|error| bad(format!("{error}")))?;
        if arn.account != *self.account {
            return Err(wrong_account(GET_ROLE, self.account.as_str(), &role.arn));
        }
        if !role.role_name.eq_ignore_ascii_case(self.role)
            || arn.name != role.role_name
            || arn.path != role.path
        {
            let (name, path) =
                (printable_line(&role.role_name, 128), printable_line(&role.path, 512));
            return Err(bad(format!(
                "asked for role `{}`, got name `{name}`, path `{path}`, ARN `{arn}`",
                self.role
            )));
        }
        if role.role_id.is_empty() {
            return Err(bad("the role has no id".to_owned()));
        }
        let trust_policy =
            document::decode(role.assume_role_policy_document.as_deref().unwrap_or_default())
                .map_err(bad)?;
        let max_session_seconds = match role.max_session_duration {
            Some(seconds) => Some(
                u32::try_from(seconds)
                    .map_err(|_| bad(format!("the longest session is {seconds} s")))?,
            ),
            None => None,
        };
        Ok(Role {
            arn,
            id: role.role_id,
            trust_policy,
            inline: BTreeMap::new(),
            attached: BTreeMap::new(),
            boundary: self.boundary(role.permissions_boundary)?,
            max_session_seconds,
            tags: role
                .tags
                .unwrap_or_default()
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect(),
        })
    }

    fn boundary(
        &self,
        boundary: Option<iam::types::AttachedPermissionsBoundary>,
    ) -> Result<Option<(String, ManagedPolicy)>, ScanError> {
        let Some(boundary) = boundary else { return Ok(None) };
        let arn = boundary.permissions_boundary_arn.unwrap_or_default();
        check_owner(GET_ROLE, self.account, &arn)?;
        let policy = ManagedPolicy { name: name_of(&arn), document: None };
        Ok(Some((arn, policy)))
    }
}
