//! How far a trust policy lets requests in: for each excess witness the widest class of callers that its conditions let
//! through, which gives the words, the severity and values that a reader can try. The table stands in `docs/checks.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::requesters::{
    ExternalId, Identity, Membership, STRANGER, federated, principal, service,
};
use crate::model::{AccountId, Needs, Scope, Severity, Witness};
use crate::policy::{Fact, Facts, Holds, Policy, Test, Way, public_provider, spelled};

/// What a grant beyond the baseline amounts to.
pub(super) struct Grant {
    pub(super) who: Who,
    pub(super) severity: Severity,
    /// The request, with what it needs.
    pub(super) witness: Witness,
}

/// Who may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Anyone with an AWS account.
    World,
    /// Anyone with an AWS account who knows the external id.
    WorldWithExternalId,
    /// Anyone with an account at a public identity provider.
    PublicIdentity(&'static str),
    /// Those identities of a public provider that the condition names.
    SomeIdentities(&'static str),
    /// Anyone in an organization; `foreign`: it is known to be another one than the account's.
    Organization { id: String, foreign: bool },
    /// A principal of another account; `narrowed`: by an external id or by the account's own organization.
    Elsewhere { narrowed: bool },
    /// A principal of this account, or a provider that it has set up.
    Here,
    /// A service of AWS; `for_others`: also where it acts for other accounts.
    Service { for_others: bool },
    /// The principal was deleted.
    Deleted,
    /// The condition never holds.
    Never,
}

/// What stands between the callers and the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Narrowing {
    None,
    /// A condition that is understood, and lets this class in.
    Understood,
    /// A condition that nothing is known of.
    Opaque,
}

impl Who {
    /// Whether those who may come are not of this account. A service needs an accomplice within.
    pub(super) fn reaches_beyond(&self) -> bool {
        match self {
            Self::World
            | Self::WorldWithExternalId
            | Self::PublicIdentity(_)
            | Self::SomeIdentities(_)
            | Self::Organization { .. }
            | Self::Elsewhere { .. } => true,
            Self::Here | Self::Service { .. } | Self::Deleted | Self::Never => false,
        }
    }

    /// The table of `docs/checks.md`: an opaque condition takes one step off at most, and nothing below high reaches beyond
    /// the account.
    fn severity(&self, narrowing: Narrowing) -> Severity {
        match (self, narrowing) {
            (Self::Deleted | Self::Never, _) => Severity::Low,
            (
                Self::World
                | Self::PublicIdentity(_)
                | Self::Organization { foreign: true, .. }
                | Self::Elsewhere { narrowed: false },
                Narrowing::None | Narrowing::Understood,
            ) => Severity::Critical,
            (Self::Here, Narrowing::None)
            | (Self::Service { .. }, Narrowing::None)
            | (Self::Service { for_others: true }, Narrowing::Understood) => Severity::High,
            (Self::Here | Self::Service { .. }, _) => Severity::Medium,
            _ => Severity::High,
        }
    }
}

/// One class of callers to try.
struct Class {
    who: Who,
    facts: Facts,
    /// Who asks, in place of the witness's principal: type and value.
    asks: Option<(&'static str, String)>,
}

/// Judges an excess witness. `named` tells whether the policy's principals name a text: one that they do not name stands for
/// everyone of its type.
pub(super) fn judge(
    case: &Case<'_>,
    policy: &Policy,
    witness: Witness,
    named: impl Fn(&str) -> bool,
) -> Grant {
    let classes = classes(case, &witness, &policy.ways(&witness), named);
    for Class { who, facts, asks } in classes {
        let asking = asked(&witness, asks);
        if let Some((narrowing, witness)) = let_in(case, policy, &asking, &facts) {
            return Grant { severity: who.severity(narrowing), who, witness };
        }
    }
    let who = if is_deleted(&witness) { Who::Deleted } else { Who::Never };
    Grant { severity: who.severity(Narrowing::None), who, witness }
}

/// How the policy lets a class of callers in, if it may, with the request that shows it.
fn let_in(
    case: &Case<'_>,
    policy: &Policy,
    asking: &Witness,
    facts: &Facts,
) -> Option<(Narrowing, Witness)> {
    if policy.refuses(asking) {
        return None;
    }
    let ways = policy.ways(asking);
    let mut unsure = None;
    for way in &ways {
        let narrowing = match way.holds(case.account.as_str(), facts) {
            Holds::Yes(context) => match proved(case, policy, asking, facts, &context) {
                Some(witness) => return Some((narrowing(way), witness)),
                None => Narrowing::Understood,
            },
            Holds::Unsure { opaque: true } => Narrowing::Opaque,
            // Where the search found nothing either way, the condition takes nothing off.
            Holds::Unsure { opaque: false } => Narrowing::Understood,
            Holds::Never(_) => continue,
        };
        let witness = Witness { needs: policy.needs(way), ..asking.clone() };
        unsure.get_or_insert((narrowing, witness));
    }
    unsure
}

/// The request with the values under which the policy lets it through.
///
/// Where a whole account asks and the condition wants one role of it, that role asks: other statements may name it, so the
/// policy is asked again.
fn proved(
    case: &Case<'_>,
    policy: &Policy,
    asking: &Witness,
    facts: &Facts,
    context: &BTreeMap<String, String>,
) -> Option<Witness> {
    let account = case.account.as_str();
    let mut facts = facts.clone();
    let mut witness = asking.clone();
    if let (Scope::Principal { value, .. }, Some(arn)) =
        (&mut witness.scope, context.get("aws:principalarn"))
        && value.ends_with(":root")
    {
        value.clone_from(arn);
        facts = facts.with("aws:PrincipalArn", Fact::Is(arn.clone()));
    }
    if policy.refuses(&witness) {
        return None;
    }
    policy.ways(&witness).iter().find_map(|way| {
        let Holds::Yes(context) = way.holds(account, &facts) else { return None };
        let spelled = context.into_iter().map(|(key, v)| (spelled(&key).to_owned(), vec![v]));
        let needs = Needs { context: spelled.collect(), ..policy.needs(way) };
        Some(Witness { needs, ..witness.clone() })
    })
}

fn narrowing(way: &Way<'_>) -> Narrowing {
    match way.allow.is_none() && way.deny.is_empty() {
        true => Narrowing::None,
        false => Narrowing::Understood,
    }
}

/// The request of another caller.
fn asked(witness: &Witness, asks: Option<(&'static str, String)>) -> Witness {
    let scope = asks.map(|(kind, value)| Scope::Principal { kind: kind.to_owned(), value });
    Witness { scope: scope.unwrap_or_else(|| witness.scope.clone()), ..witness.clone() }
}

/// The unique id of a role or a user stands in a policy only once that is deleted: nobody can be it again (IAM User Guide,
/// "AWS JSON policy elements: Principal").
pub(super) fn is_deleted(witness: &Witness) -> bool {
    match &witness.scope {
        Scope::Principal { kind, value } => {
            kind == "AWS" && (value.starts_with("AROA") || value.starts_with("AIDA"))
        }
        Scope::Resource(_) => false,
    }
}

/// The classes of callers that a witness may stand for, the widest first.
fn classes(
    case: &Case<'_>,
    witness: &Witness,
    ways: &[Way<'_>],
    named: impl Fn(&str) -> bool,
) -> Vec<Class> {
    let Scope::Principal { kind, value } = &witness.scope else { return Vec::new() };
    let plain = |who| Class { who, facts: Facts::default(), asks: None };
    match kind.as_str() {
        "AWS" if is_deleted(witness) => Vec::new(),
        "AWS" => {
            let account = value.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3));
            match account {
                Some(account) if account == case.account.as_str() => here(case, Some(value)),
                Some(account) if named(account) => {
                    let arn = (!value.ends_with(":root")).then_some(value.as_str());
                    elsewhere(case, account, arn, ways)
                }
                _ => everyone(case, ways),
            }
        }
        "Service" => services(case, value),
        "Federated" => match public_provider(value) {
            _ if !named(value) => vec![plain(Who::World)],
            Some(host) => vec![
                (Who::PublicIdentity(host), Identity::Anyone),
                (Who::SomeIdentities(host), Identity::OfApplication),
                (Who::SomeIdentities(host), Identity::Named),
            ]
            .into_iter()
            .map(|(who, of)| Class { who, facts: federated(case, host, of), asks: None })
            .collect(),
            None => vec![plain(Who::Here)],
        },
        _ => vec![plain(Who::Elsewhere { narrowed: false })],
    }
}

const GUESSING: [ExternalId; 2] = [ExternalId::None, ExternalId::Guessed];

/// `{"AWS": "*"}`: strangers, then the accounts and organizations that conditions name, then this account and services.
fn everyone(case: &Case<'_>, ways: &[Way<'_>]) -> Vec<Class> {
    let strangers = |who: Who, members: &[Membership<'_>], secrets: &[ExternalId]| {
        let asks = Some(("AWS", root(case, STRANGER)));
        of(case, &who, STRANGER, None, members, secrets, asks.as_ref())
    };
    let outside = [Membership::Elsewhere, Membership::Nowhere];
    let mut classes = strangers(Who::World, &outside, &GUESSING);
    for account in accounts_in(ways).iter().filter(|account| *account != case.account.as_str()) {
        classes.extend(elsewhere(case, account, None, ways).into_iter().map(|mut class| {
            class.asks = Some(("AWS", root(case, account)));
            class
        }));
    }
    let (foreign, own) = organizations_in(case, ways);
    for (id, foreign) in foreign.iter().map(|id| (id, true)).chain(own.iter().map(|id| (id, false)))
    {
        let who = Who::Organization { id: id.clone(), foreign };
        classes.extend(strangers(who, &[Membership::In(id)], &GUESSING));
    }
    classes.extend(strangers(Who::WorldWithExternalId, &outside, &[ExternalId::Known]));
    for id in own {
        let member = [Membership::In(&id)];
        let who = Who::Organization { id: id.clone(), foreign: false };
        classes.extend(strangers(who, &member, &[ExternalId::Known]));
    }
    classes.extend(here(case, None));
    let sources = sources_in(ways);
    for name in sources.iter().map(String::as_str).chain(["ec2"]) {
        let principal = format!("{name}.amazonaws.com");
        classes.extend(services(case, &principal).into_iter().map(|mut class| {
            class.asks = Some(("Service", principal.clone()));
            class
        }));
    }
    classes
}

/// A principal of another account, or all of it.
fn elsewhere(case: &Case<'_>, account: &str, arn: Option<&str>, ways: &[Way<'_>]) -> Vec<Class> {
    let (foreign, own) = organizations_in(case, ways);
    let mut members = vec![Membership::Elsewhere, Membership::Nowhere];
    members.extend(foreign.iter().map(|id| Membership::In(id)));
    let own: Vec<Membership<'_>> = own.iter().map(|id| Membership::In(id)).collect();
    let class = |narrowed, members: &[Membership<'_>], secrets: &[ExternalId]| {
        of(case, &Who::Elsewhere { narrowed }, account, arn, members, secrets, None)
    };
    let mut classes = class(false, &members, &GUESSING);
    classes.extend(class(true, &own, &GUESSING));
    members.extend(own);
    classes.extend(class(true, &members, &[ExternalId::Known]));
    classes
}

/// A principal of this account, or all of it. `None`: where everyone is named.
fn here(case: &Case<'_>, principal: Option<&str>) -> Vec<Class> {
    let organization = case.rules.organization.as_deref();
    let member = organization.map_or(Membership::Any, Membership::In);
    let arn = principal.filter(|arn| !arn.ends_with(":root"));
    let asks = principal.is_none().then(|| ("AWS", root(case, case.account.as_str())));
    let secrets = [ExternalId::None, ExternalId::Guessed, ExternalId::Known];
    let account = case.account.as_str();
    of(case, &Who::Here, account, arn, &[member, Membership::Nowhere], &secrets, asks.as_ref())
}

fn services(case: &Case<'_>, principal: &str) -> Vec<Class> {
    let class = |for_others, account: &str| Class {
        who: Who::Service { for_others },
        facts: service(case, principal, account),
        asks: None,
    };
    vec![class(true, STRANGER), class(false, case.account.as_str())]
}

fn of(
    case: &Case<'_>,
    who: &Who,
    account: &str,
    arn: Option<&str>,
    members: &[Membership<'_>],
    secrets: &[ExternalId],
    asks: Option<&(&'static str, String)>,
) -> Vec<Class> {
    let pairs =
        members.iter().flat_map(|member| secrets.iter().map(move |secret| (member, secret)));
    pairs
        .map(|(member, secret)| Class {
            who: who.clone(),
            facts: principal(case, account, arn, *member, *secret),
            asks: asks.cloned(),
        })
        .collect()
}

fn root(case: &Case<'_>, account: &str) -> String {
    format!("arn:{}:iam::{account}:root", case.rules.partition)
}

/// The tests of a key in any condition on the way.
fn tests<'w>(ways: &'w [Way<'w>], key: &'static str) -> impl Iterator<Item = &'w Test> {
    let conditions = ways.iter().flat_map(|way| way.allow.iter().chain(&way.deny));
    conditions.flat_map(|condition| &condition.tests).filter(move |test| test.key == key)
}

fn values<'w>(ways: &'w [Way<'w>], key: &'static str) -> impl Iterator<Item = &'w String> {
    tests(ways, key).flat_map(|test| &test.values)
}

/// Accounts that conditions name.
fn accounts_in(ways: &[Way<'_>]) -> BTreeSet<String> {
    let by_arn = values(ways, "aws:principalarn").filter_map(|arn| arn.split(':').nth(4));
    let named = values(ways, "aws:principalaccount").map(String::as_str).chain(by_arn);
    named.filter(|text| text.parse::<AccountId>().is_ok()).map(str::to_owned).collect()
}

/// Organizations that conditions name: those that are known to be others, and those that may be the account's own.
fn organizations_in(case: &Case<'_>, ways: &[Way<'_>]) -> (BTreeSet<String>, BTreeSet<String>) {
    let own = case.rules.organization.as_ref();
    let mut named: BTreeSet<String> = values(ways, "aws:principalorgid")
        .filter(|id| id.starts_with("o-") && !id.contains(['*', '?', '$']))
        .cloned()
        .collect();
    match own {
        Some(own) => {
            named.remove(own);
            (named, BTreeSet::from([own.clone()]))
        }
        None => (BTreeSet::new(), named),
    }
}

/// Services whose ARNs conditions name as a source.
fn sources_in(ways: &[Way<'_>]) -> BTreeSet<String> {
    let named = values(ways, "aws:sourcearn").filter_map(|arn| arn.split(':').nth(2));
    named
        .filter(|name| !name.is_empty() && !name.contains(['*', '?', '$']))
        .map(str::to_owned)
        .collect()
}
