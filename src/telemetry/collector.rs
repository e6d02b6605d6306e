//! The state of the world as families, computed from a view at the moment of the scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prometheus::proto::MetricFamily;

use super::catalogue as c;
use super::family::{Family, label};
use crate::check::ExceptionState;
use crate::config::{Covers, Exception, RemediationMode, Selector};
use crate::ledger::{Entry, Ledger, View};
use crate::model::{
    Account, AccountId, AccountResult, AccountState, CheckName, Severity, SkipReason,
};
use crate::plan::Blocked;

/// Everything that follows from the view alone.
pub(super) fn families(view: &View, now: Timestamp) -> Vec<MetricFamily> {
    let mut families = accounts(view, now);
    families.extend(findings(view, now));
    families.extend(exceptions(view, now));
    families.extend(about(view));
    families.extend(remediation(view));
    families
}

/// The states of the accounts, each by itself and counted.
fn accounts(view: &View, now: Timestamp) -> Vec<MetricFamily> {
    let mut info = Family::new(&c::ACCOUNT_INFO);
    let mut states = Family::new(&c::ACCOUNT_STATE);
    let mut judged = Family::new(&c::ACCOUNT_LAST_SUCCESS);
    let mut counts = AccountState::ALL.map(|state| (state, 0_u32));
    let mut skipped = SkipReason::ALL.map(|reason| (reason, 0_u32));
    let (at, most) = (view.at(now), view.config.web.max_account_series);
    let (mut shown, mut dropped) = (0, 0_u32);
    for entry in view.ledger.entries() {
        let Some((state, reason)) = entry.state(&at) else {
            if let AccountResult::Skipped(reason) = entry.result {
                count(&mut skipped, reason);
            }
            continue;
        };
        count(&mut counts, state);
        if shown == most {
            dropped += 1;
            continue;
        }
        shown += 1;
        let id = entry.account.id.as_str();
        info.add(&[id, &label(&entry.account.name), &label(unit(&entry.account))], 1.0);
        states.add(&[id, state.as_str(), reason.map_or("", |reason| reason.as_str())], 1.0);
        judged.add(&[id], seconds(entry.judged_at()));
    }
    // Turned off is not dropped.
    let dropped = if most == 0 { 0 } else { dropped };
    let mut by_state = Family::new(&c::ACCOUNTS);
    counts.iter().for_each(|(state, count)| by_state.add(&[state.as_str()], f64::from(*count)));
    let own: u32 = counts.iter().map(|(_, count)| count).sum();
    let organization = (view.list.selected as f64).max(f64::from(own));
    let mut out = Family::new(&c::ACCOUNTS_OUT_OF_SCOPE);
    skipped.iter().for_each(|(reason, count)| out.add(&[reason.as_str()], f64::from(*count)));
    vec![
        info.done(),
        states.done(),
        judged.done(),
        Family::single(&c::ACCOUNT_SERIES_DROPPED, f64::from(dropped)),
        by_state.done(),
        out.done(),
        Family::single(&c::SHARD_ORDINAL, f64::from(view.config.shard.ordinal())),
        Family::single(&c::TOTAL_SHARDS, f64::from(view.config.shard.total())),
        Family::single(&c::ORGANIZATION_ACCOUNTS, organization),
    ]
}

fn count<K: PartialEq>(counts: &mut [(K, u32)], key: K) {
    counts.iter_mut().filter(|(of, _)| *of == key).for_each(|(_, count)| *count += 1);
}

/// The units above an account: its path without its own name.
fn unit(account: &Account) -> &str {
    let own =
        account.path.strip_suffix(account.name.as_str()).and_then(|above| above.strip_suffix('/'));
    // A name that the path writes in another way still has no unit behind it.
    let above = own.or_else(|| account.path.rsplit_once('/').map(|(above, _)| above)).unwrap_or("");
    if above.is_empty() { "/" } else { above }
}

type Counts = BTreeMap<(CheckName, Severity), u32>;

/// Open findings, counted and since when.
fn findings(view: &View, now: Timestamp) -> Vec<MetricFamily> {
    let zero = || -> Counts {
        CheckName::ALL
            .into_iter()
            .flat_map(|check| Severity::ALL.map(|severity| ((check, severity), 0)))
            .collect()
    };
    let (mut open, mut exempt) = (zero(), zero());
    let (at, mut oldest) = (view.at(now), Vec::new());
    for entry in view.ledger.entries() {
        let mut since: BTreeMap<(CheckName, Severity), i64> = BTreeMap::new();
        for finding in entry.findings(&at).iter() {
            let key = (finding.check, finding.severity);
            if finding.exception.is_some() {
                *exempt.entry(key).or_default() += 1;
                continue;
            }
            *open.entry(key).or_default() += 1;
            let first =
                finding.first_seen.or_else(|| entry.judged_at()).map_or(0, Timestamp::as_second);
            since.entry(key).and_modify(|known| *known = first.min(*known)).or_insert(first);
        }
        oldest.extend(since.into_iter().map(|((check, severity), first)| Since {
            account: &entry.account.id,
            check,
            severity,
            first,
        }));
    }
    let dropped = cut(&mut oldest, view.config.web.max_finding_series, |since| {
        std::cmp::Reverse(since.severity)
    });
    let mut first_seen = Family::new(&c::FINDING_FIRST_SEEN);
    for Since { account, check, severity, first } in oldest {
        first_seen.add(&[account.as_str(), check.as_str(), severity.as_str()], first as f64);
    }
    vec![
        counted(&c::FINDINGS, &open),
        counted(&c::FINDINGS_EXEMPT, &exempt),
        first_seen.done(),
        Family::single(&c::FINDING_SERIES_DROPPED, dropped as f64),
    ]
}

/// Since when the oldest open finding of an account, check and severity is known.
struct Since<'a> {
    account: &'a AccountId,
    check: CheckName,
    severity: Severity,
    first: i64,
}

fn counted(metric: &'static c::Metric, counts: &Counts) -> MetricFamily {
    let mut family = Family::new(metric);
    for ((check, severity), count) in counts {
        family.add(&[check.as_str(), severity.as_str()], f64::from(*count));
    }
    family.done()
}

/// Keeps so many, the first by that order; says how many went.
fn cut<T, K: Ord>(list: &mut Vec<T>, most: usize, order: impl FnMut(&T) -> K) -> usize {
    let dropped = list.len().saturating_sub(most);
    if dropped > 0 {
        list.sort_by_key(order);
        list.truncate(most);
    }
    dropped
}

/// The selected accounts that an exception names.
fn named<'a>(exception: &'a Exception, ledger: &'a Ledger) -> Vec<&'a AccountId> {
    let Selector { ids, ous, tags } = &exception.accounts;
    let by_id = ids.iter().filter_map(|id| ledger.get(id));
    let of = |entry: &&Arc<Entry>| entry.account.skip.is_none();
    let id = |entry: &'a Arc<Entry>| &entry.account.id;
    if ous.is_empty() && tags.is_empty() {
        return by_id.filter(of).map(id).collect();
    }
    let covered = ledger.entries().filter(|entry| exception.accounts.covers(&entry.account));
    covered.filter(of).map(id).collect()
}

/// The checks whose findings an exception covers in an account. One by ids covers those of the findings that are there.
fn covered_checks(
    exception: &Exception,
    account: &AccountId,
    ledger: &Ledger,
) -> BTreeSet<CheckName> {
    match &exception.covers {
        Covers::Accept(acceptance) => acceptance.checks(),
        Covers::Findings(ids) => {
            let findings = ledger.get(account).map_or(&[][..], |entry| entry.found());
            let there = findings.iter().filter(|finding| ids.contains(&finding.id));
            there.map(|finding| finding.check).collect()
        }
    }
}

fn exceptions(view: &View, now: Timestamp) -> Vec<MetricFamily> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let mut counts = ExceptionState::ALL.map(|state| (state, 0_u32));
    let mut ends = Vec::new();
    for exception in &view.config.exceptions {
        count(&mut counts, ExceptionState::on(today, exception.expires));
        let end = end_of(exception.expires);
        for account in named(exception, &view.ledger) {
            let checks = covered_checks(exception, account, &view.ledger);
            ends.extend(checks.into_iter().map(|check| (end, &exception.id, account, check)));
        }
    }
    let dropped = cut(&mut ends, view.config.web.max_finding_series, |(end, ..)| *end);
    let mut expiry = Family::new(&c::EXCEPTION_EXPIRY);
    for (end, id, account, check) in ends {
        expiry.add(&[&label(id), account.as_str(), check.as_str()], end as f64);
    }
    let mut states = Family::new(&c::EXCEPTIONS);
    counts.iter().for_each(|(state, count)| states.add(&[state.as_str()], f64::from(*count)));
    vec![states.done(), expiry.done(), Family::single(&c::EXCEPTION_SERIES_DROPPED, dropped as f64)]
}

/// The first second after a day, in UTC.
fn end_of(day: Date) -> i64 {
    let next = day.tomorrow().unwrap_or(day);
    TimeZone::UTC.to_timestamp(next.into()).map_or(0, Timestamp::as_second)
}

/// The configuration in force, the list of accounts and the last sweep.
fn about(view: &View) -> Vec<MetricFamily> {
    let mut baseline = Family::new(&c::BASELINE_INFO);
    let digest = crate::check::baseline_digest(&view.config.baseline);
    baseline.add(&[crate::check::BASELINE_NAME, digest.trim_start_matches("sha256:")], 1.0);
    let newest = view.newest();
    let took = newest
        .map_or(0, |sweep| sweep.info.finished_at.as_second() - sweep.info.started_at.as_second());
    let (judged, failed) = newest.map_or((0, 0), |sweep| {
        let states = &sweep.states;
        (states.compliant + states.drifted + states.exempt + states.not_applicable, states.unknown)
    });
    let mut tried = Family::new(&c::LAST_ACCOUNTS);
    tried.add(&["success"], judged as f64);
    tried.add(&["failed"], failed as f64);
    vec![
        baseline.done(),
        tried.done(),
        Family::single(&c::LAST_END, seconds(newest.map(|sweep| sweep.info.finished_at))),
        Family::single(&c::LAST_DURATION, took as f64),
        Family::single(&c::LAST_COMPLETE, seconds(view.last_complete)),
        Family::single(&c::SWEEP_INTERVAL, view.interval.as_secs_f64()),
        Family::single(&c::STALE_AFTER, view.stale_after.as_secs_f64()),
        Family::single(&c::ORG_LAST_REFRESH, seconds(view.list.refreshed_at)),
        Family::single(&c::ACCOUNT_LIST_STALE, f64::from(u8::from(view.list.stale.is_some()))),
    ]
}

/// How remediation stands.
fn remediation(view: &View) -> Vec<MetricFamily> {
    let remediation = &view.remediation;
    let yes = |holds: bool| f64::from(u8::from(holds));
    let apply = view.config.remediation.mode == RemediationMode::Apply;
    let enabled = remediation.armed && apply;
    let blocked = remediation.blocked().filter(|_| apply);
    let mut blocking = Family::new(&c::REMEDIATION_BLOCKED);
    for reason in Blocked::OF_EVERYTHING {
        blocking.add(&[reason], yes(blocked.as_ref().is_some_and(|why| why.as_str() == reason)));
    }
    let mut waiting = Family::new(&c::REMEDIATION_WAITING);
    for reason in Blocked::OF_ACCOUNTS {
        let accounts = remediation.waiting.iter().filter(|waiting| waiting.why.as_str() == reason);
        waiting.add(&[reason], accounts.count() as f64);
    }
    vec![
        Family::single(&c::REMEDIATION_ENABLED, yes(enabled)),
        Family::single(&c::REMEDIATION_STOPPED, yes(remediation.guard.stopped.is_some())),
        Family::single(&c::BREAKER_OPEN, yes(remediation.breaker_is_open())),
        blocking.done(),
        waiting.done(),
        Family::single(&c::REMEDIATION_PENDING, remediation.pending as f64),
        Family::single(&c::ACCOUNTS_FLAPPING, remediation.flapping().count() as f64),
    ]
}

/// Seconds since 1970; 0 for never.
pub(super) fn seconds(at: Option<Timestamp>) -> f64 {
    at.map_or(0, Timestamp::as_second) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_an_account_is_its_path_without_its_name() {
        let cases = [
            ("/prod/payments", "payments", "/prod"),
            ("/prod/eu/a/b", "a/b", "/prod/eu"),
            ("/payments", "payments", "/"),
            ("/prod/other", "payments", "/prod"),
            ("/", "", "/"),
            ("/", "payments", "/"),
            ("", "", "/"),
        ];
        for (path, name, want) in cases {
            let account = Account {
                id: "111122223333".parse().unwrap(),
                name: name.into(),
                path: path.into(),
                units: vec![],
                tags: BTreeMap::new(),
                skip: None,
                contradicted: false,
            };
            assert_eq!(unit(&account), want, "case `{path}` `{name}`");
        }
    }
}
