//! One account: the roles, and each read by itself.

use std::collections::BTreeSet;
use std::pin::pin;

use aws_credential_types::Credentials;
use tokio::time::Instant;

use super::{NOBODY, Prober, Way};
use crate::aws::client::with_credentials;
use crate::aws::error::is_no_such_entity;
use crate::aws::managed::{GET_POLICY, GET_POLICY_VERSION, owner};
use crate::aws::role::{GET_ROLE, GET_ROLE_POLICY, LIST_ATTACHED, LIST_ROLE_POLICIES, Target};
use crate::aws::session::Member;
use crate::aws::{Aws, identity};
use crate::config::Presence;
use crate::doctor::{AccountFacts, Answer, Assumed, Read, ReadFact, Subject};
use crate::model::{Account, Cluster, LINKED_ROLE, ScanError, UnknownReason};
use crate::permissions::reads_managed;

/// The roles that are read beside the expected one.
type Others<'a> = &'a (dyn Fn(&[Cluster]) -> BTreeSet<String> + Sync);

impl Prober for Aws {
    async fn ask_way(&self) -> Way {
        self.way().await
    }

    async fn ask_account(
        &self,
        account: &Account,
        remediation: bool,
        others: Others<'_>,
    ) -> AccountFacts {
        let remediate = async {
            match remediation {
                true => Some(self.ask_remediation(account).await),
                false => None,
            }
        };
        let ((scan_role, reads), remediate_role) =
            tokio::join!(self.ask_reads(account, others), remediate);
        AccountFacts { scan_role, reads, remediate_role }
    }
}

impl Aws {
    async fn ask_remediation(&self, account: &Account) -> Assumed {
        let answer = self.try_role(account, Member::Remediate, self.external_id(account)).await;
        let without_external_id = match answer {
            Ok(()) => self.ask_without_external_id(account, Member::Remediate).await,
            Err(_) => None,
        };
        Assumed { answer, without_external_id }
    }

    /// `None` where none is configured.
    async fn ask_without_external_id(&self, account: &Account, member: Member) -> Option<Answer> {
        self.external_id(account)?;
        Some(self.try_role(account, member, None).await)
    }

    async fn ask_reads(
        &self,
        account: &Account,
        others: Others<'_>,
    ) -> (Option<Assumed>, Vec<ReadFact>) {
        if self.is_direct(&account.id) {
            return (
                None,
                match identity::base_credentials(&self.clients).await {
                    Ok(credentials) => self.reads(account, credentials, others).await,
                    Err(error) => vec![fact(GET_ROLE, &Subject::Role, Err(error))],
                },
            );
        }
        match self.scan_session(account).await {
            Err(error) => (Some(Assumed { answer: Err(error), without_external_id: None }), vec![]),
            Ok(credentials) => {
                let (without_external_id, reads) = tokio::join!(
                    self.ask_without_external_id(account, Member::Scan),
                    self.reads(account, credentials, others)
                );
                (Some(Assumed { answer: Ok(()), without_external_id }), reads)
            }
        }
    }

    async fn reads(
        &self,
        account: &Account,
        credentials: Credentials,
        others: Others<'_>,
    ) -> Vec<ReadFact> {
        let (mut facts, clusters) = match self.config.baseline.presence {
            Presence::WhenConnected => self.ask_clusters(account, credentials.clone()).await,
            Presence::Required | Presence::Optional | Presence::Forbidden => (vec![], vec![]),
        };
        let target = Target {
            iam: self.clients.iam(),
            lane: self.clients.lanes().account(Instant::now()),
            account: &account.id,
            role: &self.config.baseline.role_name,
        };
        let others = others(&clusters);
        let reads = Box::pin(self.reads_of_roles(target, &others));
        facts.extend(with_credentials(credentials, pin!(reads)).await);
        facts
    }

    async fn reads_of_roles(
        &self,
        mut target: Target<'_>,
        others: &BTreeSet<String>,
    ) -> Vec<ReadFact> {
        let inline = &self.config.baseline.inline_policy_name;
        let (mut facts, used) = role(&target, Subject::Role, inline).await;
        if facts.iter().all(|fact| fact.answer.as_ref().is_err_and(is_lost)) {
            return facts; // nothing comes through: more calls would say the same, after a long wait
        }
        if reads_managed(&self.config) {
            facts.extend(policies(&target, &self.of_aws(), &used).await);
        }
        for other in others {
            let subject = match other.as_str() {
                LINKED_ROLE => Subject::LinkedRole,
                _ => Subject::ClusterRole,
            };
            target = Target { role: other, ..target };
            facts.extend(role(&target, subject, inline).await.0);
        }
        facts
    }

    /// A policy of AWS's that every partition has.
    fn of_aws(&self) -> String {
        format!("arn:{}:iam::aws:policy/ReadOnlyAccess", self.identity.partition)
    }
}

/// The four reads of a role, and the managed policies that it uses.
async fn role(target: &Target<'_>, subject: Subject, inline: &str) -> (Vec<ReadFact>, Vec<String>) {
    let (role, names, attached, text) = tokio::join!(
        target.get_role(),
        target.list_inline(),
        target.list_attached(),
        target.get_inline(inline),
    );
    let boundary = role.as_ref().ok().and_then(|role| role.permissions_boundary.as_ref());
    let boundary = boundary.and_then(|boundary| boundary.permissions_boundary_arn.clone());
    let used = attached.iter().flat_map(|attached| attached.keys().cloned()).chain(boundary);
    let used = used.collect();
    let facts = vec![
        fact(GET_ROLE, &subject, yes(role)),
        fact(LIST_ROLE_POLICIES, &subject, yes(names)),
        fact(LIST_ATTACHED, &subject, yes(attached)),
        fact(GET_ROLE_POLICY, &subject, yes(text)),
    ];
    (facts, used)
}

/// One policy of AWS and one of the account: those that the role uses, or ones that stand for any.
async fn policies(target: &Target<'_>, of_aws: &str, used: &[String]) -> Vec<ReadFact> {
    let (iam, lane) = (target.iam, &target.lane);
    let account = target.account.as_str();
    let one = |whose: &str| used.iter().find(|arn| owner(arn) == Some(whose)).cloned();
    let of_aws = one("aws").unwrap_or_else(|| of_aws.to_owned());
    let partition = of_aws.split(':').nth(1).unwrap_or_default();
    let of_account =
        one(account).unwrap_or_else(|| format!("arn:{partition}:iam::{account}:policy/{NOBODY}"));
    let policy = async |arn: &str| {
        yes(lane.call(GET_POLICY, || iam.get_policy().policy_arn(arn).send()).await)
    };
    let version = async |arn: &str| {
        let send = || iam.get_policy_version().policy_arn(arn).version_id("v1").send();
        yes(lane.call(GET_POLICY_VERSION, send).await)
    };
    let (a, b, c, d) =
        tokio::join!(policy(&of_aws), version(&of_aws), policy(&of_account), version(&of_account));
    vec![
        fact(GET_POLICY, &Subject::AwsPolicy, a),
        fact(GET_POLICY_VERSION, &Subject::AwsPolicy, b),
        fact(GET_POLICY, &Subject::AccountPolicy, c),
        fact(GET_POLICY_VERSION, &Subject::AccountPolicy, d),
    ]
}

/// That there is no such role or policy is a yes.
fn yes<T>(answer: Result<T, ScanError>) -> Answer {
    match answer {
        Ok(_) => Ok(()),
        Err(error) if is_no_such_entity(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a call failed for a reason that says nothing about permissions, and that others will meet as well.
fn is_lost(error: &ScanError) -> bool {
    use UnknownReason as R;
    matches!(error.reason, R::Throttled | R::Timeout | R::Network)
}

fn fact(operation: &'static str, subject: &Subject, answer: Answer) -> ReadFact {
    ReadFact { read: Read { operation, subject: subject.clone() }, answer }
}
