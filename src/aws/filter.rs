//! Which accounts are left out, and why. Pure.

use crate::config::{Candidate, Match, Selector};
use crate::model::SkipReason;

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

/// Why Organizations' own words leave an account out. `State` counts; `Status` is what old emulators have instead.
pub(super) fn skip_by_state(state: Option<&str>, status: Option<&str>) -> Option<SkipReason> {
    match state.filter(|s| !s.is_empty()).or(status) {
        Some("ACTIVE") => None,
        Some("SUSPENDED") => Some(SkipReason::Suspended),
        Some("PENDING_CLOSURE") => Some(SkipReason::PendingClosure),
        Some("PENDING_ACTIVATION") => Some(SkipReason::PendingActivation),
        Some("CLOSED") => Some(SkipReason::Closed),
        _ => Some(SkipReason::UnknownState),
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
    fn state_counts_before_status_and_what_is_unknown_is_not_scanned() {
        use SkipReason as S;
        let cases = [
            (Some("ACTIVE"), None, None),
            (Some("ACTIVE"), Some("SUSPENDED"), None),
            (Some("CLOSED"), Some("ACTIVE"), Some(S::Closed)),
            (Some("SUSPENDED"), None, Some(S::Suspended)),
            (Some("PENDING_CLOSURE"), None, Some(S::PendingClosure)),
            (Some("PENDING_ACTIVATION"), None, Some(S::PendingActivation)),
            (Some("FROZEN"), Some("ACTIVE"), Some(S::UnknownState)),
            (None, Some("ACTIVE"), None),
            (Some(""), Some("ACTIVE"), None),
            (None, Some("SUSPENDED"), Some(S::Suspended)),
            (None, Some("active"), Some(S::UnknownState)),
            (None, None, Some(S::UnknownState)),
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
