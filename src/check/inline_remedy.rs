//! What a person is advised to do about inline policies: no more than the finding is about, and nothing that removes or
//! overwrites a document with a Deny or a condition of its own (`SEMANTICS.md` section 3c). Plans have rules of their own.

use std::collections::BTreeMap;

use super::{Case, decided, works};
use crate::model::{Verdict, Write};
use crate::policy::{Comparison, Decisions, Kind, Policy, compare, covers};

/// One inline policy.
pub(super) struct Part<'a> {
    pub(super) name: &'a String,
    pub(super) text: &'a String,
    pub(super) policy: Option<Policy>,
    pub(super) decisions: Decisions,
    /// It allows something beyond the baseline.
    pub(super) excess: bool,
}

/// The inline policies of a role, one by one.
pub(super) struct Parts<'a> {
    case: &'a Case<'a>,
    pub(super) list: Vec<Part<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(case: &'a Case<'a>) -> Self {
        let part = |(name, text): (&'a String, &'a String)| {
            let policy = Policy::parse(Kind::Identity, text, &case.context()).ok();
            let verdict =
                policy.as_ref().map(|policy| compare(policy, &case.baseline.inline).verdict);
            Part {
                name,
                text,
                policy,
                decisions: decided::decisions(case, Kind::Identity, text),
                excess: matches!(verdict, Some(Verdict::Excess | Verdict::MissingAndExcess)),
            }
        };
        Self { case, list: case.role.inline.iter().map(part).collect() }
    }

    /// The commands' writes, and the verdict they lead to. None where no write brings the role nearer to the baseline without
    /// touching a decision.
    pub(super) fn advice(&self, before: &Comparison) -> (Vec<Write>, Verdict) {
        let writes = self.writes(true).unwrap_or_default();
        let after = self.judged(&self.after(&writes));
        if !writes.is_empty() && improves(before.verdict, after) {
            (writes, after)
        } else {
            (Vec::new(), before.verdict)
        }
    }

    /// The documents as they would be if nothing were anybody's decision: what a diff compares with.
    pub(super) fn ideal(&self) -> BTreeMap<String, String> {
        self.after(&self.writes(false).unwrap_or_default())
    }

    /// The write that makes the inline policies allow all of the baseline, and takes nothing away; `None` where it would touch a
    /// decision, or there is nothing to put.
    pub(super) fn put(&self) -> Option<Write> {
        let parsed: Vec<&Part<'_>> = self.list.iter().filter(|p| p.policy.is_some()).collect();
        self.put_beside(&parsed, true).ok().flatten()
    }

    /// Its Allows hold all of the baseline under no condition, whatever Denies do.
    pub(super) fn allow_all(&self) -> bool {
        let baseline = &self.case.baseline.inline;
        let policies = self.list.iter().filter_map(|part| part.policy.clone());
        Policy::union(policies).is_some_and(|policy| {
            covers(&policy.surely(baseline).allows(), baseline).verdict == Verdict::Equivalent
        })
    }

    fn writes(&self, protect: bool) -> Option<Vec<Write>> {
        let goes = |part: &&Part<'_>| match protect {
            true => part.is_wrong() && part.decisions.none(),
            false => part.is_wrong() || !part.decisions.none(),
        };
        let (gone, kept): (Vec<&Part<'_>>, Vec<&Part<'_>>) = self.list.iter().partition(goes);
        let put = self.put_beside(&kept, protect).ok()?;
        let into = put.as_ref().and_then(|write| match write {
            Write::PutInlinePolicy { name, .. } => Some(name.clone()),
            _ => None,
        });
        let deleted = gone.iter().filter(|part| into.as_ref() != Some(part.name));
        let delete = deleted.map(|part| Write::DeleteInlinePolicy { name: part.name.clone() });
        Some(put.into_iter().chain(delete).collect())
    }

    /// The put that is needed beside these policies, if one is; an error where it would touch a decision.
    fn put_beside(&self, kept: &[&Part<'_>], protect: bool) -> Result<Option<Write>, ()> {
        let baseline = &self.case.baseline.inline;
        let policies: Option<Vec<Policy>> = kept.iter().map(|part| part.policy.clone()).collect();
        let nothing = Policy::nothing(Kind::Identity, &self.case.context());
        let kept_policy = Policy::union(policies.ok_or(())?).unwrap_or(nothing);
        // Where a condition or a Deny alone keeps a request away, one more Allow would be no answer to it.
        let allowed = kept_policy.at_most(baseline).allows();
        if covers(&allowed, baseline).verdict == Verdict::Equivalent {
            return Ok(None);
        }
        // An Allow without conditions beside one with them undoes those.
        let undoes = |part: &&&Part<'_>| {
            let touches =
                |policy: &Policy| works::meets(&policy.allows(), baseline).unwrap_or(true);
            part.decisions.condition && part.policy.as_ref().is_none_or(touches)
        };
        if protect && kept.iter().any(|part| undoes(&part)) {
            return Err(());
        }
        let target = self.target(protect).ok_or(())?;
        Ok(Some(self.case.baseline.put_inline(target)))
    }

    /// Where the expected document goes: over the only policy there is, or under the configured name.
    fn target(&self, protect: bool) -> Option<&String> {
        let free = |part: &&Part<'_>| !protect || part.decisions.none();
        let configured = &self.case.rules.baseline.inline_policy_name;
        match self.list.as_slice() {
            [only] if free(&only) => Some(only.name),
            parts => match parts.iter().find(|part| part.is_called(configured)) {
                None => Some(configured),
                Some(part) if free(&part) => Some(part.name),
                Some(_) => None,
            },
        }
    }

    fn after(&self, writes: &[Write]) -> BTreeMap<String, String> {
        let mut documents = self.case.role.inline.clone();
        for write in writes {
            match write {
                Write::PutInlinePolicy { name, document } => {
                    documents.insert(name.clone(), document.clone());
                }
                Write::DeleteInlinePolicy { name } => {
                    documents.remove(name);
                }
                _ => {}
            }
        }
        documents
    }

    fn judged(&self, documents: &BTreeMap<String, String>) -> Verdict {
        let parse = |text: &String| Policy::parse(Kind::Identity, text, &self.case.context());
        match documents.values().map(parse).collect::<Result<Vec<_>, _>>() {
            Err(_) => Verdict::Invalid,
            Ok(policies) => Policy::union(policies).map_or(Verdict::Absent, |policy| {
                compare(&policy, &self.case.baseline.inline).verdict
            }),
        }
    }
}

impl Part<'_> {
    /// IAM knows policies by their names whatever the case: a put under a name in other case overwrites.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.excess || self.policy.as_ref().is_none_or(Policy::is_doubtful)
    }
}

/// Something that was wrong is right, and nothing else has become wrong.
fn improves(before: Verdict, after: Verdict) -> bool {
    let wrong = |verdict| match verdict {
        Verdict::Equivalent | Verdict::Conditional => (false, false, false),
        Verdict::Missing | Verdict::Absent => (true, false, false),
        Verdict::Excess => (false, true, false),
        Verdict::MissingAndExcess => (true, true, false),
        Verdict::Invalid | Verdict::Undecided => (false, false, true),
    };
    let (was, is) = (wrong(before), wrong(after));
    let no_worse = (was.0 || !is.0 || was.2) && (was.1 || !is.1 || was.2) && (was.2 || !is.2);
    no_worse && (was != is || (before == Verdict::Conditional && after == Verdict::Equivalent))
}
