//! What rules keep from one account to the next. It saves work and memory, and changes no answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::CheckResults;

/// Texts that were compared with the expected document and found equivalent: thousands of accounts share a few.
///
/// What a text means depends on the partition, which all accounts of a sweep share, and not on the account: a baseline
/// that names the account is compiled for each, with nothing known. So this saves work and changes no answer.
#[derive(Debug, Default)]
pub(super) struct Same(Mutex<HashSet<String>>);

impl Same {
    /// Texts kept at most; whoever writes more than these has them compared each time.
    const MOST: usize = 64;

    pub(super) fn has(&self, text: &str) -> bool {
        self.texts().contains(text)
    }

    /// The caller has compared this text, and the verdict was `Equivalent`.
    pub(super) fn add(&self, text: &str) {
        let mut texts = self.texts();
        if texts.len() < Self::MOST {
            texts.insert(text.to_owned());
        }
    }

    fn texts(&self) -> MutexGuard<'_, HashSet<String>> {
        lock(&self.0)
    }
}

/// What checks said: most accounts of a sweep have the same said of them, and it is the largest part of their record.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Vec<Arc<CheckResults>>>);

impl Said {
    /// Values kept at most; the oldest goes first.
    const MOST: usize = 32;

    /// The same value, shared with the accounts that had it lately.
    pub(super) fn shared(&self, checks: CheckResults) -> Arc<CheckResults> {
        let mut said = lock(&self.0);
        if let Some(same) = said.iter().find(|same| ***same == checks) {
            return Arc::clone(same);
        }
        if said.len() >= Self::MOST {
            said.remove(0);
        }
        let new = Arc::new(checks);
        said.push(Arc::clone(&new));
        new
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{CheckName, CheckResult, Verdict};

    #[test]
    fn equal_values_are_one_and_few_are_kept() {
        let checks = |n: usize| {
            let details = BTreeMap::from([("n".into(), n.into())]);
            CheckResults::from([(
                CheckName::InlinePolicy,
                CheckResult { verdict: Verdict::Equivalent, details },
            )])
        };
        let said = Said::default();
        let first = said.shared(checks(0));
        assert!(Arc::ptr_eq(&first, &said.shared(checks(0))));
        for n in 0..Said::MOST * 2 {
            assert_eq!(*said.shared(checks(n)), checks(n));
        }
        assert_eq!(lock(&said.0).len(), Said::MOST);
        assert!(!Arc::ptr_eq(&first, &said.shared(checks(0))), "forgotten by now");
    }

    #[test]
    fn no_more_texts_are_kept_than_allowed() {
        let same = Same::default();
        (0..Same::MOST * 2).for_each(|n| same.add(&n.to_string()));
        assert!(same.has("0") && !same.has(&Same::MOST.to_string()));
    }
}
