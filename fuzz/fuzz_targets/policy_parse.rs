//! Parsing never panics, and what is accepted means the same when it is parsed or spelled again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolewarden::policy::{Context, Kind, Policy};
use serde_json::Value;

/// Numbers keep their spelling inside condition values, which a second writing may change.
fn has_numbers(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(values) => values.iter().any(has_numbers),
        Value::Object(members) => members.values().any(has_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fuzz_target!(|text: &str| {
    let context = Context { account: "111122223333".parse().unwrap(), partition: "aws".parse().unwrap() };
    for kind in [Kind::Trust, Kind::Identity] {
        let _ = Policy::parse_baseline(kind, text, &context, None);
        let Ok(policy) = Policy::parse(kind, text, &context) else { continue };
        let again = Policy::parse(kind, text, &context).unwrap();
        assert_eq!(policy.canonical_text(), again.canonical_text());
        match serde_json::from_str::<Value>(text) {
            Ok(value) if !has_numbers(&value) => {
                let respelled = Policy::parse(kind, &format!("{value:#}"), &context).unwrap();
                assert_eq!(policy.canonical_text(), respelled.canonical_text());
            }
            Ok(_) => {}
            Err(error) => assert!(error.to_string().starts_with("number out of range"), "accepted, but: {error}"),
        }
    }
});
