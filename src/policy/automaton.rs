//! All globs of one question as one bit-parallel automaton: bit `p` says "the text so far matches the tokens before `p`".
//!
//! Three groups of globs are followed at once. A **clause** must be matched by at least one of its globs, a **never** by
//! none, and a **watch** is only reported. What can no longer change the answer is forgotten, so that states which mean
//! the same are the same: positions before a reached `*`, and the siblings of a glob that will match whatever follows.

use std::ops::Range;

use super::glob::{Glob, Token};

/// A set of positions, 64 to a word.
pub(super) type Bits = Box<[u64]>;

/// What the globs of a group are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Clause,
    Never,
    Watch,
}

struct Group {
    role: Role,
    /// The positions of its globs.
    span: Range<usize>,
}

/// The automaton of one question.
pub(super) struct Automaton {
    groups: Vec<Group>,
    /// Token and start of its glob, by position; `None` at the end of a glob.
    tokens: Vec<(Option<Token>, usize)>,
    /// Fewest characters from a position to the end of its glob.
    left: Vec<u32>,
    /// Distinct characters, sorted, and for each the positions that wait for it.
    alphabet: Vec<(char, Bits)>,
    one: Bits,
    many: Bits,
    /// Ends of globs.
    end: Bits,
    /// A `*` with nothing behind it: whatever follows, the glob matches.
    sure: Bits,
    /// The same two for the globs that must not match.
    never_end: Bits,
    never_sure: Bits,
    start: Bits,
}

/// What a state says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// No continuation can be an answer.
    Hopeless,
    /// Perhaps after at least this many characters more.
    Open(u32),
}

fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

fn has(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

/// The set bits within a range, in order.
fn ones<'b>(bits: &'b [u64], span: &Range<usize>) -> impl Iterator<Item = usize> + use<'b> {
    let Range { start, end } = span.clone();
    let words =
        bits.iter().enumerate().skip(start / 64).take(end.div_ceil(64).saturating_sub(start / 64));
    words.flat_map(move |(index, &word)| {
        let mut word = word;
        std::iter::from_fn(move || {
            let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
            word &= word - 1;
            Some(index * 64 + bit)
        })
        .filter(move |at| (start..end).contains(at))
    })
}

fn clear(bits: &mut [u64], span: Range<usize>) {
    for (index, word) in bits.iter_mut().enumerate().skip(span.start / 64) {
        let (low, high) =
            (span.start.saturating_sub(index * 64), span.end.saturating_sub(index * 64));
        if high == 0 {
            return;
        }
        let below = |n: usize| if n >= 64 { u64::MAX } else { (1 << n) - 1 };
        *word &= !(below(high) & !below(low));
    }
}

impl Automaton {
    /// Builds the automaton; the cost is positions times distinct characters.
    pub(super) fn new<'g>(groups: impl IntoIterator<Item = (Role, Vec<&'g Glob>)>) -> Self {
        let mut tokens: Vec<(Option<Token>, usize)> = Vec::new();
        let mut spans = Vec::new();
        let mut starts = Vec::new();
        for (role, globs) in groups {
            let from = tokens.len();
            for glob in globs {
                let start = tokens.len();
                starts.push(start);
                tokens.extend(glob.tokens().iter().map(|t| (Some(*t), start)));
                tokens.push((None, start));
            }
            spans.push(Group { role, span: from..tokens.len() });
        }
        let mut left: Vec<u32> = vec![0; tokens.len()];
        for (at, (token, _)) in tokens.iter().enumerate().rev() {
            let after = if token.is_some() { left.get(at + 1).copied().unwrap_or(0) } else { 0 };
            if let Some(cell) = left.get_mut(at) {
                *cell = after + u32::from(matches!(token, Some(Token::Char(_) | Token::One)));
            }
        }
        let empty: Bits = vec![0; tokens.len().div_ceil(64)].into();
        let mut letters: Vec<char> = tokens
            .iter()
            .filter_map(|(token, _)| if let Some(Token::Char(c)) = token { Some(*c) } else { None })
            .collect();
        letters.sort_unstable();
        letters.dedup();
        let mut alphabet: Vec<(char, Bits)> =
            letters.into_iter().map(|c| (c, empty.clone())).collect();
        let [mut one, mut many, mut end, mut sure] = [0; 4].map(|_| empty.clone());
        for (at, (token, _)) in tokens.iter().enumerate() {
            match token {
                Some(Token::Char(c)) => {
                    if let Some((_, bits)) = find(&mut alphabet, *c) {
                        set(bits, at);
                    }
                }
                Some(Token::One) => set(&mut one, at),
                Some(Token::Many) => {
                    set(&mut many, at);
                    if tokens.get(at + 1).is_some_and(|(next, _)| next.is_none()) {
                        set(&mut sure, at);
                    }
                }
                None => set(&mut end, at),
            }
        }
        let mut never: Bits = empty.clone();
        let nevers = spans.iter().filter(|group| group.role == Role::Never);
        nevers.flat_map(|group| group.span.clone()).for_each(|at| set(&mut never, at));
        let both = |a: &Bits, b: &Bits| a.iter().zip(b).map(|(a, b)| a & b).collect::<Bits>();
        let (never_end, never_sure) = (both(&end, &never), both(&sure, &never));
        let groups = spans.into_iter().filter(|group| group.role != Role::Never).collect();
        let mut automaton = Self {
            groups,
            tokens,
            left,
            alphabet,
            one,
            many,
            end,
            sure,
            never_end,
            never_sure,
            start: empty,
        };
        let mut start = automaton.start.clone();
        starts.into_iter().for_each(|at| set(&mut start, at));
        automaton.pass_many(&mut start);
        automaton.forget(&mut start);
        automaton.start = start;
        automaton
    }

    pub(super) fn start(&self) -> Bits {
        self.start.clone()
    }

    /// Words a state takes.
    pub(super) fn words(&self) -> usize {
        self.start.len()
    }

    /// Machine words touched to make a state and look at it, about.
    pub(super) fn step_cost(&self) -> usize {
        self.words() * 12 + self.alphabet.len() * self.words() / 8 + self.groups.len() * 32 + 64
    }

    /// Bytes the automaton itself takes, about.
    pub(super) fn bytes(&self) -> usize {
        (self.alphabet.len() + 8) * self.words() * 8 + self.tokens.len() * 32
    }

    /// The characters that some position of the state waits for, each once.
    pub(super) fn awaited(&self, state: &[u64]) -> Vec<char> {
        self.alphabet.iter().filter(|(_, bits)| meet(bits, state)).map(|(c, _)| *c).collect()
    }

    /// The state after one more character; `None` stands for any character that nothing in this state waits for.
    pub(super) fn step(&self, state: &[u64], c: Option<char>) -> Bits {
        let letter = c.and_then(|c| self.alphabet.binary_search_by_key(&c, |(c, _)| *c).ok());
        let letter = letter.and_then(|index| self.alphabet.get(index)).map(|(_, bits)| bits);
        let mut next: Bits = state.iter().zip(&self.many).map(|(s, many)| s & many).collect();
        let mut carry = 0;
        for (index, cell) in next.iter_mut().enumerate() {
            let word = |bits: &[u64]| bits.get(index).copied().unwrap_or(0);
            let moving = word(state) & (word(&self.one) | letter.map_or(0, |bits| word(bits)));
            *cell |= moving << 1 | carry;
            carry = moving >> 63;
        }
        self.pass_many(&mut next);
        self.drop_before_new_many(state, &mut next);
        self.forget(&mut next);
        next
    }

    /// A `*` may be empty: who stands before it stands behind it too. Normal form has no two in a row.
    fn pass_many(&self, state: &mut [u64]) {
        let mut carry = 0;
        for (cell, many) in state.iter_mut().zip(&self.many) {
            let passing = *cell & many;
            *cell |= passing << 1 | carry;
            carry = passing >> 63;
        }
    }

    /// From a `*` on, a glob matches whatever it would have matched from further back: drop what lies behind.
    fn drop_before_new_many(&self, before: &[u64], state: &mut [u64]) {
        for index in 0..state.len() {
            let word = |bits: &[u64]| bits.get(index).copied().unwrap_or(0);
            let mut new = word(state) & word(&self.many) & !word(before);
            while new != 0 {
                let at = index * 64 + new.trailing_zeros() as usize;
                new &= new - 1;
                let start = self.tokens.get(at).map_or(at, |(_, start)| *start);
                clear(state, start..at);
            }
        }
    }

    /// Once one glob of a clause or watch will match whatever follows, its siblings no longer matter.
    fn forget(&self, state: &mut [u64]) {
        if !meet(state, &self.sure) {
            return;
        }
        for group in &self.groups {
            let first = ones(state, &group.span).find(|&at| has(&self.sure, at));
            if let Some(at) = first {
                clear(state, group.span.clone());
                set(state, at);
                set(state, at + 1);
            }
        }
    }

    fn touches(&self, state: &[u64], mask: &[u64], span: &Range<usize>) -> bool {
        ones(state, span).any(|at| has(mask, at))
    }

    /// Whether the text so far is an answer: every clause matched, no never.
    pub(super) fn accepts(&self, state: &[u64]) -> bool {
        let mut clauses = self.groups.iter().filter(|group| group.role == Role::Clause);
        !meet(state, &self.never_end)
            && clauses.all(|group| self.touches(state, &self.end, &group.span))
    }

    /// Which watches the text so far matches, in order.
    pub(super) fn watched(&self, state: &[u64]) -> Vec<bool> {
        let watches = self.groups.iter().filter(|group| group.role == Role::Watch);
        watches.map(|group| self.touches(state, &self.end, &group.span)).collect()
    }

    /// Whether an answer can still come, and how far off it is at least.
    pub(super) fn outlook(&self, state: &[u64]) -> Outlook {
        if meet(state, &self.never_sure) {
            return Outlook::Hopeless;
        }
        let mut far = 0;
        for group in self.groups.iter().filter(|group| group.role == Role::Clause) {
            match ones(state, &group.span).filter_map(|at| self.left.get(at)).min() {
                None => return Outlook::Hopeless,
                Some(&left) => far = far.max(left),
            }
        }
        Outlook::Open(far)
    }
}

/// Whether two sets of positions share one.
fn meet(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b != 0)
}

fn find(alphabet: &mut [(char, Bits)], c: char) -> Option<&mut (char, Bits)> {
    let index = alphabet.binary_search_by_key(&c, |(c, _)| *c).ok()?;
    alphabet.get_mut(index)
}
