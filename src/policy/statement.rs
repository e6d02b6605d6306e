//! Statements in the engine's terms: an effect on actions times a scope (principals or resources), perhaps conditional.

use super::condition::Condition;
use super::glob::{Glob, Token};

/// A statement in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Statement {
    pub(super) allow: bool,
    pub(super) actions: Set,
    pub(super) scope: Set,
    pub(super) condition: Option<Condition>,
}

/// A union of patterns, or everything but it (`NotAction`, `NotResource`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Set {
    pub(super) patterns: Vec<Pattern>,
    pub(super) negated: bool,
}

/// A glob that may hold policy variables. With one, what it matches is not known: anything the rest of it permits
/// (each variable as `*`) *may* be matched, and nothing surely is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pattern {
    /// The widest it may be.
    pub(super) glob: Glob,
    /// The text of each variable in it, in order; empty when the glob is exact.
    pub(super) variables: Vec<String>,
}

/// How policy text becomes a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PatternRules {
    /// Fold ASCII case (actions).
    pub(super) fold: bool,
    /// `${…}` means something (Version 2012-10-17).
    pub(super) variables: bool,
}

impl Pattern {
    /// No wildcards, no variables.
    pub(super) fn exact(glob: Glob) -> Self {
        Self { glob, variables: Vec::new() }
    }

    /// Reads `*`, `?` and, where they mean something, `${*}`, `${?}`, `${$}` and `${variable}`.
    pub(super) fn parse(text: &str, rules: PatternRules) -> Self {
        let mut tokens = Vec::new();
        let mut variables = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let variable =
                rest.strip_prefix("${").filter(|_| rules.variables).and_then(|r| r.split_once('}'));
            if let Some((name, after)) = variable {
                rest = after;
                match name {
                    "*" | "?" | "$" => tokens.extend(name.chars().map(Token::Char)),
                    _ => {
                        tokens.push(Token::Many);
                        variables.push(name.to_owned());
                    }
                }
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            tokens.push(match c {
                '*' => Token::Many,
                '?' => Token::One,
                c if rules.fold => Token::Char(c.to_ascii_lowercase()),
                c => Token::Char(c),
            });
        }
        Self { glob: Glob::new(tokens), variables }
    }

    fn is_exact(&self) -> bool {
        self.variables.is_empty()
    }
}

impl Set {
    /// Sorted, without doubles, without what an exact sibling covers.
    pub(super) fn canonical(mut patterns: Vec<Pattern>, negated: bool) -> Self {
        /// Beyond this many the quadratic search for covered siblings costs more than it saves.
        const MOST: usize = 64;
        patterns.sort();
        patterns.dedup();
        if patterns.len() <= MOST {
            let covered = |p: &Pattern| {
                // Of two that cover each other only the smaller one stands.
                patterns.iter().any(|q| {
                    q != p
                        && q.is_exact()
                        && q.glob.covers(&p.glob)
                        && !(p.is_exact() && p < q && p.glob.covers(&q.glob))
                })
            };
            let kept: Vec<Pattern> = patterns.iter().filter(|p| !covered(p)).cloned().collect();
            patterns = kept;
        }
        Self { patterns, negated }
    }

    /// What it may match at most (`widest`) or surely matches.
    pub(super) fn region(&self, widest: bool) -> Region {
        let globs = self.patterns.iter().filter(|p| p.is_exact() || widest != self.negated);
        Region::new(globs.map(|p| p.glob.clone()).collect(), self.negated)
    }
}

/// An exact set of texts: a union of globs, or everything but it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    /// Sorted.
    globs: Vec<Glob>,
    /// Those of them that hold a wildcard.
    wild: Vec<Glob>,
    /// Tokens of the wild ones.
    tokens: usize,
    pub(super) negated: bool,
}

impl Region {
    pub(super) fn new(mut globs: Vec<Glob>, negated: bool) -> Self {
        globs.sort();
        let wild: Vec<Glob> = globs.iter().filter(|glob| !glob.is_literal()).cloned().collect();
        let tokens = wild.iter().map(|glob| glob.tokens().len()).sum();
        Self { globs, wild, tokens, negated }
    }

    pub(super) fn one(glob: Glob) -> Self {
        Self::new(vec![glob], false)
    }

    pub(super) fn globs(&self) -> &[Glob] {
        &self.globs
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.union_covers(&Glob::literal(text)) != self.negated
    }

    /// Whether one of the globs certainly covers this one; the negation is not looked at.
    pub(super) fn union_covers(&self, glob: &Glob) -> bool {
        self.globs.binary_search(glob).is_ok() || self.wild.iter().any(|wide| wide.covers(glob))
    }

    /// Whether no text of this glob is in the union; the negation is not looked at.
    pub(super) fn union_misses(&self, glob: &Glob) -> bool {
        if glob.is_literal() {
            return !self.union_covers(glob);
        }
        !self.globs.iter().any(|own| own.may_meet(glob))
    }

    /// Machine words touched to ask whether a text is in it, about.
    pub(super) fn cost(&self) -> usize {
        16 + 4 * self.wild.len() + 2 * self.tokens
    }

    pub(super) fn is_empty(&self) -> bool {
        self.globs.is_empty() && !self.negated
    }

    /// The same set as regions of one glob each, where that is possible.
    pub(super) fn pieces(&self) -> Vec<Self> {
        if self.negated {
            vec![self.clone()]
        } else {
            self.globs.iter().cloned().map(Self::one).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, variables: bool) -> Pattern {
        Pattern::parse(text, PatternRules { fold: false, variables })
    }

    #[test]
    fn variables_mean_something_only_where_the_version_says_so() {
        let cases = [
            ("a${*}b", true, "a*b", true),
            ("a${*}b", true, "axb", false),
            ("a${$}{x}", true, "a${x}", true),
            ("a${x}", false, "a${x}", true),
            ("a${open", true, "a${open", true),
        ];
        for (text, variables, on, want) in cases {
            let pattern = pattern(text, variables);
            assert!(pattern.is_exact(), "case `{text}`");
            assert_eq!(pattern.glob.matches(on), want, "`{text}` on `{on}`");
        }
        let unknown = pattern("home/${aws:username}/*", true);
        assert_eq!(unknown.variables, ["aws:username"]);
        assert!(unknown.glob.matches("home/anyone/x"));
    }

    #[test]
    fn an_unknown_pattern_widens_an_allow_and_narrows_a_not() {
        let set =
            |negated| Set { patterns: vec![pattern("a${x}", true), pattern("b", true)], negated };
        assert!(set(false).region(true).contains("aZ") && !set(false).region(false).contains("aZ"));
        assert!(set(true).region(true).contains("aZ") && !set(true).region(false).contains("aZ"));
        assert!(!set(true).region(true).contains("b"));
    }

    #[test]
    fn canonical_sets_hold_no_doubles_and_nothing_a_sibling_covers() {
        let set = |texts: &[&str]| {
            Set::canonical(texts.iter().map(|t| pattern(t, true)).collect(), false)
        };
        assert_eq!(set(&["b", "a*", "ab", "b", "?*"]), set(&["?*"]));
        assert_eq!(set(&["a${x}", "ab"]).patterns.len(), 2, "a variable covers nothing surely");
        assert_eq!(set(&["a${x}", "a*"]), set(&["a*"]));
    }
}
