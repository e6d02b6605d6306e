//! Judges one role: baseline times snapshot gives verdicts, findings and the account's state. Pure.
//!
//! One file per check. A check answers with its verdict and the findings for people. `undecided` is no
//! finding: it claims nothing, and an account with nothing worse is `unknown`.

mod accepted;
mod amendments;
mod attached_policies;
mod baseline;
mod callers;
mod connector_usage;
mod decided;
mod diff;
mod effective_permissions;
mod exceptions;
mod excess;
mod fix;
mod hardening;
mod inline_policy;
mod inline_remedy;
mod kept;
mod outcome;
mod reach;
mod remedies;
mod requesters;
mod role_attributes;
mod role_exists;
mod service_linked_role;
mod subject;
mod trust_policy;
mod words;
mod works;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::Value;

use crate::config::{BaselineConfig, Checks, Config, Exception, Presence};
use crate::model::{
    Account, AccountId, AccountState, CheckName, CheckResult, CheckResults, Cluster, Finding,
    LINKED_ROLE, Partition, RoleArn, ScanError, Severity, Snapshot, UnknownReason, Usage, Verdict,
};
pub(crate) use amendments::{Amendment, Amendments, Replaced};
pub use baseline::digest as baseline_digest;
use baseline::{Baseline, Source};
use connector_usage::Place;
pub(crate) use decided::Decided;
pub(crate) use diff::change as diff_of_change;
pub use exceptions::ExceptionState;
use exceptions::Exceptions;
pub(crate) use fix::commands;
use kept::Said;
pub(crate) use outcome::shown;
use outcome::{Case, Outcome, Problem};
pub(crate) use remedies::{Remedies, Todo};
use subject::{About, Subject};

/// The baseline's name in reports and metrics.
pub const BASELINE_NAME: &str = "eks-connector-agent";

/// Bytes of a summary: five requests with their ARNs fit.
const LONGEST_SUMMARY: usize = 1_024;

/// Everything a judgement depends on beside the snapshot.
#[derive(Debug)]
pub struct Rules {
    baseline: BaselineConfig,
    checks: Checks,
    exceptions: Exceptions,
    source: Source,
    partition: Partition,
    organization: Option<String>,
    said: Said,
}

/// What one role, at one moment, amounts to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Never `Unknown`.
    pub state: AccountState,
    /// The role's ARN; where it would be, when absent.
    pub role_arn: String,
    /// Verdicts by check.
    pub checks: Arc<CheckResults>,
    /// Worst first.
    pub findings: Vec<Finding>,
}

/// What the checks say of one role, before it is one state.
pub(crate) struct Assessment {
    /// The role's ARN; where it would be, when absent.
    pub(crate) role_arn: String,
    /// What every check says, also those that are switched off.
    pub(crate) verdicts: BTreeMap<CheckName, Verdict>,
    /// Verdicts of the checks that count.
    pub(crate) checks: CheckResults,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    /// The first check that could not be decided, and why.
    pub(crate) undecided: Option<Undecided>,
    /// False where the role is not there and not needed.
    pub(crate) applicable: bool,
}

/// A check that could not be decided.
pub(crate) struct Undecided {
    check: CheckName,
    note: String,
}

impl Undecided {
    /// The account's error. A document that is missing is for the export to supply; only a spent budget is about the policy.
    fn error(self, snapshot: &Snapshot) -> ScanError {
        let Self { check, note } = self;
        let of_documents = matches!(
            check,
            CheckName::InlinePolicy | CheckName::AttachedPolicies | CheckName::EffectivePermissions
        );
        let missing = if of_documents { snapshot.documents_not_known() } else { Vec::new() };
        let hint = match missing.as_slice() {
            [] => "look at the policy by hand; simplify it, or report it as a case rolewarden should decide".to_owned(),
            missing => format!(
                "the export lacks the document of {}: export again without `--filter`, or with \
                 `--filter Role LocalManagedPolicy AWSManagedPolicy`",
                missing.join(", ")
            ),
        };
        let message = format!("{}: {note}", check.as_str());
        ScanError::new(UnknownReason::Undecided, message).hint(hint)
    }
}

impl Rules {
    /// The rules of a sweep. `today` (UTC) decides which exceptions still hold.
    pub fn new(
        config: &Config,
        partition: Partition,
        organization: Option<String>,
        today: Date,
    ) -> Self {
        Self {
            source: Source::new(&config.baseline, &partition),
            baseline: config.baseline.clone(),
            checks: config.checks.clone(),
            exceptions: Exceptions::new(config.exceptions.clone(), today),
            partition,
            organization: organization.or_else(|| config.accounts.organization_id.clone()),
            said: Said::default(),
        }
    }

    /// Judges a snapshot. `usage` is what [`Presence::WhenConnected`] and the check of the service-linked role ask for;
    /// nothing else looks at it.
    ///
    /// # Errors
    /// `undecided` when a check could not be decided and no finding makes the account `drifted` anyway, or when the role is
    /// absent and nobody knows whether it is needed; `internal` when the baseline cannot be read (a validated configuration
    /// rules that out).
    pub fn judge(
        &self,
        account: &Account,
        snapshot: &Snapshot,
        usage: Option<&Usage>,
    ) -> Result<Judgement, ScanError> {
        let Assessment { role_arn, checks, findings, undecided, applicable, .. } =
            self.assess(account, snapshot, usage)?;
        let counts = |finding: &&Finding| self.counts(finding);
        let state = if !applicable {
            AccountState::NotApplicable
        } else if findings.iter().filter(counts).any(|finding| finding.exception.is_none()) {
            AccountState::Drifted
        } else if let Some(undecided) = undecided {
            return Err(undecided.error(snapshot));
        } else if findings.iter().any(|finding| self.counts(finding)) {
            AccountState::Exempt
        } else {
            AccountState::Compliant
        };
        Ok(Judgement { state, role_arn, checks: self.said.shared(checks), findings })
    }

    /// Whether a check is switched on.
    pub(crate) fn judges(&self, check: CheckName) -> bool {
        !self.checks.disabled.contains(&check)
    }

    /// Whether a finding is severe enough to be drift.
    pub(crate) fn counts(&self, finding: &Finding) -> bool {
        finding.severity >= self.checks.drift_severity
    }

    /// Judges a snapshot short of saying which one state that is.
    pub(crate) fn assess(
        &self,
        account: &Account,
        snapshot: &Snapshot,
        usage: Option<&Usage>,
    ) -> Result<Assessment, ScanError> {
        let baseline = self.baseline_in(&account.id)?;
        let connected = usage.filter(|_| self.baseline.presence == Presence::WhenConnected);
        let clusters = connected.and_then(|usage| Some((usage.clusters.as_deref()?, &usage.roles)));
        let place = Place { rules: self, account: &account.id, baseline: &baseline };
        let used = clusters.map(|(clusters, roles)| {
            (CheckName::ConnectorUsage, connector_usage::check(&place, snapshot, clusters, roles))
        });
        let beside = used.into_iter().chain(self.linked_role(usage));
        let Snapshot::Present(role) = snapshot else {
            let connected = clusters.map(|(clusters, _)| !clusters.is_empty());
            return self.assess_absent(account, &baseline, connected, beside);
        };
        let case = Case { rules: self, account: &account.id, baseline: &baseline, role };
        let mut outcomes = self.outcomes(&case);
        self.accept_documents(account, &case, &mut outcomes)?;
        outcomes.extend(beside);
        Ok(self.assemble(account, role.arn.to_string(), outcomes))
    }

    fn assess_absent(
        &self,
        account: &Account,
        baseline: &Baseline,
        connected: Option<bool>,
        beside: impl Iterator<Item = (CheckName, Outcome)>,
    ) -> Result<Assessment, ScanError> {
        let needed = match (self.baseline.presence, connected) {
            (Presence::Required | Presence::Forbidden, _) => true,
            (Presence::Optional, _) => false,
            (Presence::WhenConnected, Some(connected)) => connected,
            (Presence::WhenConnected, None) => return Err(usage_not_known()),
        };
        let exists = match needed {
            true => role_exists::absent(self, &account.id, baseline),
            false => Outcome::of(Verdict::Absent),
        };
        let mut outcomes = vec![(CheckName::RoleExists, exists)];
        // The service-linked role serves this one: where the absence of this one is fine, so is that of the other.
        let judged = self.judges(CheckName::RoleExists);
        let counts = |check: CheckName| judged || check != CheckName::ServiceLinkedRole;
        outcomes.extend(beside.filter(|(check, _)| needed && counts(*check)));
        let role_arn = self.expected_arn(&account.id).to_string();
        let mut assessment = self.assemble(account, role_arn, outcomes);
        // Where absence is not judged, nothing is: that is no compliance.
        assessment.applicable = needed && !assessment.checks.is_empty();
        Ok(assessment)
    }

    fn baseline_in(&self, account: &AccountId) -> Result<Arc<Baseline>, ScanError> {
        self.source.for_account(account).map_err(|e| {
            ScanError::new(UnknownReason::Internal, format!("the baseline cannot be read: {e}"))
        })
    }

    /// What all checks of the role itself say.
    fn outcomes(&self, case: &Case<'_>) -> Vec<(CheckName, Outcome)> {
        let presence_judged = self.judges(CheckName::RoleExists);
        if self.baseline.presence == Presence::Forbidden && presence_judged {
            return vec![(CheckName::RoleExists, role_exists::forbidden(case))];
        }
        let mut outcomes = vec![(CheckName::RoleExists, role_exists::present(case))];
        outcomes.extend(self.policies(case));
        outcomes.push((CheckName::RoleAttributes, role_attributes::check(case)));
        outcomes
    }

    /// What the checks of a role's policies say, whatever the role is called.
    fn policies(&self, case: &Case<'_>) -> [(CheckName, Outcome); 4] {
        let judged = inline_policy::judge(case);
        let (effective, works) = effective_permissions::check(case, judged.comparison.verdict);
        let inline = inline_policy::check(case, judged, effective.verdict, &works);
        let attached = attached_policies::check(case, effective.verdict, inline.verdict);
        [
            (CheckName::TrustPolicy, trust_policy::check(case)),
            (CheckName::InlinePolicy, inline),
            (CheckName::AttachedPolicies, attached),
            (CheckName::EffectivePermissions, effective.where_judged(|check| self.judges(check))),
        ]
    }

    /// Where the role is, if it is as it should be.
    fn expected_arn(&self, account: &AccountId) -> RoleArn {
        RoleArn {
            partition: self.partition.clone(),
            account: account.clone(),
            path: self.baseline.path.clone(),
            name: self.baseline.role_name.clone(),
        }
    }

    /// Names of the roles that must be read beside the expected one, for [`Usage::roles`].
    pub fn other_roles(&self, account: &AccountId, clusters: &[Cluster]) -> BTreeSet<String> {
        let mut names = connector_usage::others(&self.baseline.role_name, account, clusters);
        names.extend(self.looks_at_linked_role().then(|| LINKED_ROLE.to_owned()));
        names
    }

    /// The exceptions that cover nothing any more.
    pub fn expired_exceptions(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.expired()
    }

    /// Outcomes to findings.
    fn assemble(
        &self,
        account: &Account,
        role_arn: String,
        mut outcomes: Vec<(CheckName, Outcome)>,
    ) -> Assessment {
        self.accept_singly(account, &mut outcomes);
        let mut verdicts = BTreeMap::new();
        let mut checks = BTreeMap::new();
        let mut findings = Vec::new();
        let mut undecided = None;
        let mut said = Vec::new();
        for (check, outcome) in outcomes {
            verdicts.insert(check, outcome.verdict);
            if self.checks.disabled.contains(&check) {
                continue;
            }
            if outcome.verdict == Verdict::Undecided {
                let note = outcome.details.get("note").and_then(Value::as_str).unwrap_or_default();
                undecided.get_or_insert_with(|| Undecided { check, note: note.to_owned() });
            }
            said.extend(
                outcome.said_by.map(|(by, problem)| (by, self.finding(account, check, problem))),
            );
            findings.extend(
                outcome.problems.into_iter().map(|problem| self.finding(account, check, problem)),
            );
            checks
                .insert(check, CheckResult { verdict: outcome.verdict, details: outcome.details });
        }
        for (by, finding) in said {
            let says = |f: &Finding| f.check == by && f.severity >= finding.severity;
            // An exception about it is shown with what it covers, and keeps plans away.
            if finding.exception.is_some() || !findings.iter().any(says) {
                findings.push(finding);
            }
        }
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
        Assessment { role_arn, verdicts, checks, findings, undecided, applicable: true }
    }

    /// The configured severity replaces the computed one. What is fine as it is stays information, trust that reaches
    /// beyond the account is never lowered, and what is wrong with another role is as bad as it is.
    fn severity(&self, check: CheckName, problem: &Problem) -> Severity {
        let computed = problem.severity;
        match self.checks.severity.get(&check) {
            Some(configured) if computed != Severity::Info => {
                if problem.subject.is_of_another_role() {
                    computed
                } else if problem.reaches_beyond {
                    computed.max(*configured)
                } else {
                    *configured
                }
            }
            Some(_) | None => computed,
        }
    }

    fn finding(&self, account: &Account, check: CheckName, problem: Problem) -> Finding {
        Finding {
            id: problem.subject.id(&account.id, check),
            check,
            verdict: problem.verdict,
            severity: self.severity(check, &problem),
            summary: crate::model::printable_line(&problem.summary, LONGEST_SUMMARY),
            witnesses: problem.witnesses,
            diff: diff::lines(&problem.actual, &problem.expected),
            expected: problem.expected,
            actual: problem.actual,
            // What is accepted stays: no command takes it away.
            fix: if problem.exception.is_some() { Vec::new() } else { problem.fix },
            first_seen: None,
            exception: problem.exception,
        }
    }
}

fn usage_not_known() -> ScanError {
    ScanError::new(
        UnknownReason::Undecided,
        "there is no such role, and whether a connected cluster needs one is not known",
    )
    .hint("`baseline.presence: when-connected` asks EKS, which only a scan does")
}

#[cfg(test)]
pub(crate) mod tests;
