//! Hostile text in every answer: escaped, and still the same value.

use rolewarden::ledger::{Breaker, Guard, RemediationView};
use rolewarden::model::{Change, Phase, StepOutcome};
use rolewarden::web::routes;
use serde_json::Value;

use super::changes::change;
use super::support::{Fake, Web};
use super::world;

/// Characters that change how a terminal shows what is around them, as `SECURITY.md` promises.
fn steering(text: &str) -> Vec<String> {
    let steers = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(steers).map(|c| c.escape_unicode().to_string()).collect()
}

/// Text of everything that an account's people can write, for every route.
const HOSTILE: &str = "a\u{0}\u{1b}[2J\u{7f}\u{85}\u{9b}31m\u{ad}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}z";

fn hostile() -> (Vec<Change>, RemediationView) {
    let one = |n: usize, outcome| Change {
        account_name: HOSTILE.to_owned(),
        summary: HOSTILE.to_owned(),
        note: Some(HOSTILE.to_owned()),
        phase: Phase::Ended,
        ..change(n, Some(outcome))
    };
    let changes = StepOutcome::ALL.into_iter().enumerate().map(|(n, outcome)| one(n, outcome));
    let why = HOSTILE.to_owned();
    let guard = Guard { breaker: Breaker::Open { since: world::ago(9), why }, ..Guard::default() };
    (changes.collect(), RemediationView { guard, ..RemediationView::default() })
}

#[tokio::test]
async fn no_answer_carries_a_character_that_steers_a_terminal() {
    let mut view = world::view(120);
    let mut accounts = view.ledger.accounts();
    for account in &mut accounts {
        account.name = format!("{}{HOSTILE}", account.name);
        account.path = format!("{}{HOSTILE}", account.path);
    }
    view.ledger.list(accounts, world::ago(60));
    view.trouble = Some(HOSTILE.to_owned());
    view.list.stale = Some(HOSTILE.to_owned());
    let (changes, remediation) = hostile();
    view.remediation = remediation;
    let web = Web::new(view, Fake { changes, ..Fake::default() });
    let mut answered = 0;
    for (path, methods) in routes() {
        if !methods.contains(&"GET") {
            continue;
        }
        let whole = ["/api/v1/accounts", "/api/v1/findings"].contains(&path);
        let path = path.replace("{id}", world::id(1).as_str()).replace("{name}", "rolewarden.css");
        let answer =
            web.get(&if whole { format!("{path}?limit=1000") } else { path.clone() }).await;
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(steering(&text), Vec::<String>::new(), "{path}: {text}");
        if path.starts_with("/api/") {
            let _: Value = serde_json::from_str(&text).unwrap();
        }
        answered += usize::from(answer.status.is_success());
    }
    assert!(answered > 12, "{answered} routes answered");
    // The text is another, and the value is not.
    let account = web.get(&format!("/api/v1/accounts/{}", world::id(1))).await.json();
    assert!(account["name"].as_str().unwrap().ends_with(HOSTILE), "{account}");
    let changes = web.get("/api/v1/changes").await.json();
    assert_eq!(changes["changes"][0]["note"], HOSTILE);
    // Neither do answers that quote what was asked.
    for path in
        ["/api/v1/accounts/%C2%9B%E2%80%AE", "/api/v1/accounts?q=%E2%80%AE&%C2%9B=1", "/%C2%9B"]
    {
        let answer = web.get(path).await;
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(steering(&text), Vec::<String>::new(), "{path}: {text}");
    }
}
