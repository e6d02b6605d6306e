//! Pages of Organizations, and everything that can go wrong with them.

use serde_json::{Value, json};

use super::answer::Call;
use super::named::named;
use super::organizations::invalid_input;
use super::wire::Refusal;

/// Most items on one page.
const MAX_PAGE: usize = 20;
/// An account number with eleven digits.
const MALFORMED_ID: &str = "11112222333";

named! {
    /// What goes wrong with pages of Organizations. In settings each has a text form, as `cycle:3`.
    pub enum Paging, "way of paging" {
        /// Nothing.
        Honest => "honest",
        /// So many empty pages, each with a token, come before every real one.
        EmptyPages(pages: usize = 3) => "empty-pages",
        /// The last item is followed by a token, which leads to an empty page.
        LastPageEmpty => "last-page-empty",
        /// Each page begins with the last item of the page before.
        Overlapping => "overlapping",
        /// The second page and every one after it carry the same token and the same items.
        RepeatingToken => "repeating-token",
        /// After so many pages the first page's token comes again.
        Cycle(pages: usize = 3) => "cycle",
        /// Empty pages with new tokens, for ever.
        Endless => "endless",
        /// The first page's items with new tokens, for ever.
        EndlessItems => "endless-items",
        /// The list ends after so many pages, as if that were all.
        StopsAfter(pages: usize = 1) => "stops-after",
        /// No item and no token.
        Empty => "empty",
        /// The last item of the first page has an account number that is none.
        MalformedId => "malformed-id",
    }
}

/// Where a page begins, and how many pages were asked for before it in this walk.
#[derive(Clone, Copy)]
struct Token {
    start: usize,
    before: usize,
}

impl Token {
    /// The token, and the last item of the page before, where it is told.
    fn parse(token: &str) -> Option<(Self, Option<&str>)> {
        let mut parts = token.strip_prefix("page-")?.splitn(3, '-');
        let mut number = || parts.next()?.parse().ok();
        let token = Self { start: number()?, before: number()? };
        Some((token, parts.next()))
    }

    fn text(self, after: Option<&str>) -> String {
        let Self { start, before } = self;
        after.map_or_else(
            || format!("page-{start}-{before}"),
            |after| format!("page-{start}-{before}-{after}"),
        )
    }
}

/// What goes on a page: items from here on, how many, and what comes after them.
struct Plan {
    start: usize,
    items: usize,
    /// The next token; `None` is the honest one, where more items follow.
    next: Option<Next>,
}

enum Next {
    Token(Token),
    End,
}

impl Paging {
    fn plan(self, at: Token, size: usize, total: usize) -> Plan {
        let Token { start, before } = at;
        let walked = before.saturating_add(1);
        let honest = Plan { start, items: size, next: None };
        let to = |start, before| Some(Next::Token(Token { start, before }));
        match self {
            Self::Honest | Self::MalformedId => honest,
            Self::EmptyPages(pages) if before < pages => {
                Plan { items: 0, next: to(start, walked), ..honest }
            }
            Self::EmptyPages(_) => honest,
            Self::LastPageEmpty if start < total && start.saturating_add(size) >= total => {
                Plan { next: to(total, 0), ..honest }
            }
            Self::LastPageEmpty => honest,
            Self::Overlapping => {
                let back = usize::from(start > 0);
                let next = start.saturating_add(size);
                let more = next < total;
                Plan {
                    start: start.saturating_sub(back),
                    items: size.saturating_add(back),
                    next: if more { to(next, 0) } else { Some(Next::End) },
                }
            }
            Self::RepeatingToken => Plan { next: to(size, 0), ..honest },
            Self::Cycle(pages) => {
                let turn = walked % pages.max(1);
                Plan { next: to(turn.saturating_mul(size), turn), ..honest }
            }
            Self::Endless => Plan { items: 0, next: to(start, walked), ..honest },
            Self::EndlessItems => Plan { start: 0, items: size, next: to(0, walked) },
            Self::StopsAfter(pages) => {
                let next = start.saturating_add(size);
                let more = walked < pages && next < total;
                Plan { next: if more { to(next, walked) } else { Some(Next::End) }, ..honest }
            }
            Self::Empty => Plan { items: 0, next: Some(Next::End), ..honest },
        }
    }
}

/// A page of a list of so many items; only what is on it is written. `from` gives the items from a number on, or from the
/// one after an `Id`, which a long list finds sooner.
pub(super) fn page<T, I: Iterator<Item = T>>(
    call: &Call<'_>,
    list: &str,
    total: usize,
    from: impl FnOnce(usize, Option<&str>) -> I,
    write: impl FnMut(T) -> Value,
) -> Result<Value, Refusal> {
    let listing = call.world.listing;
    let size = call
        .number("MaxResults", MAX_PAGE, 1, MAX_PAGE)
        .map_err(invalid_input)?
        .min(listing.page.max(1));
    let first = (Token { start: 0, before: 0 }, None);
    let at = call.get("NextToken").map_or(Some(first), Token::parse);
    let (at, after) =
        at.ok_or_else(|| Refusal::new(400, "InvalidInputException", "INVALID_NEXT_TOKEN"))?;
    let plan = listing.paging.plan(at, size, total);
    let items = from(plan.start, after.filter(|_| plan.start == at.start));
    let mut on_page: Vec<Value> = items.take(plan.items).map(write).collect();
    if listing.paging == Paging::MalformedId
        && at.start == 0
        && let Some(id) = on_page.last_mut().and_then(|item| item.get_mut("Id"))
    {
        *id = MALFORMED_ID.into();
    }
    let end = plan.start.saturating_add(plan.items);
    let last = || on_page.last()?.get("Id")?.as_str();
    let next = match plan.next {
        Some(Next::Token(token)) => Some(token.text(None)),
        Some(Next::End) => None,
        None => (end < total).then(|| Token { start: end, before: 0 }.text(last())),
    };
    let mut value = json!({list: on_page});
    if let (Some(token), Some(members)) = (next, value.as_object_mut()) {
        members.insert("NextToken".to_owned(), token.into());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_of_a_way_of_paging_leads_back_to_it() {
        for paging in Paging::EACH {
            assert_eq!(paging.to_string().parse(), Ok(*paging));
            assert!(!paging.about().is_empty());
        }
        let message = "cycles".parse::<Paging>().unwrap_err().to_string();
        assert!(message.starts_with("`cycles` is no way of paging: expected one of `honest`, "));
    }
}
