//! `accounts`: where the list comes from and what is left out.

use std::collections::BTreeMap;

use serde_json::json;

use super::{ACCOUNT_ID, ROLE_ARN, WORDS};
use crate::config::combine::{List, MapOf, Nullable, OneOrMore, Placed};
use crate::config::kinds::{Count, OneOf, Span, Word};
use crate::config::reader::{Keys, Section};
use crate::config::yaml::Place;
use crate::config::{AccountSource, Accounts, ManagementAccount, Selector};
use crate::model::AccountId;

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Organization,
    List,
}

const SOURCE: OneOf<Source> =
    OneOf { words: &[("organization", Source::Organization), ("list", Source::List)], later: &[] };

const MANAGEMENT: OneOf<ManagementAccount> = OneOf {
    words: &[("include", ManagementAccount::Include), ("skip", ManagementAccount::Skip)],
    later: &[],
};

const OU: Word<String> = Word {
    expects: "an organizational unit such as ou-ab12-11111111 or a root such as r-ab12",
    pattern: "^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$",
    parse: |text| {
        let part = |part: &str, least| {
            (least..=32).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let fits = match text.split('-').collect::<Vec<_>>().as_slice() {
            ["ou", root, unit] => part(root, 4) && part(unit, 8),
            ["r", root] => part(root, 4),
            _ => false,
        };
        fits.then(|| text.to_owned())
    },
};

const ORGANIZATION_ID: Word<String> = Word {
    expects: "the id of an organization such as o-exampleorgid",
    pattern: "^o-[a-z0-9]{10,32}$",
    parse: |text| {
        let rest = text.strip_prefix("o-")?;
        let fits = (10..=32).contains(&rest.len())
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        fits.then(|| text.to_owned())
    },
};

pub(super) fn accounts(keys: &mut Keys<'_, '_>) -> Option<Accounts> {
    let doc = "Where the account list comes from: AWS Organizations, or the list in this file.";
    let source = if keys.around().accounts_needed {
        keys.required("source", doc, SOURCE)
    } else {
        keys.key("source", doc, SOURCE, json!("organization"))
    };
    let list = keys.key(
        "list",
        "The accounts, for `source: list`.",
        List(Placed(Section(listed))),
        json!([]),
    );
    let organization_id = keys.key(
        "organization_id",
        "The organization's id. Organizations tells it with `source: organization`, and another one is then an error; \
         with `source: list` and for `check` nothing else does, and aws:SourceOrgID is judged by it.",
        Nullable(ORGANIZATION_ID),
        json!(null),
    );
    let organization_role_arn = keys.key(
        "organization_role_arn",
        "Role assumed first for Organizations calls: in the management or a delegated administrator account.",
        Nullable(ROLE_ARN),
        json!(null),
    );
    let include =
        keys.key("include", "Only these; empty means everything.", Section(selector), json!({}));
    let exclude = keys.key("exclude", "Never these.", Section(selector), json!({}));
    let management_account = keys.key(
        "management_account",
        "Whether the management account is scanned.",
        MANAGEMENT,
        json!("include"),
    );
    let refresh = keys.key(
        "refresh",
        "Time from one listing of the organization to the next; no more often than sweeps (serve).",
        Span("10s", "7d"),
        json!("1h"),
    );
    let at_least = keys.key(
        "at_least",
        "Fewest accounts the organization has, closed and excluded ones included: a shorter list is refused as cut short. Null: any length is believed.",
        Nullable(Count(1..=50_000)),
        json!(null),
    );
    if source == Some(Source::List) && at_least.is_some_and(|least| least.is_some()) {
        keys.problem(
            "at_least",
            "is only read with `source: organization`: a list in this file is as long as it is",
        );
    }
    if source == Some(Source::List) {
        refuse_what_only_an_organization_has(keys, include.as_ref(), exclude.as_ref());
    }
    Some(Accounts {
        source: match (source?, list?) {
            (Source::Organization, list) if list.is_empty() => AccountSource::Organization,
            (Source::Organization, _) => {
                keys.problem(
                    "list",
                    "is only read with `source: list`; change the source or empty the list",
                );
                return None;
            }
            (Source::List, list) => AccountSource::List(checked_list(list, keys)?),
        },
        organization_id: organization_id?,
        organization_role_arn: organization_role_arn?,
        include: include?,
        exclude: exclude?,
        management_account: management_account?,
        refresh: refresh?,
        at_least: at_least?.and_then(|least| usize::try_from(least).ok()),
    })
}

/// One account of the list.
fn listed(keys: &mut Keys<'_, '_>) -> Option<(AccountId, String)> {
    let id = keys.required("id", "The account number, in quotes.", ACCOUNT_ID);
    let name = keys.key("name", "A name for people.", ANY_TEXT, json!(""));
    Some((id?, name?))
}

/// A text that may be empty.
const ANY_TEXT: Word<String> =
    Word { expects: "a text", pattern: "", parse: |text| Some(text.to_owned()) };

/// An account with the place it is listed at.
type Listed = (Place, (AccountId, String));

fn checked_list(list: Vec<Listed>, keys: &mut Keys<'_, '_>) -> Option<Vec<(AccountId, String)>> {
    if list.is_empty() {
        keys.problem("list", "is empty; `source: list` needs at least one account");
        return None;
    }
    let mut seen = BTreeMap::new();
    for (place, (id, _)) in &list {
        if let Some(first) = seen.insert(id, place.line) {
            keys.problem_at(
                "list",
                *place,
                format_args!("account {id} is listed twice; first in line {first}"),
            );
        }
    }
    Some(list.into_iter().map(|(_, account)| account).collect())
}

/// A list of accounts has no units and no tags, so a filter by them would leave out everything, or nothing.
fn refuse_what_only_an_organization_has(
    keys: &mut Keys<'_, '_>,
    include: Option<&Selector>,
    exclude: Option<&Selector>,
) {
    for (name, selector) in [("include", include), ("exclude", exclude)] {
        if selector.is_some_and(Selector::by_organization) {
            keys.problem(name, "`ous` and `tags` need `source: organization`; use `ids`");
        }
    }
}

pub(super) fn selector(keys: &mut Keys<'_, '_>) -> Option<Selector> {
    let ids = keys.key("ids", "By account number.", List(ACCOUNT_ID), json!([]));
    let ous =
        keys.key("ous", "By organizational unit, at any depth below it.", List(OU), json!([]));
    let tags = keys.key(
        "tags",
        "By account tag: every key must have one of its values.",
        MapOf(WORDS, OneOrMore(ANY_TEXT)),
        json!({}),
    );
    let tags = tags?.into_iter().map(|(key, values)| (key, values.into_iter().collect())).collect();
    Some(Selector { ids: ids?.into_iter().collect(), ous: ous?.into_iter().collect(), tags })
}
