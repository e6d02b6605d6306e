//! Which accounts are left out, and why. Pure.

use crate::config::{Candidate, Match, Selector};
use crate::model::{AccountId, SkipReason};

/// What the selectors say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is scanned.
    In,
    /// It is left out.
    Out,
    /// Only its tags can tell.
    NeedsTags,
}

/// Include names what is scanned (empty: everything); exclude always wins.
pub(super) fn decide(include: &Selector, exclude: &Selector, candidate: Candidate<'_>) -> Decision {
    let included = if include.is_empty() { Match::Yes } else { include.matches(candidate) };
    let excluded = exclude.matches(candidate);
    match (included, excluded) {
        (Match::No, _) | (_, Match::Yes) => Decision::Out,
        (Match::NeedsTags, _) | (_, Match::NeedsTags) => Decision::NeedsTags,
        (Match::Yes, Match::No) => Decision::In,
    }
}

/// As [`decide`], for an account whose units and tags are not known: what might be in is.
pub(super) fn decide_by_id(include: &Selector, exclude: &Selector, id: &AccountId) -> Decision {
    let by_id_alone = include.ous.is_empty() && include.tags.is_empty();
    let included = include.is_empty() || include.ids.contains(id) || !by_id_alone;
    match included && !exclude.ids.contains(id) {
        true => Decision::In,
        false => Decision::Out,
    }
}

/// Why Organizations' own words leave an account out. `State` counts; `Status`, which AWS retired on 2026-09-09, is what old
/// emulators have instead. An account is left out only where a known word says that it is closed or not yet open: one
/// without a word, or with a new one, is scanned, so that it cannot get out of sight.
pub(super) fn skip_by_state(state: Option<&str>, status: Option<&str>) -> Option<SkipReason> {
    match state.filter(|s| !s.is_empty()).or(status) {
        Some("SUSPENDED") => Some(SkipReason::Suspended),
        Some("PENDING_CLOSURE") => Some(SkipReason::PendingClosure),
        Some("PENDING_ACTIVATION") => Some(SkipReason::PendingActivation),
        Some("CLOSED") => Some(SkipReason::Closed),
        _ => None,
    }
}

/// The ids of root and organizational units in one of an account's `Paths`, as `o-…/r-…/ou-…/111122223333/`.
pub(super) fn ancestors_of_path(path: &str) -> Option<Vec<String>> {
    let mut parts = path.split('/').skip_while(|part| part.starts_with("o-"));
    let root = parts.next().filter(|part| part.starts_with("r-"))?;
    Some(
        std::iter::once(root)
            .chain(parts.filter(|part| part.starts_with("ou-")))
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn selector(ids: &[&str], ous: &[&str], tags: &[(&str, &[&str])]) -> Selector {
        Selector {
            ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
            ous: ous.iter().map(|&ou| ou.to_owned()).collect(),
            tags: tags
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.iter().map(|&v| v.to_owned()).collect()))
                .collect(),
        }
    }

    #[test]
    fn exclude_wins_and_tags_are_asked_for_only_where_they_can_tell() {
        use Decision::{In, NeedsTags, Out};
        const A: &str = "111111111111";
        const B: &str = "222222222222";
        let none = || selector(&[], &[], &[]);
        let env = |values: &'static [&'static str]| selector(&[], &[], &[("env", values)]);
        let two = || selector(&[], &[], &[("env", &["prod"]), ("team", &["x", "y"])]);
        let prod: &[(&str, &str)] = &[("env", "prod")];
        let both: &[(&str, &str)] = &[("env", "prod"), ("team", "y"), ("more", "z")];
        type Row = (
            &'static str,
            Selector,
            Selector,
            Option<&'static [(&'static str, &'static str)]>,
            Decision,
        );
        let cases: Vec<Row> = vec![
            ("nothing named", none(), none(), None, In),
            ("included by id", selector(&[A], &[], &[]), none(), None, In),
            ("another included", selector(&[B], &[], &[]), none(), None, Out),
            ("excluded by id", none(), selector(&[A], &[], &[]), None, Out),
            ("another excluded", none(), selector(&[B], &[], &[]), None, In),
            (
                "included and excluded",
                selector(&[A], &[], &[]),
                selector(&[A], &[], &[]),
                None,
                Out,
            ),
            ("included by unit", selector(&[], &["ou-1"], &[]), none(), None, In),
            ("included by the root", selector(&[], &["r-1"], &[]), none(), None, In),
            ("another unit included", selector(&[], &["ou-9"], &[]), none(), None, Out),
            ("excluded by a unit above", none(), selector(&[], &["ou-1"], &[]), None, Out),
            (
                "included by id, excluded by unit",
                selector(&[A], &[], &[]),
                selector(&[], &["ou-2"], &[]),
                None,
                Out,
            ),
            ("any property includes", selector(&[B], &["ou-2"], &[]), none(), None, In),
            ("tags unknown", env(&["prod"]), none(), None, NeedsTags),
            ("tags not needed to exclude", env(&["prod"]), selector(&[A], &[], &[]), None, Out),
            (
                "tags not needed to include",
                selector(&[A], &[], &[("env", &["prod"])]),
                none(),
                None,
                In,
            ),
            ("tags not needed: not included", selector(&[B], &[], &[]), env(&["prod"]), None, Out),
            ("tag includes", env(&["dev", "prod"]), none(), Some(prod), In),
            ("tag value differs", env(&["dev"]), none(), Some(prod), Out),
            ("tag excludes", none(), env(&["prod"]), Some(prod), Out),
            ("tag does not exclude", none(), env(&["dev"]), Some(prod), In),
            ("every key must match", two(), none(), Some(prod), Out),
            ("every key matches", two(), none(), Some(both), In),
            ("no tags at all", env(&["prod"]), none(), Some(&[]), Out),
        ];
        let ancestors = ["r-1".to_owned(), "ou-1".to_owned(), "ou-2".to_owned()];
        for (case, include, exclude, tags, want) in cases {
            let tags: Option<BTreeMap<_, _>> = tags
                .map(|tags| tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
            let id = A.parse().unwrap();
            let candidate = Candidate { id: &id, units: &ancestors, tags: tags.as_ref() };
            assert_eq!(decide(&include, &exclude, candidate), want, "case `{case}`");
        }
    }

    #[test]
    fn where_only_the_number_is_known_nothing_else_leaves_an_account_out() {
        use Decision::{In, Out};
        const A: &str = "111111111111";
        let (none, ids) = (selector(&[], &[], &[]), |id| selector(&[id], &[], &[]));
        let unit = selector(&["222222222222"], &["ou-1"], &[]);
        let cases = [
            ("nothing named", &none, &none, In),
            ("included", &ids(A), &none, In),
            ("another included", &ids("222222222222"), &none, Out),
            ("excluded", &none, &ids(A), Out),
            ("perhaps in an included unit", &unit, &none, In),
            ("perhaps in an excluded unit", &none, &unit, In),
        ];
        for (case, include, exclude, want) in cases {
            assert_eq!(decide_by_id(include, exclude, &A.parse().unwrap()), want, "case `{case}`");
        }
    }

    #[test]
    fn state_counts_before_status_and_what_is_not_known_to_be_closed_is_scanned() {
        use SkipReason as S;
        let cases = [
            (Some("ACTIVE"), None, None),
            (Some("ACTIVE"), Some("SUSPENDED"), None),
            (Some("CLOSED"), Some("ACTIVE"), Some(S::Closed)),
            (Some("SUSPENDED"), None, Some(S::Suspended)),
            (Some("PENDING_CLOSURE"), None, Some(S::PendingClosure)),
            (Some("PENDING_ACTIVATION"), None, Some(S::PendingActivation)),
            (Some("FROZEN"), Some("ACTIVE"), None),
            (Some("FROZEN"), Some("SUSPENDED"), None),
            (Some("suspended"), None, None),
            (None, Some("PENDING_CLOSURE"), Some(S::PendingClosure)),
            (None, Some("ACTIVE"), None),
            (Some(""), Some("ACTIVE"), None),
            (None, Some("SUSPENDED"), Some(S::Suspended)),
            (None, Some("active"), None),
            (None, None, None),
        ];
        for (state, status, want) in cases {
            assert_eq!(skip_by_state(state, status), want, "case {state:?} {status:?}");
        }
    }

    #[test]
    fn a_path_of_ids_gives_the_units_above_an_account() {
        let cases: [(&str, Option<&[&str]>); 5] = [
            ("o-a/r-1/ou-1-2/ou-1-3/111122223333/", Some(&["r-1", "ou-1-2", "ou-1-3"])),
            ("o-a/r-1/111122223333/", Some(&["r-1"])),
            ("r-1", Some(&["r-1"])),
            ("/prod/payments", None),
            ("", None),
        ];
        for (path, want) in cases {
            assert_eq!(
                ancestors_of_path(path),
                want.map(|w| w.iter().map(|&s| s.to_owned()).collect()),
                "case `{path}`"
            );
        }
    }
}
