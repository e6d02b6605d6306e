//! Sets of requests: unions of rectangles (actions times scope) less other rectangles, and the question whether one such
//! set reaches beyond another.

use std::ops::ControlFlow;

use super::budget::{Budget, Spent};
use super::glob::Glob;
use super::search::Question;
use super::statement::Region;

/// Actions times principals or resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) actions: Region,
    pub(super) scope: Region,
}

/// Requests in any `allow` and in no `deny`.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    pub(super) allow: Vec<Rect>,
    pub(super) deny: Vec<Rect>,
}

/// A request in the engine's terms: folded action, encoded scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) action: String,
    pub(super) scope: String,
}

impl Rect {
    fn contains(&self, request: &Request) -> bool {
        self.actions.contains(&request.action) && self.scope.contains(&request.scope)
    }

    fn is_empty(&self) -> bool {
        self.actions.is_empty() || self.scope.is_empty()
    }
}

impl Requests {
    pub(super) fn push(&mut self, allow: bool, rect: Rect) {
        if !rect.is_empty() {
            let list = if allow { &mut self.allow } else { &mut self.deny };
            list.push(rect);
        }
    }

    pub(super) fn contains(&self, request: &Request) -> bool {
        self.allow.iter().any(|r| r.contains(request))
            && !self.deny.iter().any(|r| r.contains(request))
    }
}

/// Suggests requests that read well, tried before any search: `(actions, scope)` of one rectangle.
pub(super) type Suggest<'s> = dyn Fn(&Rect) -> Vec<Request> + 's;

/// Requests like one that a search found, and easier to read; the search itself takes the shortest texts there are.
pub(super) type Nicer<'s> = dyn Fn(&Request) -> Vec<Request> + 's;

/// Requests of `wide` that are not in `narrow`: none if there are none, else at least one and at most `most`.
pub(super) fn beyond(
    wide: &Requests,
    narrow: &Requests,
    universe: &Region,
    (suggest, nicer): (&Suggest<'_>, &Nicer<'_>),
    most: usize,
    budget: &mut Budget,
) -> Result<Vec<Request>, Spent> {
    /// Denies of the other side that suggestions are taken from.
    const DENIES: usize = 4;
    let mut found: Vec<Request> = Vec::new();
    // One witness proves the verdict. More are a courtesy, tried among suggestions alone and at no cost to the verdict.
    let mut courtesy = Budget::courtesy();
    let cost = rects_cost(&wide.deny) + rects_cost(&narrow.allow) + rects_cost(&narrow.deny);
    // What the other side denies separates the two as well as what it does not allow.
    let denied: Vec<Request> = narrow.deny.iter().take(DENIES).flat_map(suggest).collect();
    for piece in wide.allow.iter().flat_map(pieces) {
        if found.is_empty() {
            budget.work(cost)?;
            if surely_within(&piece, narrow) {
                continue;
            }
        }
        let purse = if found.is_empty() { &mut *budget } else { &mut courtesy };
        let mut hit = None;
        let suggested = suggest(&piece).into_iter().chain(denied.clone());
        for request in suggested.filter(|request| piece.contains(request)) {
            if purse.work(cost).is_err() {
                return if found.is_empty() { Err(Spent) } else { Ok(found) };
            }
            let refused = wide.deny.iter().any(|deny| deny.contains(&request));
            if !refused && !narrow.contains(&request) {
                hit = Some(request);
                break;
            }
        }
        match hit {
            Some(request) if found.contains(&request) => {}
            Some(request) => found.push(request),
            None if found.is_empty() => {
                let Some(bare) = search(&piece, wide, narrow, universe, budget)? else { continue };
                let separates = |request: &Request| {
                    courtesy.work(cost).is_ok()
                        && piece.contains(request)
                        && wide.contains(request)
                        && !narrow.contains(request)
                };
                found.push(nicer(&bare).into_iter().find(separates).unwrap_or(bare));
            }
            None => {}
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// Machine words touched to ask whether a request is in any of these, about.
fn rects_cost(rects: &[Rect]) -> usize {
    rects.iter().map(|rect| rect.actions.cost() + rect.scope.cost()).sum()
}

/// The rectangle as rectangles of one action glob and one scope glob each.
fn pieces(rect: &Rect) -> impl Iterator<Item = Rect> + use<'_> {
    let scopes = rect.scope.pieces();
    rect.actions.pieces().into_iter().flat_map(move |actions| {
        let scopes = scopes.clone();
        scopes.into_iter().map(move |scope| Rect { actions: actions.clone(), scope })
    })
}

/// The cheap case: one Allow of the other side holds the whole piece, and no Deny reaches into it.
fn surely_within(piece: &Rect, narrow: &Requests) -> bool {
    let only = |region: &Region| match region.globs() {
        [glob] if !region.negated => Some(glob.clone()),
        _ => None,
    };
    let (Some(action), Some(scope)) = (only(&piece.actions), only(&piece.scope)) else {
        return narrow.deny.is_empty() && narrow.allow.contains(piece);
    };
    let covers = |wide: &Region, glob| !wide.negated && wide.union_covers(glob);
    let misses = |other: &Region, glob| !other.negated && other.union_misses(glob);
    narrow.allow.iter().any(|r| covers(&r.actions, &action) && covers(&r.scope, &scope))
        && narrow.deny.iter().all(|r| misses(&r.actions, &action) || misses(&r.scope, &scope))
}

/// A request of the piece that `wide` does not deny and `narrow` does not allow, or does deny.
fn search(
    piece: &Rect,
    wide: &Requests,
    narrow: &Requests,
    universe: &Region,
    budget: &mut Budget,
) -> Result<Option<Request>, Spent> {
    let outside: Vec<&Rect> = wide.deny.iter().chain(&narrow.allow).collect();
    if let Some(request) = find(&[piece], &outside, universe, budget)? {
        return Ok(Some(request));
    }
    let denied: Vec<&Rect> = wide.deny.iter().collect();
    for deny in &narrow.deny {
        if let Some(request) = find(&[piece, deny], &denied, universe, budget)? {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

/// A request inside all of `inside` and outside all of `outside`, or the proof that there is none.
///
/// A rectangle to stay out of is left through its actions or through its scope. Where one of the two is no way out (all
/// that is asked for lies within it), the other must be taken. What is left is watched while actions are walked: each
/// set of rectangles that an action lies in is one question about scopes, and a superset of a failed set fails too.
fn find(
    inside: &[&Rect],
    outside: &[&Rect],
    universe: &Region,
    budget: &mut Budget,
) -> Result<Option<Request>, Spent> {
    let (mut actions, mut scope) = (Question::default(), Question::default());
    for rect in inside {
        actions.inside(&rect.actions);
        scope.inside(&rect.scope);
    }
    scope.inside(universe);
    budget.work(512)?;
    let mut open: Vec<&Rect> = Vec::new();
    let (mut by_actions, mut by_scope) = (Vec::new(), Vec::new());
    for rect in outside {
        budget.work(4 * (rect.actions.cost() + rect.scope.cost()))?;
        if actions.surely_outside(&rect.actions) || scope.surely_outside(&rect.scope) {
            continue;
        }
        match (actions.surely_inside(&rect.actions), scope.surely_inside(&rect.scope)) {
            (true, true) => return Ok(None),
            (true, false) => by_scope.push(&rect.scope),
            (false, true) => by_actions.push(&rect.actions),
            (false, false) => open.push(rect),
        }
    }
    by_actions.into_iter().for_each(|region| actions.outside(region));
    by_scope.into_iter().for_each(|region| scope.outside(region));
    open.iter().for_each(|rect| actions.watch(&rect.actions));

    let mut failed: Vec<Vec<bool>> = Vec::new();
    let mut found = None;
    actions.visit(budget, &mut |action, held, budget| {
        budget.work(failed.len() * held.len() + 1)?;
        let worse = |known: &Vec<bool>| known.iter().zip(held).all(|(k, h)| !*k || *h);
        if failed.iter().any(worse) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut question = scope.clone();
        open.iter()
            .zip(held)
            .filter(|(_, held)| **held)
            .for_each(|(rect, _)| question.outside(&rect.scope));
        question.visit(budget, &mut |scope, _, _| {
            found = Some(Request { action: action.to_owned(), scope: scope.to_owned() });
            Ok(ControlFlow::Break(()))
        })?;
        if found.is_some() {
            return Ok(ControlFlow::Break(()));
        }
        failed.push(held.to_vec());
        Ok(if held.contains(&true) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

/// Everything.
pub(super) fn anything() -> Region {
    Region::one(Glob::wild("*"))
}
