//! What was changed, and how remediation stands: the API, the pages, the requests that steer it.

use rolewarden::config::RemediationMode;
use rolewarden::ledger::{Breaker, Guard, RemediationView, Stopped, View};
use rolewarden::model::{Change, Origin, Phase, StepOutcome, Write};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::html;
use crate::support::{Fake, Web};
use crate::world;

/// Nothing in the page is a script, a handler or an address of another site but those that rolewarden wrote.
fn assert_inert(text: &str) {
    let page = html::read(text);
    assert_eq!(page.elements.iter().filter(|element| element.name == "script").count(), 1);
    for element in &page.elements {
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on"), "{element:?}");
            let local = value.starts_with('/') && !value.starts_with("//");
            let known = local || value.starts_with('#') || value.starts_with("https://console.aws");
            assert!(!["href", "src", "action"].contains(&name.as_str()) || known, "{element:?}");
        }
        assert!(
            !["img", "svg", "iframe", "form"].contains(&element.name.as_str())
                || !element.attributes.iter().any(|(_, value)| value == "x"),
            "{element:?}"
        );
    }
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(steers));
}

fn change(n: usize, outcome: Option<StepOutcome>) -> Change {
    let text = world::HOSTILE[n % world::HOSTILE.len()];
    Change {
        id: format!("01JC{n:022}"),
        run: "01JR0000000000000000000000".into(),
        account: world::id(1),
        account_name: text.into(),
        role_arn: "arn:aws:iam::100000000001:role/AmazonEKSConnectorAgentRole".into(),
        role_id: None,
        before_digest: "sha256:00".into(),
        write: Write::UpdateTrustPolicy { document: text.into() },
        undo: None,
        summary: format!("the trust policy is replaced {text}"),
        diff: format!("-{text}\n+right\n"),
        origin: Origin::Serve,
        caller: format!("arn:aws:sts::100000000000:assumed-role/hub/{text}"),
        rolls_back: Some(text.into()),
        at: world::ago(60),
        phase: if outcome.is_some() { Phase::Ended } else { Phase::Sent },
        ended_at: outcome.map(|_| world::ago(58)),
        outcome,
        note: Some(text.into()),
    }
}

fn every_outcome() -> Vec<Change> {
    let outcomes = StepOutcome::ALL.into_iter().map(Some).chain([None]);
    let mut changes: Vec<_> = outcomes.enumerate().map(|(n, o)| change(n, o)).collect();
    changes.extend((changes.len()..world::HOSTILE.len()).map(|n| change(n, None)));
    changes
}

fn with(changes: Vec<Change>) -> Web {
    Web::new(world::view(5), Fake { changes, ..Fake::default() })
}

/// A view of five accounts whose configuration says what to do with drift.
fn view(mode: RemediationMode, remediation: RemediationView) -> View {
    let mut view = world::view(5);
    let mut config = (*view.config).clone();
    config.remediation.mode = mode;
    view.config = Arc::new(config);
    view.remediation = remediation;
    view
}

#[tokio::test]
async fn changes_come_in_parts_and_are_filtered_by_the_store() {
    let web = with(every_outcome());
    let all = web.get("/api/v1/changes").await.json();
    assert_eq!(all["changes"].as_array().unwrap().len(), world::HOSTILE.len());
    let first = serde_json::to_value(change(0, Some(StepOutcome::Applied))).unwrap();
    assert_eq!((&all["changes"][0], &all["next"]), (&first, &Value::Null));
    let part = web.get("/api/v1/changes?limit=3").await.json();
    assert_eq!(part["changes"].as_array().unwrap().len(), 3);
    assert_eq!(part["next"], change(2, None).id);
    let query = "account=100000000001&run=01JR0000000000000000000000&outcome=verify_failed\
                 &since=2026-11-01T00:00:00Z&before=01JC0000000000000000000007&limit=9";
    web.get(&format!("/api/v1/changes?{query}")).await.json();
    let filter = web.control.filters.lock().unwrap().pop().unwrap();
    assert_eq!(filter.account, Some(world::id(1)));
    assert_eq!(filter.run.as_deref(), Some("01JR0000000000000000000000"));
    assert_eq!(filter.outcome, Some(StepOutcome::VerifyFailed));
    assert_eq!(filter.since, Some("2026-11-01T00:00:00Z".parse().unwrap()));
    assert_eq!(filter.before.as_deref(), Some("01JC0000000000000000000007"));
    assert_eq!((filter.limit, filter.unfinished), (Some(10), false));
    for (query, want) in [
        ("account=1", "account"),
        ("run=x", "run"),
        ("outcome=good", "one of applied, failed"),
        ("since=yesterday", "a time such as"),
        ("before='--", "before"),
        ("limit=0", "limit"),
    ] {
        for path in ["/api/v1/changes", "/changes"] {
            if (path, query) == ("/changes", "limit=0") {
                continue;
            }
            let answer = web.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query}");
            assert!(answer.text().contains(want), "{path}?{query}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_an_error_without_its_cause() {
    let web = Web::new(world::view(5), Fake { no_changes: true, ..Fake::default() });
    for path in ["/api/v1/changes", "/changes"] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, 500, "{path}");
        assert!(answer.text().contains("the changes cannot be read just now"), "{path}");
        assert!(!answer.text().contains("/secret/path"), "{path}");
    }
    let account = web.get("/accounts/100000000001").await;
    assert_eq!(account.status, 200);
    assert!(account.text().contains("cannot be read just now"));
}

#[tokio::test]
async fn the_page_tells_every_change_and_obeys_none_of_its_texts() {
    let web = with(every_outcome());
    for path in ["/changes", "/accounts/100000000001"] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_inert(answer.text());
        for outcome in StepOutcome::ALL {
            let word = outcome.as_str().replace('_', " ");
            assert!(answer.text().contains(&word), "{path}: {word}");
        }
        assert!(answer.text().contains("<details><summary>Difference"), "{path}");
    }
    let many: Vec<_> = (0..60).map(|n| change(n, Some(StepOutcome::Applied))).collect();
    let page = with(many).get("/changes?outcome=applied&before=01JC0000000000000000000099").await;
    let next = "href=\"/changes?outcome=applied&amp;before=01JC0000000000000000000049\"";
    assert!(page.text().contains(next), "{}", page.text());
}

#[tokio::test]
async fn how_remediation_stands_is_said_in_words() {
    let stopped = Guard {
        stopped: Some(Stopped { at: world::ago(60), by: world::HOSTILE[0].into() }),
        ..Guard::default()
    };
    let open = Guard {
        breaker: Breaker::Open { since: world::ago(60), why: world::HOSTILE[1].into() },
        ..Guard::default()
    };
    let looked = RemediationView {
        armed: true,
        pending: 7,
        flapping: [world::id(3)].into(),
        looked_at: Some(world::ago(60)),
        ..RemediationView::default()
    };
    use RemediationMode::{Apply, Off, Plan};
    let held = RemediationView { held: Some(world::HOSTILE[2].into()), ..looked.clone() };
    let cases = [
        (Off, RemediationView::default(), "off", "Nothing is ever written"),
        (Plan, RemediationView::default(), "plan", "is not known yet"),
        (Plan, looked.clone(), "plan", "7 accounts to be put right"),
        (Apply, RemediationView::default(), "not_armed", "not armed, so nothing is written"),
        (Apply, RemediationView { guard: stopped, ..looked.clone() }, "stopped", "stopped by"),
        (
            Apply,
            RemediationView { guard: open, ..looked.clone() },
            "breaker_open",
            "the breaker is open",
        ),
        (Apply, held, "held", "held back"),
        (Apply, looked, "armed", "1 account flapping"),
    ];
    for (mode, remediation, standing, words) in cases {
        let web = Web::new(view(mode, remediation.clone()), Fake::default());
        let said = web.get("/api/v1/remediation").await.json();
        assert_eq!(said["standing"], standing);
        assert_eq!(said["pending"], remediation.pending);
        let page = web.get("/changes").await;
        assert!(page.text().contains(words), "case `{standing}`: {}", page.text());
        assert_inert(page.text());
        // Where it is off, the overview has nothing to say of it.
        let overview = web.get("/").await;
        assert_eq!(overview.text().contains("Remediation: "), mode != Off, "case `{standing}`");
        assert_inert(overview.text());
    }
}

#[tokio::test]
async fn steering_needs_the_token_and_is_done_once() {
    for (path, how) in [("stop", "Stop"), ("resume", "Resume"), ("reset", "Reset")] {
        let target = format!("/api/v1/remediation/{path}");
        let web = Web::of(5);
        assert_eq!(web.ask("POST", &target, &[]).await.status, 401);
        assert_eq!(web.get(&target).await.status, 405);
        assert!(web.control.asked.lock().unwrap().is_empty());
        let answer = web.post(&target).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["mode"]), (200, &json!("off")));
        assert_eq!(*web.control.asked.lock().unwrap(), [how]);
        let web = Web::new(world::view(5), Fake { no_token: true, ..Fake::default() });
        assert_eq!(web.post(&target).await.status, 403);
        let web = Web::new(world::view(5), Fake { busy: true, ..Fake::default() });
        let answer = web.post(&target).await;
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("remediation stands as it did"));
        assert!(!answer.text().contains("/secret/path"));
    }
}
