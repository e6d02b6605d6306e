//! The verdict by counting: every request of a tiny universe, as tables of one bit each.
//!
//! What it finds is there. What it does not find may still be there in longer strings: there the engine must show a
//! witness, and the one-request evaluator judges that.

use std::collections::HashMap;

use rolewarden::model::{Needs, Scope, Side, Witness};

use crate::reference::{
    Applies, Glob, Globs, Policy, Statement, Sure, Token, Who, World, glob_matches,
    principal_matches,
};

/// One bit a string of one dimension.
type Bits = Vec<u64>;

/// All the requests there are: every action with every scope.
pub(crate) struct Universe {
    actions: Vec<String>,
    scopes: Vec<Scope>,
    action_bits: HashMap<Glob, Bits>,
    scope_bits: HashMap<Glob, Bits>,
    principal_bits: HashMap<(String, String), Bits>,
}

/// A request for each side that the two policies differ on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    pub(crate) missing: Option<Witness>,
    pub(crate) excess: Option<Witness>,
    pub(crate) conditional: Option<Witness>,
}

/// Every string of up to `longest` characters.
pub(crate) fn strings(alphabet: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut begin = 0;
    for _ in 0..longest {
        let end = all.len();
        for at in begin..end {
            for c in alphabet {
                all.push(format!("{}{c}", all[at]));
            }
        }
        begin = end;
    }
    all
}

/// One bit a request: a row of scopes for each action.
#[derive(Clone)]
struct Table {
    words: usize,
    bits: Vec<u64>,
}

impl Table {
    fn add(&mut self, actions: &Bits, scopes: &Bits) {
        for (action, row) in self.bits.chunks_exact_mut(self.words).enumerate() {
            if bit(actions, action) {
                row.iter_mut().zip(scopes).for_each(|(word, more)| *word |= more);
            }
        }
    }

    fn without(mut self, other: &Self) -> Self {
        self.bits.iter_mut().zip(&other.bits).for_each(|(word, less)| *word &= !less);
        self
    }

    fn first(&self) -> Option<(usize, usize)> {
        let at = self.bits.iter().position(|word| *word != 0)?;
        let scope = (at % self.words) * 64 + self.bits[at].trailing_zeros() as usize;
        Some((at / self.words, scope))
    }
}

fn bit(bits: &Bits, at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

fn bits(len: usize, is: impl Fn(usize) -> bool) -> Bits {
    let mut bits = vec![0; len.div_ceil(64)];
    (0..len).filter(|at| is(*at)).for_each(|at| bits[at / 64] |= 1 << (at % 64));
    bits
}

impl Universe {
    pub(crate) fn new(actions: Vec<String>, scopes: Vec<Scope>) -> Self {
        Self {
            actions,
            scopes,
            action_bits: HashMap::new(),
            scope_bits: HashMap::new(),
            principal_bits: HashMap::new(),
        }
    }

    /// What the semantics page's section 3 gives, as far as this universe shows it.
    pub(crate) fn differences(&mut self, actual: &Policy, baseline: &Policy) -> Differences {
        let mut found = Differences::default();
        for (nth, world) in baseline.worlds().iter().enumerate() {
            let (must_a, may_a) = self.sets(actual, world);
            let (must_b, may_b) = self.sets(baseline, world);
            let outside = nth > 0;
            let missing = if outside { must_b.clone() } else { may_b.clone() }.without(&may_a);
            self.note(&mut found.missing, &missing, Side::Missing, outside);
            self.note(&mut found.excess, &must_a.clone().without(&must_b), Side::Excess, outside);
            if !outside {
                self.note(&mut found.excess, &may_a.without(&may_b), Side::Excess, outside);
                self.note(
                    &mut found.conditional,
                    &must_b.without(&must_a).without(&missing),
                    Side::Conditional,
                    outside,
                );
            }
        }
        found
    }

    fn note(
        &self,
        found: &mut Option<Witness>,
        table: &Table,
        side: Side,
        outside_baseline_condition: bool,
    ) {
        if let (None, Some((action, scope))) = (&found, table.first()) {
            let (action, scope) = (self.actions[action].clone(), self.scopes[scope].clone());
            *found = Some(Witness {
                scope,
                action,
                side,
                outside_baseline_condition,
                needs: Needs::default(),
            });
        }
    }

    /// The must and may sets of a policy in one world.
    fn sets(&mut self, policy: &Policy, world: &World) -> (Table, Table) {
        let words = self.scopes.len().div_ceil(64);
        let empty = Table { words, bits: vec![0; words * self.actions.len()] };
        let [mut allowed, mut allowed_surely, mut denied, mut denied_surely] =
            [0; 4].map(|_| empty.clone());
        for statement in &policy.statements {
            let (possible, sure) = if statement.allow {
                (&mut allowed, &mut allowed_surely)
            } else {
                (&mut denied, &mut denied_surely)
            };
            let applies = statement.applies(world);
            if applies != Applies::Never {
                possible.add(
                    &self.actions_of(statement, Sure::Possibly),
                    &self.scopes_of(statement, Sure::Possibly),
                );
            }
            if applies == Applies::Always {
                sure.add(
                    &self.actions_of(statement, Sure::Surely),
                    &self.scopes_of(statement, Sure::Surely),
                );
            }
        }
        (allowed_surely.without(&denied), allowed.without(&denied_surely))
    }

    fn actions_of(&mut self, statement: &Statement, sure: Sure) -> Bits {
        union(&statement.actions, sure, &mut self.action_bits, &self.actions, String::as_str)
    }

    fn scopes_of(&mut self, statement: &Statement, sure: Sure) -> Bits {
        match &statement.who {
            Who::Resources(globs) => {
                union(globs, sure, &mut self.scope_bits, &self.scopes, |scope| match scope {
                    Scope::Resource(resource) => resource,
                    Scope::Principal { .. } => panic!("a principal in a universe of resources"),
                })
            }
            Who::Principals(list) => {
                let mut sum = vec![0; self.scopes.len().div_ceil(64)];
                for named in list {
                    let asks = |at: usize| match &self.scopes[at] {
                        Scope::Principal { kind, value } => principal_matches(named, kind, value),
                        Scope::Resource(_) => panic!("a resource in a universe of principals"),
                    };
                    let known = &mut self.principal_bits;
                    if !known.contains_key(named) {
                        known.insert(named.clone(), bits(self.scopes.len(), asks));
                    }
                    sum.iter_mut().zip(&known[named]).for_each(|(word, more)| *word |= more);
                }
                sum
            }
        }
    }
}

/// The strings a list of globs, or its complement, matches.
fn union<T>(
    globs: &Globs,
    sure: Sure,
    known: &mut HashMap<Glob, Bits>,
    all: &[T],
    text: impl Fn(&T) -> &str,
) -> Bits {
    // The complement surely holds where no glob is possible, and is possible where no glob is sure.
    let wanted =
        if globs.negated == (sure == Sure::Surely) { Sure::Possibly } else { Sure::Surely };
    let mut sum = vec![0; all.len().div_ceil(64)];
    for glob in &globs.globs {
        if wanted == Sure::Surely && glob.contains(&Token::Unknown) {
            continue;
        }
        if !known.contains_key(glob) {
            let matched = bits(all.len(), |at| glob_matches(glob, text(&all[at]), Sure::Possibly));
            known.insert(glob.clone(), matched);
        }
        sum.iter_mut().zip(&known[glob]).for_each(|(word, more)| *word |= more);
    }
    if globs.negated {
        let everything = bits(all.len(), |_| true);
        sum.iter_mut().zip(everything).for_each(|(word, all)| *word = all & !*word);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_universe_holds_every_short_string_once() {
        let all = strings(&['a', 'b', 'c'], 4);
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (1 + 3 + 9 + 27 + 81, all.len()));
    }
}
