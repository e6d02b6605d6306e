//! How far a trust policy lets requests in: for each excess witness the widest class of callers that its conditions let
//! through, which gives the words, the severity and values that a reader can try. The table stands in `docs/checks.md`.

use std::collections::BTreeMap;

use super::Case;
use super::callers::{Callers, Class, Principals};
use crate::model::{Needs, Scope, Severity, Witness};
use crate::policy::{Fact, Facts, Holds, Policy, Way, spelled};

/// What a grant beyond the baseline amounts to.
pub(super) struct Grant {
    pub(super) who: Who,
    pub(super) severity: Severity,
    /// It lets in more than principals of this account.
    pub(super) beyond: bool,
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
    fn reaches_beyond(&self) -> bool {
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

/// Questions about classes and ways that are asked of one grant. Beyond them the widest class counts: text written by people
/// we do not trust decides how many there are.
const MOST_QUESTIONS: usize = 8_192;

/// Judges an excess witness. `principals`: what the policy names as principals.
pub(super) fn judge(
    case: &Case<'_>,
    policy: &Policy,
    witness: Witness,
    principals: &Principals,
) -> Grant {
    let never = |who: Who, witness| Grant {
        severity: who.severity(Narrowing::None),
        beyond: false,
        who,
        witness,
    };
    if is_deleted(&witness) {
        return never(Who::Deleted, witness);
    }
    // A trust policy grants calls of STS alone.
    if !witness.action.to_ascii_lowercase().starts_with("sts:") {
        return never(Who::Never, witness);
    }
    let ways = policy.ways(&witness);
    let classes = Callers::new(case, &ways, principals).of(&witness, principals);
    let too_many = classes.len().saturating_mul(ways.len()) > MOST_QUESTIONS;
    for Class { who, facts, asks } in classes {
        let asking = asked(&witness, asks);
        let found = match too_many {
            true => Some((Narrowing::Understood, witness.clone())),
            false => let_in(policy, &asking, &facts),
        };
        if let Some((narrowing, witness)) = found {
            let for_others = who == Who::Service { for_others: true };
            let beyond = who.reaches_beyond() || (for_others && narrowing == Narrowing::Understood);
            return Grant { severity: who.severity(narrowing), beyond, who, witness };
        }
    }
    never(Who::Never, witness)
}

/// How the policy lets a class of callers in, if it may, with the request that shows it.
fn let_in(policy: &Policy, asking: &Witness, facts: &Facts) -> Option<(Narrowing, Witness)> {
    if policy.refuses(asking) {
        return None;
    }
    let ways = policy.ways(asking);
    let mut unsure = None;
    for way in &ways {
        let narrowing = match way.holds(facts) {
            Holds::Yes(context) => match proved(policy, asking, facts, &context) {
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
    policy: &Policy,
    asking: &Witness,
    facts: &Facts,
    context: &BTreeMap<String, String>,
) -> Option<Witness> {
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
        let Holds::Yes(context) = way.holds(&facts) else { return None };
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

/// The unique id of a role or a user stands in a policy only once that is deleted: no one can be it again (IAM User Guide,
/// "AWS JSON policy elements: Principal").
pub(super) fn is_deleted(witness: &Witness) -> bool {
    match &witness.scope {
        Scope::Principal { kind, value } => {
            kind == "AWS" && (value.starts_with("AROA") || value.starts_with("AIDA"))
        }
        Scope::Resource(_) => false,
    }
}
