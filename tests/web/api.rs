//! The API's answers.

use std::collections::{BTreeMap, BTreeSet};

use rolewarden::model::{AccountState, Severity};
use serde_json::{Value, json};

use super::support::{Fake, Web, progress};
use super::world::{self, now};

const MANY: usize = 10_000;

/// Every item of a list, read part by part; and the total that every part named.
async fn all(web: &Web, target: &str, list: &str) -> (Vec<Value>, u64) {
    let (mut items, mut totals, mut next) = (vec![], BTreeSet::new(), None::<String>);
    loop {
        let after = next.map_or(String::new(), |next| format!("&after={next}"));
        let part = web.get(&format!("{target}{after}")).await.json();
        totals.insert(part["total"].as_u64().unwrap());
        items.extend(part[list].as_array().unwrap().clone());
        match part["next"].as_str() {
            None => break,
            Some(id) => next = Some(id.to_owned()),
        }
    }
    assert_eq!(totals.len(), 1, "{target}");
    (items, totals.pop_first().unwrap())
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_report_is_that_of_the_view() {
    let view = world::view(300);
    let want = serde_json::to_value(view.report(now()).unwrap()).unwrap();
    let answer = Web::new(view, Fake::default()).get("/api/v1/report").await;
    assert_eq!(answer.json(), want);
}

#[tokio::test]
async fn a_report_that_the_client_has_is_not_sent_again() {
    let web = Web::of(300);
    let first = web.get("/api/v1/report").await;
    let tag = first.header("etag");
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    let weak = format!("W/{tag}");
    let list = format!("\"other\", {tag}");
    let cases = [(tag, 304), (&weak, 304), (&list, 304), ("*", 304), ("\"other\"", 200), ("", 200)];
    for (known, want) in cases {
        let answer = web.ask("GET", "/api/v1/report", &[("if-none-match", known)]).await;
        assert_eq!(answer.status, want, "case `{known}`");
        assert_eq!(answer.header("etag"), tag, "case `{known}`");
        assert_eq!(answer.body.is_empty(), want == 304, "case `{known}`");
    }
    let other = Web::of(5).get("/api/v1/report").await;
    assert_ne!(other.header("etag"), tag);
}

#[tokio::test]
async fn before_the_first_sweep_there_is_no_report() {
    let web = Web::new(world::new_view(), Fake::default());
    let answer = web.get("/api/v1/report").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "10"));
    assert_eq!(answer.json()["error"]["status"], 503);
    assert_eq!(web.get("/api/v1/accounts").await.json()["total"], 0);
}

#[tokio::test]
async fn parts_cover_every_account_exactly_once() {
    let web = Web::of(MANY);
    for limit in [1_000, 999, 96] {
        let target = format!("/api/v1/accounts?limit={limit}");
        let (items, total) = all(&web, &target, "accounts").await;
        let want: Vec<_> = (0..MANY).map(|n| world::id(n).to_string()).collect();
        assert_eq!(ids(&items), want, "limit {limit}");
        assert_eq!(total, 10_000);
    }
    let first = web.get("/api/v1/accounts").await.json();
    assert_eq!(first["accounts"].as_array().unwrap().len(), 100);
    let last = web.get("/api/v1/accounts?after=999999999999").await.json();
    assert_eq!((&last["accounts"], &last["next"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn filters_admit_what_they_say_and_nothing_else() {
    let view = world::view(MANY);
    let states: BTreeMap<&str, usize> = AccountState::ALL
        .into_iter()
        .map(|state| (state.as_str(), world::count(&view, state)))
        .chain([("skipped", 100)])
        .collect();
    let web = Web::new(view, Fake::default());
    for (state, want) in states {
        let target = format!("/api/v1/accounts?limit=1000&state={state}");
        let (items, total) = all(&web, &target, "accounts").await;
        assert!(items.iter().all(|item| item["state"] == state), "{state}");
        assert_eq!((items.len(), total), (want, want as u64), "{state}");
    }
    type Fits = fn(&Value) -> bool;
    let has = |item: &Value, key: &str, value: &str| {
        item["findings"].as_array().is_some_and(|list| list.iter().any(|f| f[key] == value))
    };
    let cases: [(&str, Fits); 7] = [
        ("skipped=true", |item| item["state"] == "skipped"),
        ("skipped=false", |item| item["state"] != "skipped"),
        ("reason=assume_denied", |item| item["error"]["reason"] == "assume_denied"),
        ("reason=stale", |item| item["error"]["reason"] == "stale"),
        ("ou=/prod", |item| item["path"].as_str().unwrap().starts_with("/prod/")),
        ("q=SCRIPT", |item| item["path"].as_str().unwrap().to_lowercase().contains("script")),
        ("q=100000000001", |item| item["id"] == "100000000001"),
    ];
    let (everyone, _) = all(&web, "/api/v1/accounts?limit=1000", "accounts").await;
    for (filter, fits) in cases {
        let target = format!("/api/v1/accounts?limit=1000&{filter}");
        let (items, _) = all(&web, &target, "accounts").await;
        let want: Vec<_> = everyone.iter().filter(|item| fits(item)).cloned().collect();
        assert!(!want.is_empty(), "{filter} shows nothing: a test of nothing");
        assert_eq!(ids(&items), ids(&want), "{filter}");
    }
    // Findings of accounts that are unknown now stay open: they are found too.
    for (filter, key, value) in [
        ("check=attached-policies", "check", "attached-policies"),
        ("severity=critical", "severity", "critical"),
    ] {
        let target = format!("/api/v1/accounts?limit=1000&{filter}");
        let (items, _) = all(&web, &target, "accounts").await;
        let judged: Vec<_> =
            items.iter().filter(|item| item["state"] != "unknown").cloned().collect();
        let want: Vec<_> = everyone.iter().filter(|item| has(item, key, value)).cloned().collect();
        assert!(!want.is_empty(), "{filter}");
        assert_eq!(ids(&judged), ids(&want), "{filter}");
    }
}

#[tokio::test]
async fn an_unknown_account_shows_its_last_judgement_apart() {
    let web = Web::of(300);
    // Read once, with a finding; throttled since.
    let whole = web.get("/api/v1/accounts/100000000029").await.json();
    assert_eq!(whole["state"], "unknown");
    assert_eq!(whole["error"]["reason"], "throttled");
    assert_eq!(whole["last_judgement"]["state"], "drifted");
    assert_eq!(whole["last_judgement"]["findings"][0]["severity"], "critical");
    assert_eq!(whole["history"][0]["resolution"], "external");
    let judged = web.get("/api/v1/accounts/100000000000").await.json();
    assert_eq!((&judged["state"], &judged["last_judgement"]), (&json!("compliant"), &Value::Null));
    // Never read.
    let denied = web.get("/api/v1/accounts/100000000023").await.json();
    assert_eq!(denied["last_judgement"], Value::Null);
}

#[tokio::test]
async fn a_broken_store_hides_the_history_and_nothing_else() {
    let web = Web::new(world::view(5), Fake { no_history: true, ..Fake::default() });
    let answer = web.get("/api/v1/accounts/100000000001").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["history"]), (200, &Value::Null));
    assert!(!answer.text().contains("secret"));
    let page = web.get("/accounts/100000000001").await;
    assert!(page.text().contains("cannot be read just now") && !page.text().contains("secret"));
}

#[tokio::test]
async fn findings_are_listed_once_each() {
    let view = world::view(MANY);
    let want: usize = view.ledger.entries().map(|entry| entry.found().len()).sum();
    let web = Web::new(view, Fake::default());
    for limit in [1_000, 7] {
        let filter = if limit == 7 { "&severity=critical" } else { "" };
        let target = format!("/api/v1/findings?limit={limit}{filter}");
        let (items, total) = all(&web, &target, "findings").await;
        assert_eq!(items.len() as u64, total);
        let distinct: BTreeSet<_> = items
            .iter()
            .map(|item| (item["account"]["id"].as_str(), item["id"].as_str()))
            .collect();
        assert_eq!(distinct.len(), items.len());
        if limit == 7 {
            let critical = Severity::Critical.as_str();
            assert!(!items.is_empty() && items.iter().all(|item| item["severity"] == critical));
        } else {
            assert_eq!(items.len(), want);
        }
    }
    let of_one = web.get("/api/v1/findings?account=100000000003").await.json();
    assert!(of_one["total"].as_u64().unwrap() > 0);
    let of_one = of_one["findings"].as_array().unwrap();
    assert!(of_one.iter().all(|item| item["account"]["id"] == "100000000003"));
}

#[tokio::test]
async fn findings_under_an_exception_are_told_apart() {
    let web = Web::of(5);
    let (exempt, _) = all(&web, "/api/v1/findings?exempt=true", "findings").await;
    let (open, _) = all(&web, "/api/v1/findings?exempt=false", "findings").await;
    assert!(exempt.len() == 1 && exempt[0]["exception"] == "EX-7", "{exempt:?}");
    assert!(!open.is_empty() && open.iter().all(|item| item["exception"].is_null()));
}

#[tokio::test]
async fn sweeps_come_newest_first_with_the_one_that_runs() {
    let web = Web::new(world::view(5), Fake { progress: Some(progress()), ..Fake::default() });
    let (items, total) = all(&web, "/api/v1/sweeps?limit=7", "sweeps").await;
    assert_eq!((items.len(), total), (48, 48));
    let mut sorted = ids(&items);
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!(ids(&items), sorted);
    assert_eq!(items[9]["outcome"], "failed");
    let part = web.get("/api/v1/sweeps").await.json();
    assert_eq!(
        (&part["running"]["done"], &part["running"]["total"]),
        (&json!(1_234), &json!(10_000))
    );
}

#[tokio::test]
async fn nothing_is_changed_by_this_version() {
    assert_eq!(
        Web::of(5).get("/api/v1/changes").await.json(),
        json!({"changes": [], "next": null})
    );
}
