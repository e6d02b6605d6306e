//! Presence `when-connected` against the simulated organization: what is asked of EKS, what is believed, what is made of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rolewarden::aws::{Aws, Connect, RoleReader};
use rolewarden::check::Rules;
use rolewarden::config::{Config, OwnAccount, Presence, SessionPolicy};
use rolewarden::model::{
    Account, AccountId, AccountReport, AccountResult, CheckName, UnknownReason as R,
};
use rolewarden::simulator::{
    Cluster, Fault, Kind, On, Operation, Role, Rule, Running, Server, generate,
};
use rolewarden::sweep::{self, Limits, Progress};
use tokio_util::sync::CancellationToken;

use crate::canned;

const ROLE: &str = "AmazonEKSConnectorAgentRole";
const OPEN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com","AWS":"*"},"Action":"sts:AssumeRole"}}"#;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

fn config() -> Config {
    let mut config = canned::config();
    config.baseline.presence = Presence::WhenConnected;
    config.baseline.regions = REGIONS.map(str::to_owned).into();
    config.baseline.inline_policy_name = "AmazonEKSConnectorAgentPolicy".to_owned();
    config.baseline.max_session_duration = Duration::from_secs(3600);
    config
}

/// A simulated organization and one of its accounts, of this kind.
struct Place {
    server: Running,
    id: AccountId,
}

impl Place {
    async fn of(kind: Kind) -> Self {
        let server = Server::start(generate(7, 72)).await.unwrap();
        let id = server.change(|world| world.of_kind(kind).last().cloned()).unwrap();
        Self { server, id }
    }

    fn account(&self) -> Account {
        Account::numbered(self.id.clone())
    }

    fn arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.id)
    }

    /// Connected clusters in the first region, one for each role, and an ordinary one in each region.
    fn clusters(&self, roles: &[&str]) {
        let ordinary = |region: &&str| Cluster {
            connected_role: None,
            ..Cluster::connected(region, "ordinary", "")
        };
        let connected = roles.iter().enumerate();
        let connected =
            connected.map(|(n, arn)| Cluster::connected(REGIONS[0], &format!("c{n}"), arn));
        let clusters = REGIONS.iter().map(ordinary).chain(connected).collect();
        self.server.change(|world| world.accounts.get_mut(&self.id).unwrap().clusters = clusters);
    }

    /// The right role once more under another name, with a change.
    fn role(&self, name: &str, change: impl FnOnce(&mut Role)) {
        self.server.change(|world| {
            let right = world.of_kind(Kind::GuideCli).next().cloned().unwrap();
            let mut role = world.accounts[&right].roles[ROLE].clone();
            change(&mut role);
            world.accounts.get_mut(&self.id).unwrap().roles.insert(name.to_owned(), role);
        });
    }

    fn faults(&self, rules: Vec<Rule>) {
        self.server.change(|world| world.accounts.get_mut(&self.id).unwrap().faults = rules);
    }

    async fn connect(&self, config: &Config) -> Aws {
        let connect = Connect {
            endpoint: Some(self.server.endpoint()),
            credentials: Some(self.server.credentials()),
            ..Connect::default()
        };
        Aws::connect_with(config, connect).await.unwrap()
    }

    async fn sweep(&self, config: &Config) -> AccountReport {
        self.sweep_with(&Arc::new(self.connect(config).await), config).await
    }

    async fn sweep_with(&self, aws: &Arc<Aws>, config: &Config) -> AccountReport {
        let today = "2026-11-24".parse().unwrap();
        let rules = Arc::new(Rules::new(config, aws.partition().clone(), None, today));
        let limits = Limits { concurrency: 4, account_timeout: config.sweep.account_timeout };
        let clock = jiff::Timestamp::now;
        let token = CancellationToken::new();
        let accounts = vec![self.account()];
        let mut swept =
            sweep::sweep(aws, &rules, accounts, limits, clock, &token, &mut Silent).await;
        swept.accounts.remove(0)
    }

    fn eks_calls(&self) -> u64 {
        let calls = self.server.calls();
        calls.of(Operation::ListClusters) + calls.of(Operation::DescribeCluster)
    }
}

struct Silent;

impl Progress for Silent {
    fn account_done(&mut self, _: &AccountReport, _: Duration) {}
}

/// The state, then each finding of usage and presence: check, verdict, severity. Or why there is none.
fn said(report: &AccountReport) -> Vec<String> {
    match &report.result {
        AccountResult::Skipped(reason) => vec![format!("skipped {}", reason.as_str())],
        AccountResult::Unknown(error) => {
            let operation = error.operation.as_deref().unwrap_or_default();
            vec![format!("unknown {} {operation}", error.reason.as_str())]
        }
        AccountResult::Judged { state, findings, .. } => {
            let finding = |f: &rolewarden::model::Finding| {
                format!("{} {} {}", f.check.as_str(), f.verdict.as_str(), f.severity.as_str())
            };
            let state = state.as_str().to_owned();
            std::iter::once(state).chain(findings.iter().map(finding)).collect()
        }
    }
}

#[tokio::test]
async fn presence_and_clusters_decide_together() {
    let own = ROLE;
    let (absent, low) = ("role-exists absent high", "connector-usage excess low");
    let cases: [(&str, Kind, &[&str], &[&str]); 9] = [
        ("present, none", Kind::GuideCli, &[], &["compliant"]),
        ("present, own", Kind::GuideCli, &[own, own], &["compliant"]),
        ("present, other", Kind::GuideCli, &["other"], &["drifted", low]),
        (
            "present, open",
            Kind::GuideCli,
            &["open"],
            &["drifted", "connector-usage excess critical", low],
        ),
        (
            "present, missing",
            Kind::GuideCli,
            &["missing"],
            &["drifted", "connector-usage absent high"],
        ),
        ("absent, none", Kind::Absent, &[], &["not_applicable"]),
        ("absent, own", Kind::Absent, &[own], &["drifted", absent, "connector-usage absent high"]),
        ("absent, other", Kind::Absent, &["other"], &["drifted", absent, low]),
        (
            "absent, missing",
            Kind::Absent,
            &["missing"],
            &["drifted", absent, "connector-usage absent high"],
        ),
    ];
    for (case, kind, roles, want) in cases {
        let place = Place::of(kind).await;
        place.server.change(|world| world.check_signatures = true);
        place.role("other", |_| {});
        place.role("open", |role| role.trust = OPEN.into());
        let arns: Vec<String> = roles.iter().map(|name| place.arn(name)).collect();
        place.clusters(&arns.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said(&place.sweep(&config()).await), want, "case `{case}`");
    }
}

#[tokio::test]
async fn eks_is_never_asked_with_another_presence() {
    for kind in [Kind::GuideCli, Kind::Absent] {
        let place = Place::of(kind).await;
        place.clusters(&[&place.arn("missing")]);
        for presence in [Presence::Required, Presence::Optional, Presence::Forbidden] {
            let mut config = config();
            config.baseline.presence = presence;
            let report = place.sweep(&config).await;
            assert!(matches!(report.result, AccountResult::Judged { .. }), "{report:?}");
            assert!(!said(&report).iter().any(|line| line.starts_with("connector-usage")));
        }
        assert_eq!(place.eks_calls(), 0);
    }
}

#[tokio::test]
async fn what_eks_does_not_tell_leaves_the_account_unknown() {
    let (list, describe) =
        (On::Only(Operation::ListClusters), On::Only(Operation::DescribeCluster));
    let cases = [
        (list, Fault::Denied, "unknown access_denied eks:ListClusters"),
        (describe, Fault::Denied, "unknown access_denied eks:DescribeCluster"),
        (list, Fault::ScpDenied, "unknown scp_denied eks:ListClusters"),
        (On::Eks, Fault::Throttled, "unknown throttled eks:ListClusters"),
        (On::Eks, Fault::ServerError, "unknown aws_error eks:ListClusters"),
        (On::Eks, Fault::Hangs, "unknown timeout eks:ListClusters"),
        (On::Eks, Fault::ClockSkew(86_400), "unknown clock eks:ListClusters"),
        (list, Fault::Without("clusters"), "unknown malformed_response eks:ListClusters"),
        (describe, Fault::Without("cluster"), "unknown malformed_response eks:DescribeCluster"),
        (describe, Fault::Without("arn"), "unknown malformed_response eks:DescribeCluster"),
        (
            describe,
            Fault::Without("connectorConfig"),
            "unknown malformed_response eks:DescribeCluster",
        ),
        (
            describe,
            Fault::Error(404, "ResourceNotFoundException"),
            "unknown unstable eks:DescribeCluster",
        ),
        (describe, Fault::Empty("name"), "unknown malformed_response eks:DescribeCluster"),
        (describe, Fault::WrongAccount, "unknown wrong_account eks:DescribeCluster"),
        (list, Fault::CutBody(15), "unknown network eks:ListClusters"),
        (On::Only(Operation::AssumeRole), Fault::Denied, "unknown assume_denied sts:AssumeRole"),
    ];
    for kind in [Kind::GuideCli, Kind::Absent] {
        for (on, fault, want) in cases {
            let place = Place::of(kind).await;
            place.clusters(&[&place.arn(ROLE)]);
            place.faults(vec![Rule::always(on, fault)]);
            let mut config = config();
            config.sweep.attempt_timeout = Duration::from_millis(300);
            config.sweep.max_attempts = 1;
            let report = place.sweep(&config).await;
            assert_eq!(said(&report), [want], "case {kind:?} {fault}");
            let AccountResult::Unknown(error) = &report.result else { panic!("{report:?}") };
            let action = error.operation.clone().unwrap();
            if error.reason == R::AccessDenied {
                let hint = error.hint.as_deref().unwrap_or_default();
                assert!(hint.contains(&action), "case {fault}: {hint}");
            }
            if action.starts_with("eks:") {
                assert!(
                    error.message.contains("region eu-west-1")
                        || error.message.contains("region us-east-1"),
                    "{error:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn one_broken_answer_is_asked_for_again_and_a_cluster_that_is_not_found_once_too() {
    let place = Place::of(Kind::GuideCli).await;
    place.clusters(&[&place.arn("missing")]);
    let once = |on, fault| Rule::first(1, on, fault);
    place.faults(vec![
        once(On::Only(Operation::ListClusters), Fault::ServerError),
        once(On::Only(Operation::DescribeCluster), Fault::Throttled),
    ]);
    let report = place.sweep(&config()).await;
    assert_eq!(said(&report), ["drifted", "connector-usage absent high"]);
    let gone = Fault::Error(404, "ResourceNotFoundException");
    for fault in [gone, Fault::Without("connectorConfig")] {
        place.server.reset_calls();
        place.faults(vec![Rule::first(3, On::Only(Operation::DescribeCluster), fault)]);
        let report = place.sweep(&config()).await;
        assert_eq!(said(&report), ["drifted", "connector-usage absent high"], "case {fault}");
    }
}

#[tokio::test]
async fn a_cluster_that_went_after_it_was_listed_is_no_error_and_one_that_came_is_seen() {
    let place = Arc::new(Place::of(Kind::GuideCli).await);
    place.clusters(&[&place.arn("missing")]);
    // What is answered is decided when a call arrives: so the list still has the cluster that is not described any more.
    place.server.change(|world| world.latency = Duration::from_millis(300));
    let (watched, missing) = (Arc::clone(&place), place.arn("missing-too"));
    let changing = tokio::spawn(async move {
        while watched.server.calls().of(Operation::ListClusters) < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        watched.server.change(|world| {
            let clusters = &mut world.accounts.get_mut(&watched.id).unwrap().clusters;
            clusters.retain(|cluster| cluster.connected_role.is_none());
            clusters.push(Cluster::connected(REGIONS[0], "newer", &missing));
        });
    });
    let report = place.sweep(&config()).await;
    changing.await.unwrap();
    assert_eq!(said(&report), ["drifted", "connector-usage absent high"]);
    assert!(format!("{report:?}").contains("missing-too"), "{report:?}");
    assert!(!format!("{report:?}").contains("role/missing\""), "{report:?}");
}

#[tokio::test]
async fn every_page_is_read_and_every_name_described() {
    let place = Place::of(Kind::GuideCli).await;
    let roles: Vec<String> = (0..9).map(|n| place.arn(&format!("missing-{n}"))).collect();
    place.clusters(&roles.iter().map(String::as_str).collect::<Vec<_>>());
    place.server.change(|world| world.iam_page = 2);
    let report = place.sweep(&config()).await;
    assert_eq!(report.findings().len(), 9, "{report:?}");
    let calls = place.server.calls();
    let count = |operation| calls.of_in(operation, &place.id);
    assert_eq!((count(Operation::ListClusters), count(Operation::DescribeCluster)), (5 + 1, 9 + 2));
}

#[tokio::test]
async fn clusters_are_asked_for_again_only_when_their_time_is_up() {
    let place = Place::of(Kind::GuideCli).await;
    place.clusters(&[&place.arn("other")]);
    place.role("other", |_| {});
    let mut config = config();
    let aws = Arc::new(place.connect(&config).await);
    let first = place.sweep_with(&aws, &config).await;
    let calls = place.eks_calls();
    assert_eq!(calls, 2 + 3);
    place.clusters(&[]);
    let second = place.sweep_with(&aws, &config).await;
    assert_eq!((said(&first), place.eks_calls()), (said(&second), calls), "kept for an hour");
    // The roles that clusters name are read each time.
    place.server.change(|world| world.accounts.get_mut(&place.id).unwrap().roles.remove("other"));
    assert_eq!(
        said(&place.sweep_with(&aws, &config).await),
        ["drifted", "connector-usage absent high"]
    );
    let sent = aws.traffic().operations;
    let sent = sent.iter().filter(|of| of.parts().0 == "eks").map(|of| of.calls).sum::<u64>();
    assert_eq!(sent, calls);
    // Nothing is kept of what failed, nor beyond its time.
    config.baseline.cluster_refresh = Duration::ZERO;
    let aws = Arc::new(place.connect(&config).await);
    place.faults(vec![Rule::first(1, On::Only(Operation::ListClusters), Fault::Denied)]);
    place.server.reset_calls();
    assert_eq!(
        said(&place.sweep_with(&aws, &config).await)[0],
        "unknown access_denied eks:ListClusters"
    );
    for _ in 0..2 {
        assert_eq!(said(&place.sweep_with(&aws, &config).await), ["compliant"]);
    }
    let listed = place.server.calls().of(Operation::ListClusters);
    assert!((5..=6).contains(&listed), "{listed}");
}

#[tokio::test]
async fn the_narrow_session_allows_what_is_needed_and_no_more() {
    for policy in [SessionPolicy::Narrow, SessionPolicy::None] {
        let place = Place::of(Kind::GuideCli).await;
        place.role("other", |_| {});
        place.clusters(&[&place.arn("other")]);
        let mut config = config();
        config.access.session_policy = policy;
        let report = place.sweep(&config).await;
        assert_eq!(said(&report), ["drifted", "connector-usage excess low"], "case {policy:?}");
        // The scan role itself must allow it.
        place.server.change(|world| {
            let scan = world.access.everywhere.get_mut("rolewarden-scan").unwrap();
            scan.allows.retain(|action| action != "eks:DescribeCluster");
        });
        let report = place.sweep(&config).await;
        assert_eq!(said(&report), ["unknown access_denied eks:DescribeCluster"]);
        // Another presence neither needs it nor gets it.
        config.baseline.presence = Presence::Required;
        let report = place.sweep(&config).await;
        assert_eq!(said(&report), ["compliant"]);
    }
}

#[tokio::test]
async fn the_own_account_is_asked_with_the_base_credentials() {
    let mut place = Place::of(Kind::GuideCli).await;
    place.id = place.server.change(|world| world.hub.clone());
    place.clusters(&[&place.arn("missing")]);
    let mut config = config();
    config.access.own_account = OwnAccount::Direct;
    let report = place.sweep(&config).await;
    assert_eq!(said(&report), ["drifted", "connector-usage absent high"]);
    assert_eq!(place.server.calls().of(Operation::AssumeRole), 0);
    place.faults(vec![Rule::always(On::Eks, Fault::Denied)]);
    let report = place.sweep(&config).await;
    let AccountResult::Unknown(error) = &report.result else { panic!("{report:?}") };
    assert!(error.hint.as_deref().unwrap_or_default().contains("base credentials"), "{error:?}");
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_once() {
    let place = Place::of(Kind::GuideCli).await;
    place.clusters(&[&place.arn(ROLE)]);
    place.faults(vec![Rule::first(1, On::Only(Operation::ListClusters), Fault::ExpiredToken)]);
    assert_eq!(said(&place.sweep(&config()).await), ["compliant"]);
    assert_eq!(place.server.calls().of_in(Operation::AssumeRole, &place.id), 2);
}

#[tokio::test]
async fn the_report_names_the_clusters_looked_at() {
    let place = Place::of(Kind::GuideCli).await;
    place.clusters(&[&place.arn(ROLE)]);
    let report = place.sweep(&config()).await;
    let AccountResult::Judged { checks, .. } = &report.result else { panic!("{report:?}") };
    let usage = serde_json::to_value(&checks[&CheckName::ConnectorUsage]).unwrap();
    let want = serde_json::json!({
        "verdict": "equivalent",
        "clusters": [{"name": "c0", "region": "eu-west-1", "role_arn": place.arn(ROLE), "status": "ACTIVE"}],
    });
    assert_eq!(usage, want);
    let judged: BTreeSet<CheckName> = checks.keys().copied().collect();
    let by_default = CheckName::ALL.into_iter().filter(|c| *c != CheckName::ServiceLinkedRole);
    assert_eq!(judged, by_default.collect());
}
