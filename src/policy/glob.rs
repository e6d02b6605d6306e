//! Globs over `*` (any run of characters, also none) and `?` (exactly one character): IAM's only wildcards.

use std::fmt;
use std::sync::Arc;

/// One piece of a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Token {
    /// This character.
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// A glob in normal form: within a run of wildcards every `?` stands before the single `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Glob(Arc<[Token]>);

impl Glob {
    /// Puts tokens into normal form.
    pub(super) fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut out = Vec::new();
        let mut many = false;
        for token in tokens {
            match token {
                Token::Many => many = true,
                Token::One => out.push(Token::One),
                Token::Char(_) => {
                    if std::mem::take(&mut many) {
                        out.push(Token::Many);
                    }
                    out.push(token);
                }
            }
        }
        if many {
            out.push(Token::Many);
        }
        Self(out.into())
    }

    /// The text itself, with no wildcard in it.
    pub(super) fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    /// The text with its wildcards.
    pub(super) fn wild(text: &str) -> Self {
        Self::new(text.chars().map(|c| match c {
            '*' => Token::Many,
            '?' => Token::One,
            c => Token::Char(c),
        }))
    }

    /// The pieces.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// The only text it matches, if there is only one.
    pub(super) fn as_literal(&self) -> Option<String> {
        self.0
            .iter()
            .map(|token| match token {
                Token::Char(c) => Some(*c),
                Token::One | Token::Many => None,
            })
            .collect()
    }

    /// Whether the text is one of the glob's.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.accepts(text.chars().map(Token::Char).collect::<Vec<_>>().as_slice())
    }

    /// Whether every text of `other` is certainly one of ours. Sound, not complete: `false` means "not proved".
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.accepts(&other.0)
    }

    /// Greedy matching, going back only to the last `*`. A `?` or `*` in the text is a character of its own that only
    /// our wildcards take (`?` takes no `*`): so a glob is matched as the set it is.
    fn accepts(&self, text: &[Token]) -> bool {
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while let Some(&c) = text.get(t) {
            match self.0.get(p) {
                Some(Token::Many) => {
                    retry = Some((p + 1, t));
                    p += 1;
                    continue;
                }
                Some(Token::One) if c != Token::Many => {}
                Some(Token::Char(_)) if self.0.get(p) == Some(&c) => {}
                _ => match retry {
                    Some((after, from)) => {
                        retry = Some((after, from + 1));
                        (p, t) = (after, from + 1);
                        continue;
                    }
                    None => return false,
                },
            }
            p += 1;
            t += 1;
        }
        self.0.get(p..).is_some_and(|rest| rest.iter().all(|token| *token == Token::Many))
    }

    /// Whether some text may be in both. Exact while one of the two has less than 64 tokens or no wildcard; else `true`
    /// only means "not proved apart".
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let (a, b) = (self.tokens(), other.tokens());
        if apart(a.iter().copied(), b.iter().copied())
            || apart(a.iter().rev().copied(), b.iter().rev().copied())
        {
            return false;
        }
        if !a.contains(&Token::Many) && !a.contains(&Token::One) {
            return other.accepts(a);
        }
        if !b.contains(&Token::Many) && !b.contains(&Token::One) {
            return self.accepts(b);
        }
        let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
        short.len() >= 64 || meet_short(long, short)
    }

    /// Whether it holds no wildcard.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Char(_)))
    }
}

/// Whether two globs share a text, the second one having less than 64 tokens: bit j says that some text is matched by
/// the tokens of `long` so far and, as well, by the first j of `short`.
fn meet_short(long: &[Token], short: &[Token]) -> bool {
    let (mut one, mut many) = (0u64, 0u64);
    let mut letters: Vec<(char, u64)> = Vec::new();
    for (j, token) in short.iter().enumerate() {
        match token {
            Token::One => one |= 1 << j,
            Token::Many => many |= 1 << j,
            Token::Char(c) => match letters.iter_mut().find(|(known, _)| known == c) {
                Some((_, bits)) => *bits |= 1 << j,
                None => letters.push((*c, 1 << j)),
            },
        }
    }
    let all = u64::MAX >> (63 - short.len());
    // Where a `*` stands it may end at once.
    let ended = |bits: u64| (bits | (bits & many) << 1) & all;
    let mut here = ended(1);
    for token in long {
        here = match token {
            // It takes any number of the other's tokens: from the first place on, every place.
            Token::Many => !(here & here.wrapping_neg()).wrapping_sub(1) & all,
            Token::One => ended((here & !many) << 1 | here & many),
            Token::Char(c) => {
                let letter =
                    letters.iter().find(|(known, _)| known == c).map_or(0, |(_, bits)| *bits);
                ended((here & (one | letter)) << 1 | here & many)
            }
        };
        if here == 0 {
            return false;
        }
    }
    here >> short.len() & 1 == 1
}

/// Whether two globs differ in a character before their first `*`, read from one end.
fn apart(a: impl Iterator<Item = Token>, b: impl Iterator<Item = Token>) -> bool {
    for pair in a.zip(b) {
        match pair {
            (Token::Many, _) | (_, Token::Many) => return false,
            (Token::Char(x), Token::Char(y)) if x != y => return true,
            _ => {}
        }
    }
    false
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.iter().try_for_each(|token| match token {
            Token::Char(c) => f.write_char(*c),
            Token::One => f.write_char('?'),
            Token::Many => f.write_char('*'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Matching as the page says it, one character at a time.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                reference(&pattern[1..], text)
                    || (!text.is_empty() && reference(pattern, &text[1..]))
            }
            (Some('?'), Some(_)) => reference(&pattern[1..], &text[1..]),
            (Some(p), Some(t)) if p == t => reference(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    /// Every text up to five characters over the alphabet and one character more.
    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..5 {
            last = last.iter().flat_map(|t| ["a", "b", "x"].map(|c| format!("{t}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn only_star_and_question_mark_are_wild() {
        let cases = [
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*b?c", "a--bxc", true),
            ("a*b?c", "a--bc", false),
            ("%", "x", false),
            ("[ab]", "a", false),
            ("arn:*:x", "arn:a/b:c:x", true),
            ("*?", "x", true),
            ("**", "", true),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(Glob::wild(pattern).matches(text), want, "`{pattern}` on `{text}`");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A tiny alphabet makes near misses common.
        #[test]
        fn matching_agrees_with_the_reference(pattern in "[ab*?]{0,6}", text in "[abx]{0,6}") {
            prop_assert_eq!(Glob::wild(&pattern).matches(&text), reference(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn covering_is_never_claimed_wrongly(wide in "[ab*?]{0,5}", narrow in "[ab*?]{0,5}") {
            if Glob::wild(&wide).covers(&Glob::wild(&narrow)) {
                for text in texts() {
                    let inside = reference(&chars(&narrow), &chars(&text));
                    prop_assert!(!inside || reference(&chars(&wide), &chars(&text)), "`{}` is not in `{}`", text, wide);
                }
            }
        }

        #[test]
        fn meeting_is_exact(a in "[ab*?]{0,4}", b in "[ab*?]{0,4}") {
            // Two globs of n and m tokens that meet do so in a text of at most n + m characters.
            let mut all = texts();
            all.extend(["aaaaaa", "bbbbbb", "ababab", "bababa", "aabbaa"].map(str::to_owned));
            let both = all.iter().any(|t| reference(&chars(&a), &chars(t)) && reference(&chars(&b), &chars(t)));
            let (a_glob, b_glob) = (Glob::wild(&a), Glob::wild(&b));
            let meets = a_glob.may_meet(&b_glob);
            prop_assert!(!both || meets, "they share a text");
            // Short ones cannot meet only in a longer text.
            if a.len() + b.len() <= 5 {
                prop_assert_eq!(meets, both);
            }
        }
    }
}
