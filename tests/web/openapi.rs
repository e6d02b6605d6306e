//! The description of the API and the API say the same.

use std::collections::{BTreeMap, BTreeSet};

use rolewarden::ledger::{Outcome, Resolution, Trigger};
use rolewarden::model::{
    AccountState, Action, CheckName, Severity, StepOutcome, UnknownReason, Verdict,
};
use rolewarden::web::routes;
use serde_json::Value;

use super::support::Web;

async fn document() -> Value {
    Web::of(5).get("/api/v1/openapi.json").await.json()
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let document = document().await;
    let described: BTreeMap<&str, BTreeSet<String>> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
            (path.as_str(), methods.collect())
        })
        .collect();
    let there: BTreeMap<&str, BTreeSet<String>> = routes()
        .into_iter()
        .map(|(path, methods)| (path, methods.iter().map(|method| (*method).to_owned()).collect()))
        .collect();
    assert_eq!(described, there);
}

#[tokio::test]
async fn it_is_of_this_version() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn closed_sets_are_those_of_the_code() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let states = AccountState::ALL.map(AccountState::as_str);
    let cases: [(&str, &Value, Vec<&str>); 10] = [
        (
            "StepOutcome",
            &schemas["StepOutcome"]["enum"],
            StepOutcome::ALL.map(StepOutcome::as_str).into(),
        ),
        ("Action", &schemas["Action"]["enum"], Action::ALL.map(Action::as_str).into()),
        ("State", &schemas["State"]["enum"], [&states[..], &["skipped"]].concat()),
        (
            "Reason",
            &schemas["Reason"]["enum"],
            UnknownReason::ALL.map(UnknownReason::as_str).into(),
        ),
        ("Check", &schemas["Check"]["enum"], CheckName::ALL.map(CheckName::as_str).into()),
        ("Severity", &schemas["Severity"]["enum"], Severity::ALL.map(Severity::as_str).into()),
        ("Verdict", &schemas["Verdict"]["enum"], Verdict::ALL.map(Verdict::as_str).into()),
        ("Trigger", &schemas["Trigger"]["enum"], Trigger::ALL.map(Trigger::as_str).into()),
        (
            "Outcome",
            &schemas["Sweep"]["properties"]["outcome"]["enum"],
            Outcome::ALL.map(Outcome::as_str).into(),
        ),
        (
            "Resolution",
            &schemas["FindingRecord"]["properties"]["resolution"]["enum"],
            Resolution::ALL.map(Resolution::as_str).into(),
        ),
    ];
    for (case, described, there) in cases {
        let described = described.as_array().unwrap().iter().filter_map(Value::as_str);
        let described: BTreeSet<_> = described.collect();
        assert_eq!(described, there.into_iter().collect(), "case `{case}`");
    }
}
