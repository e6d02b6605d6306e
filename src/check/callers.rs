//! The classes of callers that a grant may let in, the widest first. No class is one fixed stranger: a condition that keeps
//! that one out keeps no stranger out, so they are chosen for the policy, and by its own patterns.

use std::collections::BTreeSet;

use super::Case;
use super::reach::Who;
use super::requesters::{
    ExternalId, Identity, Membership, THIS_ORGANIZATION, federated, principal, service,
    strange_subjects, tenant_of,
};
use crate::model::{AccountId, Scope, Witness};
use crate::policy::{Facts, Test, Way, public_provider};

/// Strangers of each sort that are tried.
const MOST_STRANGERS: usize = 16;
/// An external id with fewer characters that are fixed can be guessed.
const SECRET: usize = 6;

/// What a policy names as principals.
#[derive(Debug, Default)]
pub(super) struct Principals {
    /// In statements that allow.
    pub(super) allowed: BTreeSet<String>,
    /// In statements that deny: a principal named there alone is not let in.
    pub(super) denied: BTreeSet<String>,
}

/// One class of callers to try.
pub(super) struct Class {
    pub(super) who: Who,
    pub(super) facts: Facts,
    /// Who asks, in place of the witness's principal: type and value.
    pub(super) asks: Option<(&'static str, String)>,
}

/// What a policy's conditions say about callers.
pub(super) struct Callers<'a> {
    case: &'a Case<'a>,
    ways: &'a [Way<'a>],
    /// Accounts that the policy does not name, one that each of its patterns matches among them.
    strangers: Vec<String>,
    /// Organizations that are not known to be the account's.
    foreign: Vec<String>,
    /// The account's organization, or those that may be it.
    own: Vec<String>,
    /// External ids that anyone may come upon.
    guesses: Vec<String>,
}

impl<'a> Callers<'a> {
    pub(super) fn new(case: &'a Case<'a>, ways: &'a [Way<'a>], principals: &Principals) -> Self {
        let mut callers = Self {
            case,
            ways,
            strangers: Vec::new(),
            foreign: Vec::new(),
            own: Vec::new(),
            guesses: Vec::new(),
        };
        callers.find_strangers(principals);
        callers.find_organizations();
        callers.guesses = ["guessed-by-rolewarden", "another-guess"].map(str::to_owned).into();
        let guessable = |text: &&String| is_wild(text) && fixed(text) < SECRET;
        let patterns: Vec<String> = callers
            .values("sts:externalid")
            .filter(guessable)
            .map(|t| filled(t, "guess"))
            .collect();
        callers.guesses.extend(patterns);
        callers.guesses.truncate(MOST_STRANGERS);
        callers
    }

    fn find_strangers(&mut self, principals: &Principals) {
        let all = principals.allowed.iter().chain(&principals.denied);
        let named: BTreeSet<&str> = all.map(|p| account_of(p).unwrap_or(p)).collect();
        let listed = self.accounts();
        let strange = |id: &String| {
            id.as_str() != self.case.account.as_str()
                && !named.contains(id.as_str())
                && !listed.contains(id)
        };
        let by_arn = self.values("aws:principalarn").filter_map(|arn| account_of(arn));
        let patterns = self.values("aws:principalaccount").map(String::as_str).chain(by_arn);
        let alike = patterns.filter(|text| is_wild(text)).filter_map(account_like);
        let any = "9876543210".chars().map(|digit| digit.to_string().repeat(12));
        let all: Vec<String> = any.chain(alike).filter(strange).take(MOST_STRANGERS).collect();
        self.strangers = all;
    }

    fn find_organizations(&mut self) {
        let named: BTreeSet<String> = self.values("aws:principalorgid").cloned().collect();
        let (wild, plain): (Vec<&String>, Vec<&String>) =
            named.iter().filter(|id| !id.contains("${")).partition(|id| is_wild(id));
        let own = self.case.rules.organization.as_ref();
        let mut foreign: Vec<String> =
            vec!["o-strangers00".to_owned(), "o-0therstrangers".to_owned()];
        foreign.extend(wild.into_iter().map(|id| filled(id, "anotherone0")));
        foreign.retain(|id| Some(id) != own && !plain.contains(&id));
        let plain = plain.into_iter().filter(|id| id.starts_with("o-")).cloned();
        match own {
            Some(own) => {
                foreign.extend(plain.filter(|id| id != own));
                self.own.push(own.clone());
            }
            None => {
                self.own.extend(plain);
                let by_role =
                    |id: &String| id.to_ascii_lowercase().contains("${aws:resourceorgid}");
                self.own.extend(
                    named.iter().find(|id| by_role(id)).map(|_| THIS_ORGANIZATION.to_owned()),
                );
            }
        }
        foreign.truncate(MOST_STRANGERS);
        self.foreign = foreign;
    }

    /// The classes that a witness may stand for. A principal that the policy does not name stands for everyone of its type.
    pub(super) fn of(&self, witness: &Witness, principals: &Principals) -> Vec<Class> {
        let principals = &principals.allowed;
        let Scope::Principal { kind, value } = &witness.scope else { return Vec::new() };
        let plain = |who| vec![Class { who, facts: Facts::default(), asks: None }];
        let names = |account: &str| {
            principals.iter().any(|p| p == account || account_of(p) == Some(account))
        };
        match (kind.as_str(), account_of(value)) {
            ("AWS", Some(account)) if account == self.case.account.as_str() && names(account) => {
                self.here(Some(value))
            }
            ("AWS", Some(account)) if names(account) => {
                self.elsewhere(account, (!value.ends_with(":root")).then_some(value.as_str()))
            }
            ("AWS", _) => self.everyone(),
            ("Service", _) => self.services(value),
            ("Federated", _) if !principals.contains(value) => plain(Who::World),
            ("Federated", account) => match (public_provider(value), account) {
                (Some(host), _) => self.identities(host),
                (None, Some(account)) if account != self.case.account.as_str() => {
                    plain(Who::Elsewhere { narrowed: false })
                }
                (None, _) => plain(Who::Here),
            },
            _ => plain(Who::Elsewhere { narrowed: false }),
        }
    }

    fn outside(&self) -> Vec<Membership<'_>> {
        let mut members: Vec<Membership<'_>> =
            self.foreign.iter().filter(|id| !self.lists(id)).map(|id| Membership::In(id)).collect();
        members.push(Membership::Nowhere);
        members
    }

    /// Whether a condition names the organization itself: its members are a class of their own.
    fn lists(&self, id: &str) -> bool {
        self.values("aws:principalorgid").any(|named| named == id)
    }

    fn guessing(&self) -> Vec<ExternalId<'_>> {
        let guesses = self.guesses.iter().map(|guess| ExternalId::Guessed(guess));
        std::iter::once(ExternalId::None).chain(guesses).collect()
    }

    /// `{"AWS": "*"}`: strangers, then the accounts and organizations that conditions name, then this account and services.
    fn everyone(&self) -> Vec<Class> {
        let strangers = |who: &Who, members: &[Membership<'_>], secrets: &[ExternalId<'_>]| {
            let each = self.strangers.iter();
            let of = |account: &String| {
                let asks = Some(("AWS", self.root(account)));
                self.classes(who, account, None, members, secrets, asks.as_ref())
            };
            each.flat_map(of).collect::<Vec<_>>()
        };
        let (guessing, known) = (self.guessing(), [ExternalId::Known]);
        let mut classes = strangers(&Who::World, &self.outside(), &guessing);
        for account in self.accounts().iter().filter(|id| *id != self.case.account.as_str()) {
            classes.extend(
                self.elsewhere(account, None)
                    .into_iter()
                    .map(|class| Class { asks: Some(("AWS", self.root(account))), ..class }),
            );
        }
        let listed = self.foreign.iter().filter(|id| self.lists(id)).map(|id| (id, true));
        let organizations: Vec<(&String, bool)> =
            listed.chain(self.own.iter().map(|id| (id, false))).collect();
        for (id, foreign) in &organizations {
            let who = Who::Organization { id: (*id).clone(), foreign: *foreign };
            classes.extend(strangers(&who, &[Membership::In(id)], &guessing));
        }
        classes.extend(strangers(&Who::WorldWithExternalId, &self.outside(), &known));
        for (id, foreign) in organizations {
            // Whatever the organization, an external id stands in the way.
            let who = match foreign {
                true => Who::WorldWithExternalId,
                false => Who::Organization { id: id.clone(), foreign },
            };
            classes.extend(strangers(&who, &[Membership::In(id)], &known));
        }
        classes.extend(self.here(None));
        for name in self.sources() {
            let principal = format!("{name}.amazonaws.com");
            classes.extend(
                self.services(&principal)
                    .into_iter()
                    .map(|class| Class { asks: Some(("Service", principal.clone())), ..class }),
            );
        }
        classes
    }

    /// A principal of another account, or all of it.
    fn elsewhere(&self, account: &str, arn: Option<&str>) -> Vec<Class> {
        let mut members = self.outside();
        members.extend(self.foreign.iter().map(|id| Membership::In(id)));
        let own: Vec<Membership<'_>> = self.own.iter().map(|id| Membership::In(id)).collect();
        let class = |narrowed, members: &[Membership<'_>], secrets: &[ExternalId<'_>]| {
            self.classes(&Who::Elsewhere { narrowed }, account, arn, members, secrets, None)
        };
        let guessing = self.guessing();
        let mut classes = class(false, &members, &guessing);
        classes.extend(class(true, &own, &guessing));
        members.extend(own);
        classes.extend(class(true, &members, &[ExternalId::Known]));
        classes
    }

    /// A principal of this account, or all of it. `None`: where everyone is named.
    fn here(&self, principal: Option<&str>) -> Vec<Class> {
        let mut members: Vec<Membership<'_>> =
            self.own.iter().map(|id| Membership::In(id)).collect();
        if self.case.rules.organization.is_none() {
            members.push(Membership::Any);
        }
        members.push(Membership::Nowhere);
        let mut secrets = self.guessing();
        secrets.push(ExternalId::Known);
        let arn = principal.filter(|arn| !arn.ends_with(":root"));
        let account = self.case.account.as_str();
        let asks = principal.is_none().then(|| ("AWS", self.root(account)));
        self.classes(&Who::Here, account, arn, &members, &secrets, asks.as_ref())
    }

    fn services(&self, principal: &str) -> Vec<Class> {
        let class = |for_others, account: &str| Class {
            who: Who::Service { for_others },
            facts: service(self.case, principal, account),
            asks: None,
        };
        let by_arn = self.values("aws:sourcearn").filter_map(|arn| account_of(arn));
        let listed = self.values("aws:sourceaccount").map(String::as_str).chain(by_arn);
        let own = self.case.account.as_str();
        let others = listed.filter(|id| *id != own && id.parse::<AccountId>().is_ok());
        let others: BTreeSet<&str> = others.take(MOST_STRANGERS).collect();
        let strangers = self.strangers.iter().map(String::as_str);
        let mut classes: Vec<Class> =
            strangers.chain(others).map(|account| class(true, account)).collect();
        classes.push(class(false, own));
        classes
    }

    fn identities(&self, host: &'static str) -> Vec<Class> {
        let key = format!("{host}:sub");
        let conditions = self.ways.iter().flat_map(|way| way.allow.iter().chain(&way.deny));
        let tests = conditions.flat_map(|condition| &condition.tests);
        let subjects = tests.filter(|test| test.key == key).flat_map(|test| &test.values);
        // A pattern that leaves the tenant open lets any tenant in; a person's subject has no parts.
        let open =
            |subject: &&String| tenant_of(host, subject).is_none_or(is_wild) && is_wild(subject);
        let digits = tenant_of(host, "a:b").is_none();
        let word = if digits { "7" } else { "anything" };
        let mut strange: Vec<String> = strange_subjects(host).into();
        strange.extend(subjects.filter(open).map(|subject| filled(subject, word)));
        strange.truncate(MOST_STRANGERS);
        let class =
            |who, identity| Class { who, facts: federated(self.case, host, identity), asks: None };
        let anyone = strange.iter().map(|s| class(Who::PublicIdentity(host), Identity::Anyone(s)));
        let some =
            strange.iter().map(|s| class(Who::SomeIdentities(host), Identity::OfApplication(s)));
        let named = class(Who::SomeIdentities(host), Identity::Named);
        anyone.chain(some).chain([named]).collect()
    }

    fn classes(
        &self,
        who: &Who,
        account: &str,
        arn: Option<&str>,
        members: &[Membership<'_>],
        secrets: &[ExternalId<'_>],
        asks: Option<&(&'static str, String)>,
    ) -> Vec<Class> {
        let pairs =
            members.iter().flat_map(|member| secrets.iter().map(move |secret| (member, secret)));
        pairs
            .map(|(member, secret)| Class {
                who: who.clone(),
                facts: principal(self.case, account, arn, *member, *secret),
                asks: asks.cloned(),
            })
            .collect()
    }

    fn root(&self, account: &str) -> String {
        format!("arn:{}:iam::{account}:root", self.case.rules.partition)
    }

    fn tests(&self, key: &'static str) -> impl Iterator<Item = &'a Test> + use<'a> {
        let conditions = self.ways.iter().flat_map(|way| way.allow.iter().chain(&way.deny));
        conditions.flat_map(|condition| &condition.tests).filter(move |test| test.key == key)
    }

    fn values(&self, key: &'static str) -> impl Iterator<Item = &'a String> + use<'a> {
        self.tests(key).flat_map(|test| &test.values)
    }

    /// Accounts that conditions name.
    fn accounts(&self) -> BTreeSet<String> {
        let by_arn = self.values("aws:principalarn").filter_map(|arn| account_of(arn));
        let named = self.values("aws:principalaccount").map(String::as_str).chain(by_arn);
        named
            .filter(|text| text.parse::<AccountId>().is_ok())
            .take(MOST_STRANGERS)
            .map(str::to_owned)
            .collect()
    }

    /// Services that may be meant by everyone: only conditions that are about services tell them from principals.
    fn sources(&self) -> BTreeSet<String> {
        let about = [
            "aws:sourceaccount",
            "aws:sourcearn",
            "aws:sourceorgid",
            "aws:sourceorgpaths",
            "aws:principalisawsservice",
            "aws:principalservicename",
        ];
        if !about.into_iter().any(|key| self.tests(key).next().is_some()) {
            return BTreeSet::new();
        }
        let named = self.values("aws:sourcearn").filter_map(|arn| arn.split(':').nth(2));
        let named = named.filter(|name| !name.is_empty() && !name.contains(['*', '?', '$']));
        named.chain(["ec2"]).map(str::to_owned).collect()
    }
}

/// The account field of an ARN.
fn account_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Characters that a pattern fixes.
fn fixed(text: &str) -> usize {
    text.chars().filter(|c| !matches!(c, '*' | '?')).count()
}

fn filled(text: &str, word: &str) -> String {
    text.replace('*', word).replace('?', "7")
}

/// An account number that a pattern matches, if there is one.
fn account_like(pattern: &str) -> Option<String> {
    let open = 12_usize.checked_sub(pattern.chars().filter(|c| *c != '*').count())?;
    // The first `*` takes all that is left.
    let text = pattern.replacen('*', &"7".repeat(open), 1).replace('*', "").replace('?', "7");
    text.parse::<AccountId>().ok().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_for_accounts_has_an_account_that_it_matches() {
        let cases = [
            ("1*", Some("177777777777")),
            ("*", Some("777777777777")),
            ("*9", Some("777777777779")),
            ("11112222333?", Some("111122223337")),
            ("1111222233334*", None),
            ("x*", None),
        ];
        for (pattern, want) in cases {
            assert_eq!(account_like(pattern).as_deref(), want, "case {pattern}");
        }
    }
}
