//! Walking pages: the SDK's paginators stop silently when a token repeats, which would be a partial list taken for a whole one.

use std::collections::HashSet;

use super::error::malformed;
use crate::model::ScanError;

/// Pages in a row that may bring nothing new. AWS allows empty pages before the end, but not for ever.
const BARREN: usize = 900;

/// The tokens seen in one walk, and how far it may go.
#[derive(Debug)]
pub(super) struct Pages {
    operation: &'static str,
    limit: usize,
    barren: usize,
    seen: HashSet<String>,
}

impl Pages {
    /// A walk of at most `limit` pages.
    pub(super) fn new(operation: &'static str, limit: usize) -> Self {
        Self { operation, limit, barren: 0, seen: HashSet::new() }
    }

    /// What is on a page. An answer without its list is not one with an empty list.
    ///
    /// # Errors
    /// There is no list: an empty body is read as such an answer.
    pub(super) fn items<T>(&self, items: Option<Vec<T>>) -> Result<Vec<T>, ScanError> {
        items.ok_or_else(|| malformed(self.operation, "the answer has no list"))
    }

    /// The token of the next page; `None` after the last. Pages may be empty and still have a next one; `news` says that
    /// this one had something that no page had before.
    ///
    /// # Errors
    /// A token that came before, or more pages than allowed.
    pub(super) fn next(
        &mut self,
        news: bool,
        token: Option<String>,
    ) -> Result<Option<String>, ScanError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        if !self.seen.insert(token.clone()) {
            return Err(malformed(
                self.operation,
                format!("page {} has a token that came before", self.seen.len() + 1),
            ));
        }
        if self.seen.len() >= self.limit {
            return Err(malformed(
                self.operation,
                format!("there are more than {} pages", self.limit),
            ));
        }
        self.barren = if news { 0 } else { self.barren + 1 };
        if self.barren >= BARREN {
            return Err(malformed(
                self.operation,
                format!("{BARREN} pages in a row brought nothing new, and the list does not end"),
            ));
        }
        Ok(Some(token))
    }

    /// As [`Pages::next`], for answers that say in two fields whether there is more.
    ///
    /// # Errors
    /// As [`Pages::next`], and more announced without a way to get it.
    pub(super) fn next_marker(
        &mut self,
        news: bool,
        truncated: bool,
        marker: Option<String>,
    ) -> Result<Option<String>, ScanError> {
        if !truncated {
            return Ok(None);
        }
        let next = self.next(news, marker)?;
        match next {
            Some(_) => Ok(next),
            None => Err(malformed(
                self.operation,
                "the list is truncated, but has no marker for the rest",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_followed_to_the_end_and_never_in_circles() {
        let walk = |tokens: &[Option<&str>]| {
            let mut pages = Pages::new("x:List", 4);
            tokens
                .iter()
                .map(|token| pages.next(true, token.map(str::to_owned)))
                .collect::<Result<Vec<_>, _>>()
                .map(|all| all.len())
        };
        let cases: [(&str, &[Option<&str>], bool); 6] = [
            ("one page", &[None], true),
            ("an empty token ends", &[Some("")], true),
            ("three", &[Some("a"), Some("b"), None], true),
            ("repeats itself", &[Some("a"), Some("a")], false),
            ("a circle", &[Some("a"), Some("b"), Some("a")], false),
            ("for ever", &[Some("a"), Some("b"), Some("c"), Some("d")], false),
        ];
        for (case, tokens, want) in cases {
            assert_eq!(walk(tokens).is_ok(), want, "case `{case}`");
        }
    }

    #[test]
    fn empty_pages_are_walked_through_but_not_for_ever() {
        // How many barren pages come after each that brings something, and after how many pages the walk ends.
        for (barren, want) in [(0, None), (50, None), (899, None), (900, Some(901))] {
            let mut pages = Pages::new("x:List", 5_000);
            let walked = (0..4_000)
                .find(|n| pages.next(n % (barren + 1) == 0, Some(n.to_string())).is_err());
            assert_eq!(walked.map(|n| n + 1), want, "case {barren}");
        }
    }

    #[test]
    fn a_truncated_list_needs_a_marker() {
        let cases = [
            (false, None, Ok(None)),
            (false, Some("m"), Ok(None)),
            (true, Some("m"), Ok(Some("m"))),
            (true, None, Err(())),
            (true, Some(""), Err(())),
        ];
        for (truncated, marker, want) in cases {
            let got =
                Pages::new("x:List", 9).next_marker(true, truncated, marker.map(str::to_owned));
            assert_eq!(
                got.map_err(|_| ()),
                want.map(|m: Option<&str>| m.map(str::to_owned)),
                "case {truncated} {marker:?}"
            );
        }
    }
}
