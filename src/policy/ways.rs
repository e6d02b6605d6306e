//! How a request gets through a policy: which Allow lets it in, under which condition, and which Denies must stay away.

use super::condition::Condition;
use super::requests::Request;
use super::statement::Statement;
use super::{Kind, Policy, principal};
use crate::model::{Needs, Scope, Witness};

/// One way through a policy: an Allow that matches, and every conditional Deny that matches too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way<'p> {
    /// The condition of the Allow, if it has one: it must hold.
    pub allow: Option<&'p Condition>,
    /// The conditions of Denies that match: none may hold.
    pub deny: Vec<&'p Condition>,
}

impl Policy {
    /// Every way the request of a witness may take, one for each Allow that may match; those without a condition come
    /// first. Denies without a condition are not looked at: see [`Policy::refuses`].
    pub fn ways(&self, witness: &Witness) -> Vec<Way<'_>> {
        self.request(witness).map(|request| ways(self, &request)).unwrap_or_default()
    }

    /// Whether a Deny without a condition surely refuses the request of a witness.
    pub fn refuses(&self, witness: &Witness) -> bool {
        self.request(witness).is_some_and(|request| {
            let refuses = |s: &&Statement| !s.allow && s.condition.is_none();
            self.statements.iter().filter(refuses).any(|s| reaches(s, &request, false))
        })
    }

    /// What a request needs on this way, in the author's spelling.
    pub fn needs(&self, way: &Way<'_>) -> Needs {
        let block = |condition: &Condition| {
            let known = self.blocks.iter().find(|(known, _)| known == condition);
            known.map(|(_, block)| block.clone()).unwrap_or_default()
        };
        Needs {
            conditions: way.allow.map(block),
            unless: way.deny.iter().map(|condition| block(condition)).collect(),
            ..Needs::default()
        }
    }

    fn request(&self, witness: &Witness) -> Option<Request> {
        let scope = match (&witness.scope, self.kind) {
            (Scope::Principal { kind, value }, Kind::Trust) => principal::encode(kind, value),
            (Scope::Resource(resource), Kind::Identity) => resource.clone(),
            (Scope::Principal { .. } | Scope::Resource(_), Kind::Trust | Kind::Identity) => {
                return None;
            }
        };
        Some(Request { action: witness.action.to_ascii_lowercase(), scope })
    }
}

/// Whether the statement matches a request, read as wide as it may be or as narrow as it surely is.
fn reaches(statement: &Statement, request: &Request, widest: bool) -> bool {
    statement.actions.region(widest).contains(&request.action)
        && statement.scope.region(widest).contains(&request.scope)
}

fn ways<'p>(policy: &'p Policy, request: &Request) -> Vec<Way<'p>> {
    let matching: Vec<&Statement> =
        policy.statements.iter().filter(|s| reaches(s, request, true)).collect();
    let deny: Vec<&Condition> =
        matching.iter().filter(|s| !s.allow).filter_map(|s| s.condition.as_ref()).collect();
    let mut allows: Vec<Option<&Condition>> =
        matching.iter().filter(|s| s.allow).map(|s| s.condition.as_ref()).collect();
    allows.sort_by_key(|condition| condition.is_some());
    allows.into_iter().map(|allow| Way { allow, deny: deny.clone() }).collect()
}

/// What a request needs on the first way whose Allow `applies`.
pub(super) fn needs(
    policy: &Policy,
    request: &Request,
    applies: impl Fn(&Condition) -> bool,
) -> Needs {
    let ways = ways(policy, request);
    let first = ways.iter().find(|way| way.allow.is_none_or(&applies));
    first.map(|way| policy.needs(way)).unwrap_or_default()
}
