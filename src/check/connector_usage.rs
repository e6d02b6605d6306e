//! `connector-usage`: every connected cluster works with the expected role. Another role is judged in its place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::baseline::Baseline;
use super::{About, Case, Outcome, Problem, Rules, Subject, words};
use crate::model::{
    AccountId, Cluster, Role, RoleArn, Severity, Snapshot, Verdict, printable_line,
};

/// Clusters a summary names.
const NAMED: usize = 3;

/// What is known of the account beside its role.
pub(super) struct Place<'a> {
    pub(super) rules: &'a Rules,
    pub(super) account: &'a AccountId,
    pub(super) baseline: &'a Baseline,
}

/// Names of the roles in this account that the clusters use beside the expected one.
pub(super) fn others(
    expected: &str,
    account: &AccountId,
    clusters: &[Cluster],
) -> BTreeSet<String> {
    let arns = clusters.iter().filter_map(|cluster| cluster.role_arn.parse::<RoleArn>().ok());
    // IAM tells names apart without their case.
    arns.filter(|arn| arn.account == *account && !arn.name.eq_ignore_ascii_case(expected))
        .map(|arn| arn.name)
        .collect()
}

/// `snapshot`: the expected role.
pub(super) fn check(
    place: &Place<'_>,
    snapshot: &Snapshot,
    clusters: &[Cluster],
    roles: &BTreeMap<String, Snapshot>,
) -> Outcome {
    let mut by_role: BTreeMap<&str, Vec<&Cluster>> = BTreeMap::new();
    for cluster in clusters {
        by_role.entry(&cluster.role_arn).or_default().push(cluster);
    }
    let mut found = Found::default();
    for (named, clusters) in by_role {
        User { place, named, clusters }.judge(snapshot, roles, &mut found);
    }
    let worst = found.problems.iter().rev().max_by_key(|problem| problem.severity);
    let verdict = match (&found.undecided, worst) {
        (Some(_), _) => Verdict::Undecided,
        (None, Some(problem)) => problem.verdict,
        (None, None) => Verdict::Equivalent,
    };
    let mut outcome = Outcome::of(verdict).detail("clusters", shown(clusters));
    if let Some(note) = found.undecided {
        outcome = outcome.detail("note", note);
    }
    found.problems.into_iter().fold(outcome, Outcome::problem)
}

/// What is wrong, and why more may be.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    undecided: Option<String>,
}

fn shown(clusters: &[Cluster]) -> Value {
    let text = |text: &str| printable_line(text, 256);
    let shown = clusters.iter().map(|cluster| {
        json!({
            "name": text(&cluster.name), "region": text(&cluster.region),
            "role_arn": text(&cluster.role_arn), "status": text(&cluster.status),
        })
    });
    Value::Array(shown.collect())
}

/// The clusters that name one role.
struct User<'a> {
    place: &'a Place<'a>,
    named: &'a str,
    clusters: Vec<&'a Cluster>,
}

impl User<'_> {
    fn judge(&self, expected: &Snapshot, others: &BTreeMap<String, Snapshot>, found: &mut Found) {
        let Ok(arn) = self.named.parse::<RoleArn>() else {
            let what = if self.named.is_empty() { "no role" } else { "what is no role of IAM" };
            return found.problems.push(self.useless(Verdict::Invalid, what));
        };
        if arn.account != *self.place.account {
            let what = format!("{arn}, a role of another account");
            return found.problems.push(self.useless(Verdict::Absent, &what));
        }
        let is_expected = arn.name.eq_ignore_ascii_case(&self.place.rules.baseline.role_name);
        let snapshot = if is_expected { Some(expected) } else { others.get(&arn.name) };
        match snapshot {
            None => found.undecided = Some(format!("role {} was not read", arn.name)),
            Some(Snapshot::Present(role)) if role.arn == arn => {
                if !is_expected {
                    self.other(role, found);
                }
            }
            // A name is there once, whatever the path: the role at the path that is named is not there.
            Some(Snapshot::Present(_) | Snapshot::Absent) => {
                let what = format!("{arn}, which does not exist");
                found.problems.push(self.useless(Verdict::Absent, &what));
            }
        }
    }

    /// They work with another role than the expected one: that, and what is wrong with it.
    fn other(&self, role: &Role, found: &mut Found) {
        let Place { rules, account, baseline } = *self.place;
        let case = Case { rules, account, baseline, role };
        let (clusters, uses) = self.subject();
        let name = &role.arn.name;
        let instead = &rules.baseline.role_name;
        let summary = format!("{clusters} {uses} role {name} instead of {instead}");
        found.problems.push(self.problem("other", Verdict::Excess, Severity::Low, summary));
        let outcomes = rules.policies(&case).into_iter();
        for (check, outcome) in outcomes.filter(|(c, _)| !rules.checks.disabled.contains(c)) {
            if outcome.verdict == Verdict::Undecided {
                let note = outcome.details.get("note").and_then(Value::as_str).unwrap_or_default();
                found.undecided = Some(format!("role {name}: {}: {note}", check.as_str()));
            }
            found.problems.extend(outcome.problems.into_iter().map(|problem| Problem {
                subject: problem.subject.of(&role.arn, check),
                summary: format!("role {name} of {clusters}: {}", problem.summary),
                ..problem
            }));
        }
    }

    /// As `cluster a (us-east-1) uses`.
    fn subject(&self) -> (String, &'static str) {
        let name = |cluster: &&Cluster| format!("{} ({})", cluster.name, cluster.region);
        let mut named: Vec<String> = self.clusters.iter().take(NAMED).map(name).collect();
        if let more @ 1.. = self.clusters.len().saturating_sub(NAMED) {
            named.push(format!("{more} more"));
        }
        match self.clusters.len() {
            1 => (format!("cluster {}", words::list(&named)), "uses"),
            _ => (format!("clusters {}", words::list(&named)), "use"),
        }
    }

    /// They name a role that cannot be theirs.
    fn useless(&self, verdict: Verdict, what: &str) -> Problem {
        let (clusters, uses) = self.subject();
        let summary = format!("{clusters} {uses} {what}: the connector cannot work");
        self.problem("useless", verdict, Severity::High, summary)
    }

    fn problem(
        &self,
        cause: &str,
        verdict: Verdict,
        severity: Severity,
        summary: String,
    ) -> Problem {
        let Place { rules, account, .. } = self.place;
        let actual = printable_line(self.named, 2_048);
        Problem {
            verdict,
            severity,
            summary,
            witnesses: Vec::new(),
            expected: json!(rules.expected_arn(account).to_string()),
            actual: json!(actual),
            fix: Vec::new(),
            ..Problem::about(Subject::new(About::Usage, format!("{cause} {}", self.named)))
        }
    }
}
