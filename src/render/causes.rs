//! Accounts that could not be judged, by cause: each cause and what to do about it is said once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::{AccountId, ScanError, UnknownReason};

/// Errors that differ only in the account and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause<T> {
    /// The reason they share.
    pub reason: UnknownReason,
    /// The call that failed.
    pub operation: Option<String>,
    /// The error code AWS gave.
    pub code: Option<String>,
    /// What happened; where it is several accounts, without what is particular to one.
    pub message: String,
    /// What to do about it, likewise.
    pub hint: Option<String>,
    /// Whom it happened to.
    pub members: Vec<T>,
}

/// Puts errors with one cause together, the most frequent first.
pub fn causes<'e, T>(
    errors: impl IntoIterator<Item = (T, &'e AccountId, &'e ScanError)>,
) -> Vec<Cause<T>> {
    type Key = (UnknownReason, Option<String>, Option<String>, String, Option<String>);
    let mut causes: BTreeMap<Key, (Vec<T>, &ScanError)> = BTreeMap::new();
    for (member, account, error) in errors {
        let hint = error.hint.as_deref().map(|hint| general(hint, account, error));
        let message = general(&error.message, account, error);
        let key = (error.reason, error.operation.clone(), error.code.clone(), message, hint);
        causes.entry(key).or_insert_with(|| (vec![], error)).0.push(member);
    }
    let cause = |((reason, operation, code, message, hint), (members, first)): (
        Key,
        (Vec<T>, &ScanError),
    )| {
        // With one account there is nothing to generalize: say it as it was said.
        let (message, hint) = match members.as_slice() {
            [_] => (first.message.clone(), first.hint.clone()),
            _ => (message, hint),
        };
        Cause { reason, operation, code, message, hint, members }
    };
    let mut causes: Vec<_> = causes.into_iter().map(cause).collect();
    causes.sort_by_key(|cause| Reverse(cause.members.len()));
    causes
}

/// The text without what is particular to one account.
pub(crate) fn general(text: &str, account: &AccountId, error: &ScanError) -> String {
    let text = text.replace(account.as_str(), "<account>");
    match error.request_id.as_deref() {
        Some(id) if !id.is_empty() => text.replace(id, "<request>"),
        _ => text,
    }
}
