//! Finds a text that matches what it must and nothing it must not: best-first over the automaton's states.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::automaton::{Automaton, Bits, Outlook, Role};
use super::budget::{Budget, Spent};
use super::glob::{Glob, Token};
use super::statement::Region;

/// One question about texts.
#[derive(Debug, Default, Clone)]
pub(super) struct Question<'g> {
    /// Of each clause at least one glob must match.
    clauses: Vec<Vec<&'g Glob>>,
    /// None of these may match.
    never: Vec<&'g Glob>,
    /// Reported only: which of these regions hold the text.
    watches: Vec<&'g Region>,
}

/// Told of each answer; decides whether to go on.
type Visit<'v> = dyn FnMut(&str, &[bool], &mut Budget) -> Result<ControlFlow<()>, Spent> + 'v;

impl<'g> Question<'g> {
    /// The text must lie in the region.
    pub(super) fn inside(&mut self, region: &'g Region) {
        if region.negated {
            self.never.extend(region.globs());
        } else {
            self.clauses.push(region.globs().iter().collect());
        }
    }

    /// The text must not lie in the region.
    pub(super) fn outside(&mut self, region: &'g Region) {
        if region.negated {
            self.clauses.push(region.globs().iter().collect());
        } else {
            self.never.extend(region.globs());
        }
    }

    /// Whether the text lies in the region is reported.
    pub(super) fn watch(&mut self, region: &'g Region) {
        self.watches.push(region);
    }

    /// Whether every text asked for certainly lies in the region. `false` means "not proved".
    pub(super) fn surely_inside(&self, region: &Region) -> bool {
        if region.negated { self.misses(region) } else { self.covered_by(region) }
    }

    /// Whether certainly no text asked for lies in the region. `false` means "not proved".
    pub(super) fn surely_outside(&self, region: &Region) -> bool {
        if region.negated { self.covered_by(region) } else { self.misses(region) }
    }

    /// Some clause lies within the union of the region's globs.
    fn covered_by(&self, region: &Region) -> bool {
        self.clauses.iter().any(|clause| clause.iter().all(|glob| region.union_covers(glob)))
    }

    /// No text asked for is in the union of the region's globs.
    fn misses(&self, region: &Region) -> bool {
        self.clauses.iter().any(|clause| clause.iter().all(|glob| region.union_misses(glob)))
            || region.globs().iter().all(|glob| self.never.iter().any(|never| never.covers(glob)))
    }

    /// Drops globs that cannot matter; `false` when no text can be an answer.
    fn simplify(&mut self) -> bool {
        let never = std::mem::take(&mut self.never);
        for clause in &mut self.clauses {
            clause.retain(|glob| !never.iter().any(|n| n.covers(glob)));
        }
        if self.clauses.iter().any(Vec::is_empty) {
            return false;
        }
        self.clauses.sort_by_key(Vec::len);
        let Some([single]) = self.clauses.first().map(Vec::as_slice) else {
            self.never = never;
            return true;
        };
        let single = *single;
        for clause in self.clauses.iter_mut().skip(1) {
            clause.retain(|glob| glob.may_meet(single));
            if clause.iter().any(|glob| glob.covers(single)) {
                *clause = vec![single];
            }
        }
        self.never = never.into_iter().filter(|glob| glob.may_meet(single)).collect();
        self.clauses.iter().all(|clause| !clause.is_empty())
    }

    /// Visits answers, nearest first, one for each set of watches they lie in (or more), until told to stop.
    pub(super) fn visit(mut self, budget: &mut Budget, visit: &mut Visit<'_>) -> Result<(), Spent> {
        let globs = self.clauses.iter().map(Vec::len).sum::<usize>() + self.never.len();
        budget.work(16 * (globs + self.watches.len() + 1))?;
        if !self.simplify() {
            return Ok(());
        }
        let literals = self.clauses.iter().find_map(|clause| {
            clause.iter().map(|glob| glob.as_literal()).collect::<Option<Vec<String>>>()
        });
        if let Some(texts) = literals {
            return self.visit_each(&texts, budget, visit).map(drop);
        }
        // Many "must contain" at once are a shortest-superstring problem; one text that contains them all is not.
        if let [first, others @ ..] = self.clauses.as_slice()
            && let Some(&glob) = first.first()
        {
            let guesses = strung_together(glob, others);
            if self.visit_each(&guesses, budget, visit)?.is_break() {
                return Ok(());
            }
        }
        if let Some(tails) = self.behind_common_head()
            && tails.match_everything(budget)?
        {
            return Ok(());
        }
        self.visit_automaton(budget, visit)
    }

    /// For one glob that ends in `*`: the question what may stand for that `*`, asked of the forbidden globs that begin
    /// like it. If they leave nothing there, they leave nothing at all. `None` where that is no simpler question.
    fn behind_common_head(&self) -> Option<Tails> {
        let single = *self.clauses.first()?.first()?;
        let (last, head) = single.tokens().split_last()?;
        let only = self.clauses.iter().all(|clause| clause.iter().all(|glob| *glob == single));
        if !only || *last != Token::Many || !head.contains(&Token::Many) {
            return None;
        }
        let tails = self.never.iter().filter_map(|never| never.tokens().strip_prefix(head));
        let tails: Vec<Glob> = tails.map(|tail| Glob::new(tail.iter().copied())).collect();
        (tails.len() > 1).then_some(Tails(tails))
    }

    /// Only these texts can be answers.
    fn visit_each(
        &self,
        texts: &[String],
        budget: &mut Budget,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, Spent> {
        let globs = self.clauses.iter().map(Vec::len).sum::<usize>() + self.never.len();
        let watched = self.watches.iter().map(|region| region.globs().len()).sum::<usize>();
        for text in texts {
            budget.work((4 + text.len() / 8) * (globs + watched))?;
            let matches = |glob: &&Glob| glob.matches(text);
            if self.clauses.iter().all(|clause| clause.iter().any(matches))
                && !self.never.iter().any(matches)
            {
                let watched: Vec<bool> =
                    self.watches.iter().map(|region| region.contains(text)).collect();
                if visit(text, &watched, budget)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn visit_automaton(&self, budget: &mut Budget, visit: &mut Visit<'_>) -> Result<(), Spent> {
        let clauses = self.clauses.iter().map(|clause| (Role::Clause, clause.clone()));
        let nevers = std::iter::once((Role::Never, self.never.clone()));
        let watches =
            self.watches.iter().map(|region| (Role::Watch, region.globs().iter().collect()));
        let automaton = Automaton::new(clauses.chain(nevers).chain(watches));
        budget.remember(automaton.bytes())?;
        budget.work(automaton.bytes() / 8)?;
        let mut walk = Walk {
            automaton: &automaton,
            trail: Vec::new(),
            known: HashSet::new(),
            open: Vec::new(),
        };
        let before = walk.bytes();
        let result = walk.run(&self.watches, budget, visit);
        budget.release(automaton.bytes() + walk.bytes() - before);
        result
    }
}

/// Globs that together may match every text.
struct Tails(Vec<Glob>);

impl Tails {
    /// Whether every text is matched by one of them.
    fn match_everything(&self, budget: &mut Budget) -> Result<bool, Spent> {
        let anything = Glob::new([Token::Many]);
        let question = Question {
            clauses: vec![vec![&anything]],
            never: self.0.iter().collect(),
            watches: Vec::new(),
        };
        let mut everything = true;
        question.visit(budget, &mut |_, _, _| {
            everything = false;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(everything)
    }
}

/// Texts of the glob whose first (or last) `*` holds, one after another, a text of every other clause.
fn strung_together(glob: &Glob, others: &[Vec<&Glob>]) -> Vec<String> {
    let fill = |tokens: &[Token]| -> String {
        let chars = tokens.iter().filter_map(|token| match token {
            Token::Char(c) => Some(*c),
            Token::One => Some('z'),
            Token::Many => None,
        });
        chars.collect()
    };
    let others = others.iter().filter_map(|clause| clause.first()).filter(|other| **other != glob);
    let others: Vec<String> = others.map(|other| fill(other.tokens())).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let tokens = glob.tokens();
    let is_many = |token: &Token| *token == Token::Many;
    let places = [tokens.iter().position(is_many), tokens.iter().rposition(is_many)];
    let at = |many: usize| {
        let (head, tail) = tokens.split_at(many);
        fill(head) + &others.concat() + &fill(tail)
    };
    places.into_iter().flatten().map(at).collect()
}

/// A best-first walk over states. `trail` remembers how each was reached.
struct Walk<'a> {
    automaton: &'a Automaton,
    trail: Vec<(u32, char, u32)>,
    known: HashSet<Bits>,
    /// States to look at, by length so far plus the least that is still to come.
    open: Vec<Vec<(u32, Bits)>>,
}

impl Walk<'_> {
    /// Memory remembered for states so far: each is held twice at most, with its place in the tables.
    fn bytes(&self) -> usize {
        self.trail.len() * self.state_bytes()
    }

    fn state_bytes(&self) -> usize {
        2 * 8 * self.automaton.words() + 96
    }

    fn add(
        &mut self,
        state: Bits,
        from: u32,
        c: char,
        length: u32,
        budget: &mut Budget,
    ) -> Result<(), Spent> {
        let Outlook::Open(left) = self.automaton.outlook(&state) else { return Ok(()) };
        if self.known.contains(&state) {
            return Ok(());
        }
        budget.remember(self.state_bytes())?;
        let id = u32::try_from(self.trail.len()).map_err(|_| Spent)?;
        self.trail.push((from, c, length));
        self.known.insert(state.clone());
        let rank = (length + left) as usize;
        if self.open.len() <= rank {
            self.open.resize_with(rank + 1, Vec::new);
        }
        if let Some(bucket) = self.open.get_mut(rank) {
            bucket.push((id, state));
        }
        Ok(())
    }

    fn text(&self, mut id: u32) -> String {
        let mut reversed = Vec::new();
        while let Some(&(from, c, length)) = self.trail.get(id as usize) {
            if length == 0 {
                break;
            }
            reversed.push(c);
            id = from;
        }
        reversed.iter().rev().collect()
    }

    fn run(
        &mut self,
        watches: &[&Region],
        budget: &mut Budget,
        visit: &mut Visit<'_>,
    ) -> Result<(), Spent> {
        self.add(self.automaton.start(), 0, '\0', 0, budget)?;
        let mut rank = 0;
        while rank < self.open.len() {
            // Latest first: of equally near states the one that is furthest along.
            let Some((id, state)) = self.open.get_mut(rank).and_then(Vec::pop) else {
                rank += 1;
                continue;
            };
            let length = self.trail.get(id as usize).map_or(0, |(_, _, length)| *length);
            if self.automaton.accepts(&state) {
                let matched = self.automaton.watched(&state);
                let watched: Vec<bool> =
                    matched.iter().zip(watches).map(|(m, region)| *m != region.negated).collect();
                if visit(&self.text(id), &watched, budget)?.is_break() {
                    return Ok(());
                }
            }
            let awaited = self.automaton.awaited(&state);
            budget.work(self.automaton.step_cost() * (2 + awaited.len()))?;
            let other = other_than(&awaited);
            for c in awaited {
                let next = self.automaton.step(&state, Some(c));
                self.add(next, id, c, length + 1, budget)?;
            }
            // Last in, first out: of equally near texts the plainest comes first.
            let next = self.automaton.step(&state, None);
            self.add(next, id, other, length + 1, budget)?;
        }
        Ok(())
    }
}

/// A readable character that is none of these. Never an upper-case letter: actions are compared folded.
fn other_than(taken: &[char]) -> char {
    let readable = ('a'..='z').rev().chain('0'..='9').chain(['-', '_', '.', '/']);
    readable.chain('\u{a1}'..).find(|c| taken.binary_search(c).is_err()).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest text inside all of `inside` and outside all of `outside`; a leading `!` negates.
    fn nearest(inside: &[&str], outside: &[&str]) -> Option<String> {
        let region = |text: &&str| {
            let negated = text.starts_with('!');
            let globs = text.trim_start_matches('!').split('|').map(Glob::wild).collect();
            Region::new(globs, negated)
        };
        let inside: Vec<Region> = inside.iter().map(region).collect();
        let outside: Vec<Region> = outside.iter().map(region).collect();
        let mut question = Question::default();
        inside.iter().for_each(|r| question.inside(r));
        outside.iter().for_each(|r| question.outside(r));
        let mut found = None;
        let mut visit = |text: &str, _: &[bool], _: &mut Budget| {
            found = Some(text.to_owned());
            Ok(ControlFlow::Break(()))
        };
        question.visit(&mut Budget::default(), &mut visit).unwrap();
        found
    }

    #[test]
    fn the_nearest_text_is_found_or_proved_not_to_be() {
        let cases: [(&[&str], &[&str], Option<&str>); 14] = [
            (&["*"], &[], Some("")),
            (&["*"], &["?*"], Some("")),
            (&["*"], &["?*", "!?*"], None),
            (&["a*"], &["ab*"], Some("a")),
            (&["a?*"], &["ab*", "a?"], Some("azz")),
            (&["*"], &["", "?", "??*"], None),
            (&["arn:*:x/*"], &["arn:*:x/?*"], Some("arn::x/")),
            (&["*a*", "*b*"], &["*ab*"], Some("ba")),
            (&["abc", "?b?"], &[], Some("abc")),
            (&["abc"], &["a*"], None),
            (&["!*"], &[], None),
            (&["*a?|*b?"], &["*a?"], Some("bz")),
            (&["a*:b*"], &["a*:b", "a*:b?", "a*:b??*"], None),
            (&["a*:b*"], &["a*:b", "a*:b??*"], Some("a:bz")),
        ];
        for (inside, outside, want) in cases {
            assert_eq!(nearest(inside, outside).as_deref(), want, "{inside:?} without {outside:?}");
        }
    }

    #[test]
    fn every_set_of_watches_is_visited() {
        let (all, a, b) = (
            Region::one(Glob::wild("*")),
            Region::one(Glob::wild("*a*")),
            Region::one(Glob::wild("*b*")),
        );
        let mut question = Question::default();
        question.inside(&all);
        question.watch(&a);
        question.watch(&b);
        let mut seen = std::collections::BTreeSet::new();
        let mut visit = |_: &str, watched: &[bool], _: &mut Budget| {
            seen.insert(watched.to_vec());
            Ok(ControlFlow::Continue(()))
        };
        question.visit(&mut Budget::default(), &mut visit).unwrap();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_text_that_takes_exponential_search_spends_the_budget_instead() {
        // The 24th character from the end decides: every subset of the last 24 places is a state of its own.
        let hard = format!("*a{}", "?".repeat(24));
        let harder = format!("*b{}|*c{}", "?".repeat(24), "?".repeat(23));
        let (region, other) = (
            Region::one(Glob::wild(&hard)),
            Region::new(harder.split('|').map(Glob::wild).collect(), false),
        );
        let mut question = Question::default();
        question.inside(&region);
        question.watch(&other);
        let result =
            question.visit(&mut Budget::default(), &mut |_, _, _| Ok(ControlFlow::Continue(())));
        assert_eq!(result, Err(Spent));
    }
}
