//! An organization in memory, swept by hand, and a store that follows it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rolewarden::ledger::{
    AccountList, Event, FindingRecord, Ledger, Outcome, SweepRecord, Trigger,
};
use rolewarden::model::{
    Account, AccountId, AccountReport, AccountResult, AccountState, Breaker, Change, CheckName,
    CheckResult, CheckResults, Finding, FindingCounts, Guard, Origin, Phase, ScanError, Scope,
    Severity, Side, SkipReason, StateCounts, StepOutcome, Stopped, SweepInfo, UnknownReason,
    Verdict, Witness, Write,
};
use rolewarden::store::{FindingFilter, Saving, Store, StoreError};
use serde_json::json;
use tempfile::TempDir;

/// A text no terminal and no page may be given as it is.
pub(crate) const HOSTILE: &str = "\u{1b}[31m<script>alert(1)</script>\u{202e}\n'\"\u{0}";

/// Seconds after the first sweep of all tests.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn id(n: u64) -> AccountId {
    format!("{n:012}").parse().unwrap()
}

pub(crate) fn account(n: u64) -> Account {
    Account { name: format!("account-{n}"), path: "/prod".into(), ..Account::numbered(id(n)) }
}

/// `a` is open, `a!` is under an exception.
pub(crate) fn finding(word: &str) -> Finding {
    Finding {
        id: word.trim_end_matches('!').to_owned(),
        check: CheckName::TrustPolicy,
        verdict: Verdict::Excess,
        severity: Severity::Critical,
        summary: format!("anyone may assume the role {HOSTILE}"),
        witnesses: vec![
            Witness {
                scope: Scope::Principal { kind: "AWS".into(), value: "*".into() },
                action: "sts:AssumeRole".into(),
                side: Side::Excess,
                outside_baseline_condition: true,
                needs: rolewarden::model::Needs::default(),
            },
            Witness {
                scope: Scope::Resource("arn:aws:s3:::b/*".into()),
                action: "s3:GetObject".into(),
                side: Side::Missing,
                outside_baseline_condition: false,
                needs: rolewarden::model::Needs::default(),
            },
        ],
        expected: json!({"Version": "2012-10-17", "Statement": []}),
        actual: json!({"z": 1, "a": [1.5, null, HOSTILE]}),
        diff: "-a\n+b\n".into(),
        fix: vec!["aws iam update-assume-role-policy --role-name x".into()],
        first_seen: None,
        exception: word.ends_with('!').then(|| "EX-1".to_owned()),
    }
}

pub(crate) fn judged(second: i64, findings: &[&str]) -> AccountResult {
    let findings: Vec<_> = findings.iter().map(|word| finding(word)).collect();
    let state = match (findings.is_empty(), findings.iter().all(|f| f.exception.is_some())) {
        (true, _) => AccountState::Compliant,
        (false, true) => AccountState::Exempt,
        (false, false) => AccountState::Drifted,
    };
    let result = CheckResult {
        verdict: Verdict::Equivalent,
        details: [("policies".into(), json!(["AmazonEKSConnectorAgentPolicy"]))].into(),
    };
    let checks: CheckResults = [(CheckName::InlinePolicy, result)].into();
    AccountResult::Judged {
        state,
        role_arn: "arn:aws:iam::000000000001:role/AmazonEKSConnectorAgentRole".into(),
        checked_at: at(second),
        checks: Arc::new(checks),
        findings,
    }
}

pub(crate) fn failed(request: &str) -> AccountResult {
    AccountResult::Unknown(Box::new(ScanError {
        operation: Some("sts:AssumeRole".into()),
        code: Some("AccessDenied".into()),
        request_id: Some(request.into()),
        hint: Some("deploy the member role".into()),
        ..ScanError::new(UnknownReason::AssumeDenied, HOSTILE)
    }))
}

pub(crate) fn left_out(n: u64) -> Account {
    Account { skip: Some(SkipReason::Suspended), ..account(n) }
}

pub(crate) fn sweep(n: u64, second: i64) -> SweepRecord {
    SweepRecord {
        info: SweepInfo {
            id: format!("01JD{n:022}"),
            started_at: at(second - 1),
            finished_at: at(second),
            mode: "scan".into(),
            version: "0.1.0".into(),
            baseline: "eks-connector-agent".into(),
            baseline_digest: "sha256:00".into(),
            config_digest: "sha256:01".into(),
            shard: Default::default(),
            complete: true,
        },
        trigger: Trigger::Schedule,
        outcome: Outcome::Complete,
        states: StateCounts { compliant: 2, ..StateCounts::default() },
        findings: FindingCounts { critical: 1, ..FindingCounts::default() },
        unknown: [(UnknownReason::AssumeDenied, 1)].into(),
        opened: 1,
        resolved: 0,
    }
}

/// The nth change, of run `n / 3` in account `n % 2 + 1`, at second `n`; its texts are hostile.
pub(crate) fn change(n: u64, phase: Phase, outcome: Option<StepOutcome>) -> Change {
    let second = n.cast_signed();
    Change {
        id: format!("01JC{n:022}"),
        run: format!("01JR{:022}", n / 3),
        account: id(n % 2 + 1),
        account_name: format!("account {HOSTILE}"),
        role_arn: "arn:aws:iam::000000000001:role/AmazonEKSConnectorAgentRole".into(),
        role_id: Some("AROA1".into()),
        before_digest: "sha256:00".into(),
        write: Write::UpdateTrustPolicy { document: "{}".into() },
        undo: Some(Write::UpdateTrustPolicy { document: format!("{{\"x\":\"{HOSTILE}\"}}") }),
        summary: format!("the trust policy is replaced {HOSTILE}"),
        diff: format!("-a\n+{HOSTILE}\n"),
        origin: Origin::Serve,
        caller: "arn:aws:sts::000000000001:assumed-role/hub/x".into(),
        rolls_back: None,
        at: at(second),
        phase,
        ended_at: (phase == Phase::Ended).then(|| at(second + 1)),
        outcome,
        note: outcome.map(|outcome| format!("{} {HOSTILE}", outcome.as_str())),
    }
}

/// A ledger and the store that follows it.
pub(crate) struct Memory {
    /// Kept as long as the store is used.
    pub(crate) folder: TempDir,
    pub(crate) ledger: Ledger,
    pub(crate) store: Option<Store>,
    events: Vec<Event>,
    list: AccountList,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let mut memory = Self {
            folder: TempDir::new().unwrap(),
            ledger: Ledger::default(),
            store: None,
            events: vec![],
            list: AccountList::default(),
        };
        memory.store = Some(Store::open(&memory.path()).unwrap());
        memory
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("rolewarden.db")
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn list(&mut self, accounts: Vec<Account>, second: i64) {
        self.events.extend(self.ledger.list(accounts, at(second)));
        self.list.refreshed_at = Some(at(second));
    }

    pub(crate) fn learn(&mut self, n: u64, result: AccountResult) {
        let Account { id, name, path, .. } = account(n);
        let events = self.ledger.absorb(vec![AccountReport { id, name, path, result }]);
        self.events.extend(events);
    }

    /// Saves; with a sweep of this number, if there is one.
    pub(crate) fn try_save(&mut self, second: i64, n: Option<u64>) -> Result<(), StoreError> {
        let sweep = n.map(|n| sweep(n, second));
        let events = std::mem::take(&mut self.events);
        self.store().save(Saving {
            at: at(second),
            ledger: &self.ledger,
            sweep: sweep.as_ref(),
            events: &events,
            list: &self.list,
            last_complete: Some(at(second)),
        })
    }

    pub(crate) fn save(&mut self, second: i64) {
        self.try_save(second, Some(u64::try_from(second).unwrap())).unwrap();
    }

    /// Writes down two changes that ended and two that did not, and what holds remediation back.
    pub(crate) fn journal(&self) {
        let changes = [
            change(1, Phase::Ended, Some(StepOutcome::Applied)),
            change(2, Phase::Ended, Some(StepOutcome::Failed)),
            change(3, Phase::Sent, None),
            change(4, Phase::Planned, None),
        ];
        self.store().record(&changes).unwrap();
        let guard = Guard {
            breaker: Breaker::Open { since: at(4), why: HOSTILE.into() },
            failures_in_a_row: 3,
            stopped: Some(Stopped { at: at(5), by: HOSTILE.into() }),
        };
        self.store().set_guard(&guard).unwrap();
    }

    /// Ends the process, as it were, and begins again with what was stored.
    pub(crate) fn restart(&mut self) {
        drop(self.store.take());
        let store = Store::open(&self.path()).unwrap();
        self.ledger = store.load(10).unwrap().ledger;
        self.store = Some(store);
    }

    pub(crate) fn findings(&self) -> Vec<FindingRecord> {
        self.store().findings(&FindingFilter::default()).unwrap()
    }

    /// Findings as `account id first-last how`, oldest first.
    pub(crate) fn words(&self) -> Vec<String> {
        let second = |time: Timestamp| time.as_second() - at(0).as_second();
        let mut records = self.findings();
        records
            .sort_by_key(|record| (record.first_seen, record.account.clone(), record.id.clone()));
        let how = |record: &FindingRecord| match (record.closed_at, record.resolution) {
            (Some(closed), Some(why)) => format!(" {} at {}", why.as_str(), second(closed)),
            (None, None) => String::new(),
            other => panic!("{other:?}"),
        };
        records
            .iter()
            .map(|record| {
                let excused = record.exception.as_ref().map(|_| "!").unwrap_or_default();
                let n: u64 = record.account.as_str().parse().unwrap();
                let (first, last) = (second(record.first_seen), second(record.last_seen));
                format!("{n} {}{excused} {first}-{last}{}", record.id, how(record))
            })
            .collect()
    }
}
