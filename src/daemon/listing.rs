//! Which list of accounts is in force. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::aws::Organization;
use crate::config::{AccountSource, Config, Remediation};
use crate::ledger::{Event, Shrunken, Trigger, View};
use crate::model::{Account, AccountId, ScanError, UnknownReason};

/// Of a hundred accounts, how many may be missing from one list to the next.
const MAY_LEAVE_PERCENT: usize = 10;

/// Whether the accounts are to be listed before this sweep: every so often, after a failure, and when a person asks.
pub(super) fn is_due(view: &View, config: &Config, trigger: Trigger, now: Timestamp) -> bool {
    let Some(last) = view.list.refreshed_at else { return true };
    let age = now.as_second().saturating_sub(last.as_second());
    let old = !u64::try_from(age).is_ok_and(|age| age < config.accounts.refresh.as_secs());
    match trigger {
        Trigger::Start | Trigger::Request => true,
        Trigger::Schedule => old || view.list.stale.is_some(),
    }
}

/// Why a list is old whose accounts were read for other selectors.
pub(super) const NAMED_ANEW: &str =
    "the accounts to put right were named anew, by unit or tag: the next sweep lists them again";

/// Whether the list may lack the tags that tell which accounts are put right now: they are only asked for where they can
/// tell something. Nothing may be written by such a list.
pub(super) fn needs_another(before: &Remediation, now: &Remediation) -> bool {
    let named = [(&before.include, &now.include), (&before.exclude, &now.exclude)];
    named.into_iter().any(|(before, now)| before != now && now.by_organization())
}

/// A list that lacks too many of the accounts that are known is not believed: more likely the listing was cut short than
/// a tenth of the organization left within the hour. One account may always leave, and a list that a person wrote is
/// what it says. A second whole list in a row of the same accounts is believed, and one that a person confirmed. A reload is
/// no such word: programs reload too.
pub(super) fn believed(
    view: &View,
    config: &Config,
    organization: Organization,
) -> Result<Organization, Doubted> {
    let (lacking, known) = lacks(view, &organization.accounts);
    if is_few(lacking, known) || config.accounts.source != AccountSource::Organization {
        return Ok(organization);
    }
    let listed = ids(&organization);
    let confirmed = match &view.shrunken {
        Shrunken::No => false,
        Shrunken::Refused(before) => **before == listed,
        Shrunken::Accepted(said) => is_few(said.difference(&listed).count(), said.len()),
    };
    if confirmed {
        return Ok(organization);
    }
    let message = format!(
        "the list lacks {lacking} of the {known} known accounts: it is not believed, and the one before stays in force"
    );
    let error = ScanError::new(UnknownReason::AccountGone, message)
        .during("organizations:ListAccounts")
        .hint("if they did leave, confirm it by POST /api/v1/accounts/list/confirm; a second list in a row of the same accounts is believed too");
    Err(Doubted { error, listed: Arc::new(listed) })
}

/// A list that is not believed.
#[derive(Debug)]
pub(super) struct Doubted {
    /// Why.
    pub(super) error: ScanError,
    /// The accounts it had.
    pub(super) listed: Arc<BTreeSet<AccountId>>,
}

/// Takes a person's word for the list that was not believed; gives how many accounts it had, `None` if there is no such list.
pub(super) fn confirm(view: &mut View) -> Option<usize> {
    let listed = match &view.shrunken {
        Shrunken::No => return None,
        Shrunken::Refused(listed) | Shrunken::Accepted(listed) => Arc::clone(listed),
    };
    let accounts = listed.len();
    view.shrunken = Shrunken::Accepted(listed);
    Some(accounts)
}

fn is_few(lacking: usize, known: usize) -> bool {
    lacking <= 1 || lacking * 100 <= known * MAY_LEAVE_PERCENT
}

fn ids(organization: &Organization) -> BTreeSet<AccountId> {
    organization.accounts.iter().map(|account| account.id.clone()).collect()
}

/// How many of the known accounts a list lacks, and of how many. A shard too judges the whole list, by all that the one
/// before had; only before its first since the start by its own part, which the store has. So accounts that another shard
/// has now are never missed.
fn lacks(view: &View, list: &[Account]) -> (usize, usize) {
    let known = &view.list.ids;
    if known.is_empty() {
        return view.ledger.lacks(list);
    }
    let there: BTreeSet<_> = list.iter().map(|account| &account.id).collect();
    (known.iter().filter(|id| !there.contains(id)).count(), known.len())
}

/// Puts a list in force. Of its accounts only this shard's are kept; the others are counted.
pub(super) fn take(view: &mut View, organization: Organization, now: Timestamp) -> Vec<Event> {
    view.list.ids = Arc::new(ids(&organization));
    let Organization { id, mut accounts } = organization;
    view.list.selected = accounts.iter().filter(|account| account.skip.is_none()).count();
    let shard = view.config.shard;
    accounts.retain(|account| shard.holds(&account.id));
    view.list.refreshed_at = Some(now);
    view.list.stale = None;
    view.list.organization = id.or(view.list.organization.take());
    view.shrunken = Shrunken::No;
    view.ledger.list(accounts, now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Selector;
    use crate::ledger::{AccountList, Ledger};
    use crate::model::Shard;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn organization(accounts: usize) -> Organization {
        let ids = (0..accounts).map(|number| format!("{number:012}").parse().unwrap());
        Organization {
            id: Some("o-example".into()),
            accounts: ids.map(Account::numbered).collect(),
        }
    }

    /// So many accounts are known, listed at second 0.
    fn view(accounts: usize) -> View {
        let mut ledger = Ledger::default();
        ledger.list(organization(accounts).accounts, at(0));
        View {
            config: Arc::new(Config::default_for_check().unwrap()),
            ledger,
            list: AccountList { refreshed_at: Some(at(0)), ..AccountList::default() },
            sweeps: Arc::default(),
            last_complete: None,
            interval: Duration::from_secs(900),
            stale_after: Duration::from_secs(1800),
            trouble: None,
            shrunken: Shrunken::No,
            remediation: Default::default(),
        }
    }

    #[test]
    fn accounts_named_anew_by_unit_or_tag_need_another_list() {
        let of = |ids: &[&str], tags: &[&str]| Selector {
            ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
            tags: tags.iter().map(|tag| ((*tag).to_owned(), ["x".to_owned()].into())).collect(),
            ..Selector::default()
        };
        let none = Remediation::default();
        let excluding = |exclude| Remediation { exclude, ..Remediation::default() };
        let including = |include| Remediation { include, ..Remediation::default() };
        let cases = [
            ("nothing", none.clone(), none.clone(), false),
            ("by id", none.clone(), excluding(of(&["111122223333"], &[])), false),
            ("by tag", none.clone(), excluding(of(&[], &["stage"])), true),
            ("only by tag", none.clone(), including(of(&[], &["stage"])), true),
            ("by the same", excluding(of(&[], &["a"])), excluding(of(&[], &["a"])), false),
            ("by another", excluding(of(&[], &["a"])), excluding(of(&[], &["b"])), true),
            ("no more", excluding(of(&[], &["a"])), none, false),
        ];
        for (case, before, now, want) in cases {
            assert_eq!(needs_another(&before, &now), want, "case `{case}`");
        }
    }

    #[test]
    fn a_list_that_lacks_more_than_a_tenth_is_not_believed_unless_a_person_confirms_it() {
        let list = |view: &View| {
            let mut config = Config::clone(&view.config);
            let one = ("000000000000".parse().unwrap(), String::new());
            config.accounts.source = AccountSource::List(vec![one]);
            config
        };
        for (known, listed, want) in [
            (100, 100, true),
            (100, 150, true),
            (100, 90, true),
            (100, 89, false),
            (100, 0, false),
            (5, 4, true),
            (5, 3, false),
            (1, 0, true),
            (0, 0, true),
        ] {
            let mut view = view(known);
            let organization = || organization(listed);
            let case = format!("{listed} of {known}");
            let config = Arc::clone(&view.config);
            assert_eq!(believed(&view, &config, organization()).is_ok(), want, "{case}");
            assert!(believed(&view, &list(&view), organization()).is_ok(), "{case}, written");
            view.shrunken = Shrunken::Refused(Arc::new(ids(&organization())));
            assert_eq!(confirm(&mut view), Some(listed), "{case}");
            assert!(believed(&view, &config, organization()).is_ok(), "{case}, confirmed");
            take(&mut view, organization(), at(1));
            assert_eq!(view.shrunken, Shrunken::No, "a word holds for one list");
            assert_eq!(confirm(&mut view), None, "there is nothing to confirm");
        }
    }

    #[test]
    fn a_list_that_was_refused_is_believed_the_second_time_in_a_row_and_another_one_is_not() {
        let refused = |listed: usize| Shrunken::Refused(Arc::new(ids(&organization(listed))));
        let accepted = |listed: usize| Shrunken::Accepted(Arc::new(ids(&organization(listed))));
        for (case, before, listed, want) in [
            ("the first", Shrunken::No, 50, false),
            ("the same again", refused(50), 50, true),
            ("a longer one", refused(50), 51, false),
            ("a shorter one", refused(50), 49, false),
            ("confirmed", accepted(50), 50, true),
            ("confirmed, and accounts joined", accepted(50), 60, true),
            ("confirmed, and a few more left", accepted(50), 45, true),
            ("confirmed, and it shrank once more", accepted(50), 44, false),
        ] {
            let view = View { shrunken: before, ..view(100) };
            let config = Arc::clone(&view.config);
            let got = believed(&view, &config, organization(listed));
            assert_eq!(got.is_ok(), want, "case `{case}`");
            if let Err(doubted) = got {
                assert_eq!(*doubted.listed, ids(&organization(listed)), "case `{case}`");
                assert!(doubted.error.hint.unwrap().contains("/list/confirm"), "case `{case}`");
            }
        }
    }

    /// A view of this shard, whose store has what another shard of an organization of so many accounts had.
    fn moved(stored: Shard, now: Shard, accounts: usize) -> View {
        let mut view = view(0);
        let config = |shard| Arc::new(Config { shard, ..Config::clone(&view.config) });
        let (before, after) = (config(stored), config(now));
        view.config = before;
        take(&mut view, organization(accounts), at(0));
        // What a restart does.
        view.config = after;
        view.ledger.retain(|id| now.holds(id));
        view.list = AccountList { refreshed_at: view.list.refreshed_at, ..AccountList::default() };
        view
    }

    #[test]
    fn a_shard_keeps_its_accounts_and_counts_all_of_the_organization() {
        let shard = |ordinal| Shard::new(ordinal, 4).unwrap();
        let mut kept = 0;
        for ordinal in 0..4 {
            let mut view = moved(shard(ordinal), shard(ordinal), 1_000);
            let mut list = organization(1_000);
            list.accounts[0].skip = Some(crate::model::SkipReason::Suspended);
            assert_eq!(take(&mut view, list, at(1)), vec![]);
            assert_eq!((view.list.ids.len(), view.list.selected), (1_000, 999));
            assert!(view.ledger.accounts().iter().all(|one| shard(ordinal).holds(&one.id)));
            kept += view.ledger.len();
        }
        assert_eq!(kept, 1_000, "the left-out one is in one shard too");
    }

    #[test]
    fn another_number_of_shards_is_no_list_that_shrank_and_nothing_that_was_resolved() {
        let cases = [(0, 1, 0, 4), (0, 4, 0, 1), (1, 4, 1, 5), (1, 5, 1, 4), (0, 2, 1, 2)];
        for (before, of, now, total) in cases {
            let (stored, now) = (Shard::new(before, of).unwrap(), Shard::new(now, total).unwrap());
            let mut view = moved(stored, now, 1_000);
            let config = Arc::clone(&view.config);
            let case = format!("{stored} to {now}");
            let known: Vec<_> = view.ledger.accounts().into_iter().map(|one| one.id).collect();
            assert!(known.iter().all(|id| stored.holds(id) && now.holds(id)), "{case}");
            let list = believed(&view, &config, organization(1_000)).unwrap();
            assert_eq!(take(&mut view, list, at(1)), vec![], "{case}");
            for account in organization(1_000).accounts {
                assert_eq!(
                    view.ledger.get(&account.id).is_some(),
                    now.holds(&account.id),
                    "{case}"
                );
            }
        }
    }

    #[test]
    fn a_shard_doubts_a_list_of_the_organization_that_shrank() {
        let shard = Shard::new(1, 4).unwrap();
        let (config, others) = (view(0).config, |list: Organization| Organization {
            // Cut short where only other shards' accounts are.
            accounts: list.accounts.into_iter().filter(|one| shard.holds(&one.id)).collect(),
            ..list
        });
        let mut restarted = moved(shard, shard, 1_000);
        assert!(believed(&restarted, &config, organization(800)).is_err(), "by its own part");
        take(&mut restarted, organization(1_000), at(1));
        assert!(believed(&restarted, &config, organization(800)).is_err(), "by the whole list");
        assert!(believed(&restarted, &config, organization(910)).is_ok());
        assert!(believed(&restarted, &config, others(organization(1_000))).is_err());
        // One without any account has the organization's list all the same.
        let mut empty = moved(Shard::new(0, 2).unwrap(), Shard::new(1, 2).unwrap(), 1_000);
        empty.ledger.retain(|_| false);
        take(&mut empty, organization(1_000), at(1));
        empty.ledger.retain(|_| false);
        assert!(believed(&empty, &config, organization(800)).is_err());
    }

    #[test]
    fn accounts_are_listed_every_so_often_after_a_failure_and_when_a_person_asks() {
        let refresh = 3600;
        let stale = |view: &mut View| view.list.stale = Some("throttled".into());
        let never = |view: &mut View| view.list.refreshed_at = None;
        let fine = |_: &mut View| {};
        type Change = fn(&mut View);
        let cases: [(&str, Change, Trigger, i64, bool); 7] = [
            ("young", fine, Trigger::Schedule, refresh - 1, false),
            ("old", fine, Trigger::Schedule, refresh, true),
            ("the clock went back", fine, Trigger::Schedule, -1, true),
            ("failed", stale, Trigger::Schedule, 1, true),
            ("never had", never, Trigger::Schedule, 1, true),
            ("at the start", fine, Trigger::Start, 1, true),
            ("asked for", fine, Trigger::Request, 1, true),
        ];
        for (case, change, trigger, now, want) in cases {
            let mut view = view(3);
            change(&mut view);
            let config = Arc::clone(&view.config);
            assert_eq!(is_due(&view, &config, trigger, at(now)), want, "case `{case}`");
        }
    }
}
