//! Every operation x every fault x every position x once, five times, for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rolewarden::config::{Config, ManagementAccount};
use rolewarden::model::{AccountId, UnknownReason as R};
use rolewarden::simulator::{
    Direct, Fault, Kind, ManagedPolicy, On, Operation, Rule, World, generate,
};

use crate::support::{Outcome, Truth, config, in_virtual_time, scan};

/// How long a fault lasts.
const LASTING: [(&str, u64); 3] = [("once", 1), ("five times", 5), ("for ever", u64::MAX)];

/// What a fault that lasts does to a read of an account.
enum Lasting {
    /// The account is unknown, for one of these reasons.
    Unknown(&'static [R]),
    /// The same where the answer has what the fault spoils; the account is what it is elsewhere.
    WhereItApplies(&'static [R]),
    /// Nothing: the answer is late, or says the same in another way.
    Nothing,
}

/// Matched without `_`: a new fault must be decided here.
fn lasting(fault: Fault) -> Lasting {
    use Lasting::{Nothing, Unknown, WhereItApplies};
    if Fault::THROTTLES.contains(&fault) {
        return Unknown(&[R::Throttled]);
    }
    match fault {
        Fault::Denied => Unknown(&[R::AssumeDenied, R::AccessDenied]),
        Fault::ScpDenied | Fault::RcpDenied => Unknown(&[R::ScpDenied]),
        Fault::Throttled | Fault::RetryAfter(_) => Unknown(&[R::Throttled]),
        Fault::Error(504, _) => Unknown(&[R::AwsError, R::Timeout]),
        Fault::ServerError | Fault::Error(..) | Fault::Status(_) | Fault::NotInUse => {
            Unknown(&[R::AwsError])
        }
        Fault::NoSuchEntity => Unknown(&[R::Unstable]),
        Fault::AccountGone => Unknown(&[R::AccountGone, R::AwsError, R::AssumeDenied]),
        Fault::RegionDisabled | Fault::ExpiredToken | Fault::InvalidToken => {
            Unknown(&[R::AwsError])
        }
        Fault::ClockSkew(_) => Unknown(&[R::Clock]),
        Fault::Slow(_) => Nothing,
        Fault::Hangs | Fault::AnswerHangs | Fault::Trickles => Unknown(&[R::Timeout]),
        Fault::Reset | Fault::AnswerLost | Fault::CutBody(_) => Unknown(&[R::Network]),
        Fault::Short(_)
        | Fault::Malformed
        | Fault::Garbled
        | Fault::InvalidUtf8
        | Fault::Utf16
        | Fault::EmptyBody
        | Fault::HtmlPage
        | Fault::WrongRoot
        | Fault::WrongNamespace
        | Fault::Doctype
        | Fault::EntityBomb
        | Fault::Nested(_)
        | Fault::HugeBody
        | Fault::HugeStream
        | Fault::BrokenGzip
        | Fault::GzipBomb
        | Fault::UnknownEncoding => Unknown(&[R::MalformedResponse]),
        Fault::Without(_)
        | Fault::Empty(_)
        | Fault::TruncatedWithoutMarker
        | Fault::RepeatingMarker
        | Fault::EndlessMarkers => WhereItApplies(&[R::MalformedResponse]),
        Fault::WrongAccount => WhereItApplies(&[R::WrongAccount, R::MalformedResponse]),
    }
}

/// Four accounts, each with a boundary that cuts nothing, so that every read of a role happens in each: three that are
/// entered, of which one drifted, and the hub.
fn world() -> (World, Vec<AccountId>) {
    let mut world = generate(7, 60);
    let own = [world.hub.clone(), world.management.clone()];
    let pick = |kind| world.of_kind(kind).find(|id| !own.contains(id)).unwrap().clone();
    let picked = [pick(Kind::Eksctl), pick(Kind::Everyone)];
    world.accounts.retain(|id, _| own.contains(id) || picked.contains(id));
    let everything: Arc<str> =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#
            .into();
    for (id, member) in &mut world.accounts {
        let arn = format!("arn:aws:iam::{id}:policy/everything");
        let policy = ManagedPolicy { document: Arc::clone(&everything), version: 3 };
        member.policies.insert(arn.clone(), policy);
        member.roles.values_mut().for_each(|role| role.boundary = Some(arn.clone()));
    }
    let entered = world.ids().filter(|id| **id != world.hub).cloned().collect();
    (world, entered)
}

/// A configuration that needs every call of Organizations.
fn choosy(world: &World) -> Config {
    let mut config = config("");
    config.accounts.management_account = ManagementAccount::Skip;
    config.accounts.include.ous.insert(world.root_id.clone());
    config.accounts.exclude.tags.insert("team".to_owned(), ["nobody".to_owned()].into());
    config
}

/// Counts of what happened, for the last line.
#[derive(Default)]
struct Figures {
    runs: usize,
    whole: usize,
    /// Faults that made an account unknown, or the list unreadable.
    felt: BTreeSet<String>,
    /// Reasons that do not fit.
    wrong: Vec<String>,
}

impl Figures {
    fn say(&self, operation: Operation) {
        println!(
            "{}: {} runs, {} faults felt, {} runs read everything; 0 false compliant, 0 false drift",
            operation.as_str(),
            self.runs,
            self.felt.len(),
            self.whole
        );
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

/// Every fault on one read of an account.
fn account_call(operation: Operation) {
    let (world, entered) = world();
    let config = config("");
    let truth = Truth::of(&config, &world);
    let mut figures = Figures::default();
    for fault in Fault::examples() {
        for (position, id) in entered.iter().enumerate() {
            for (name, times) in LASTING {
                let mut world = world.clone();
                let rule = Rule::first(times, On::Only(operation), fault);
                world.accounts.get_mut(id).unwrap().faults = vec![rule];
                let seed = figures.runs as u64;
                let outcome = in_virtual_time(seed, scan(&config, &Direct::new(world)));
                let case = format!("{} {fault} {name}, account {position}", operation.as_str());
                truth.holds(&outcome, &case);
                figures.wrong.extend(
                    wrong_of(id, &truth, &outcome, fault, times)
                        .map(|what| format!("{case}: {what}")),
                );
                figures.runs += 1;
                figures.whole += usize::from(truth.is_whole(&outcome));
                if outcome.reason(id).is_some() {
                    figures.felt.insert(fault.to_string());
                }
            }
        }
    }
    figures.say(operation);
}

/// What does not fit: the reason, or that others suffer.
fn wrong_of(
    id: &AccountId,
    truth: &Truth,
    outcome: &Outcome,
    fault: Fault,
    times: u64,
) -> Option<String> {
    let others = outcome.unknown().into_iter().filter(|(other, _)| other != id);
    let others: BTreeMap<_, _> = others.collect();
    let reason = outcome.reason(id);
    let told = |reasons: &[R]| reason.is_some_and(|reason| reasons.contains(&reason));
    let fits = match lasting(fault) {
        Lasting::Unknown(reasons) if times == u64::MAX => told(reasons),
        Lasting::Unknown(reasons) | Lasting::WhereItApplies(reasons) => {
            reason.is_none() || told(reasons)
        }
        Lasting::Nothing => truth.is_whole(outcome),
    };
    (!fits || !others.is_empty()).then(|| format!("{reason:?}, others {others:?}"))
}

#[test]
fn faults_of_assume_role() {
    account_call(Operation::AssumeRole);
}

#[test]
fn faults_of_get_role() {
    account_call(Operation::GetRole);
}

#[test]
fn faults_of_list_role_policies() {
    account_call(Operation::ListRolePolicies);
}

#[test]
fn faults_of_get_role_policy() {
    account_call(Operation::GetRolePolicy);
}

#[test]
fn faults_of_list_attached_role_policies() {
    account_call(Operation::ListAttachedRolePolicies);
}

#[test]
fn faults_of_get_policy() {
    account_call(Operation::GetPolicy);
}

#[test]
fn faults_of_get_policy_version() {
    account_call(Operation::GetPolicyVersion);
}

/// Every fault on one call that concerns the whole organization: without its answer there is no scan.
fn organization_call(operation: Operation) {
    let (world, _) = world();
    let config = choosy(&world);
    let truth = Truth::of(&config, &world);
    let mut figures = Figures::default();
    for fault in Fault::examples() {
        for (name, times) in LASTING {
            let mut world = world.clone();
            world.faults = vec![Rule::first(times, On::Only(operation), fault)];
            let seed = figures.runs as u64;
            let outcome = in_virtual_time(seed, scan(&config, &Direct::new(world)));
            let case = format!("{} {fault} {name}", operation.as_str());
            truth.holds(&outcome, &case);
            let whole = truth.is_whole(&outcome);
            let failed = outcome.accounts.is_err();
            // JSON has no namespaces.
            let spared =
                fault == Fault::WrongNamespace && operation != Operation::GetCallerIdentity;
            let fits = match lasting(fault) {
                Lasting::Unknown(_) if spared => whole,
                Lasting::Unknown(_) if times == u64::MAX => failed,
                Lasting::Unknown(_) | Lasting::WhereItApplies(_) => whole || failed,
                Lasting::Nothing => whole,
            };
            if !fits {
                figures.wrong.push(format!("{case}: read everything: {whole}"));
            }
            figures.runs += 1;
            figures.whole += usize::from(whole);
            if failed {
                figures.felt.insert(fault.to_string());
            }
        }
    }
    figures.say(operation);
}

#[test]
fn faults_of_get_caller_identity() {
    organization_call(Operation::GetCallerIdentity);
}

#[test]
fn faults_of_describe_organization() {
    organization_call(Operation::DescribeOrganization);
}

#[test]
fn faults_of_list_accounts() {
    organization_call(Operation::ListAccounts);
}

#[test]
fn faults_of_list_roots() {
    organization_call(Operation::ListRoots);
}

#[test]
fn faults_of_list_organizational_units_for_parent() {
    organization_call(Operation::ListOrganizationalUnitsForParent);
}

#[test]
fn faults_of_list_tags_for_resource() {
    organization_call(Operation::ListTagsForResource);
}
