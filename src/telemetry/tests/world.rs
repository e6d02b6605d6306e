//! What a daemon knows, made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Acceptance, Config, Covers, Exception, Selector};
use crate::ledger::{
    AccountList, Event, Ledger, Outcome, RemediationView, Shrunken, SweepRecord, Trigger, View,
};
use crate::model::{
    Account, AccountReport, AccountResult, AccountState, CheckName, CheckResults, Finding, Report,
    ScanError, Severity, SkipReason, SweepInfo, UnknownReason, Verdict,
};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn finding(id: &str, severity: Severity) -> Finding {
    Finding {
        id: id.into(),
        check: CheckName::TrustPolicy,
        verdict: Verdict::Excess,
        severity,
        summary: "anyone may assume the role".into(),
        witnesses: vec![],
        expected: serde_json::Value::Null,
        actual: serde_json::Value::Null,
        diff: String::new(),
        fix: vec![],
        first_seen: None,
        exception: None,
    }
}

pub(crate) fn judged(second: i64, findings: Vec<Finding>) -> AccountResult {
    AccountResult::Judged {
        state: if findings.is_empty() { AccountState::Compliant } else { AccountState::Drifted },
        role_arn: "arn".into(),
        checked_at: at(second),
        checks: Arc::new(CheckResults::new()),
        findings,
    }
}

pub(crate) fn unknown(reason: UnknownReason) -> AccountResult {
    AccountResult::Unknown(Box::new(ScanError::new(reason, "no")))
}

pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) ledger: Ledger,
    pub(crate) sweeps: Vec<SweepRecord>,
    pub(crate) stale_after: Duration,
    last_complete: Option<Timestamp>,
    accounts: BTreeMap<u64, Account>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            config: Config::default_for_check().unwrap(),
            ledger: Ledger::default(),
            sweeps: vec![],
            stale_after: Duration::from_secs(1_000_000),
            last_complete: None,
            accounts: BTreeMap::new(),
        }
    }
}

impl World {
    pub(crate) fn list(&mut self, ids: &[u64]) {
        for id in ids {
            let account = Account::numbered(format!("{id:012}").parse().unwrap());
            self.accounts.insert(*id, account);
        }
        self.relist();
    }

    fn relist(&mut self) {
        self.ledger.list(self.accounts.values().cloned().collect(), at(0));
    }

    pub(crate) fn skip(&mut self, id: u64, reason: SkipReason) {
        self.accounts.get_mut(&id).unwrap().skip = Some(reason);
        self.relist();
    }

    /// Takes effect with the next list: of ten thousand, not each is listed again.
    pub(crate) fn rename(&mut self, id: u64, name: &str, path: &str) {
        let account = self.accounts.get_mut(&id).unwrap();
        (account.name, account.path) = (name.into(), path.into());
        if self.accounts.len() < 100 || id as usize == self.accounts.len() {
            self.relist();
        }
    }

    pub(crate) fn absorb(&mut self, id: u64, result: AccountResult) -> Vec<Event> {
        let Account { id, name, path, .. } = self.accounts[&id].clone();
        self.ledger.absorb(vec![AccountReport { id, name, path, result }])
    }

    pub(crate) fn report(&self, id: u64) -> AccountReport {
        let entry = self.ledger.get(&self.accounts[&id].id).unwrap();
        entry.report(&self.view().at(at(3_600)))
    }

    pub(crate) fn whole_report(&self) -> Report {
        let accounts = self.accounts.keys().map(|id| self.report(*id)).collect();
        Report::new(self.sweeps[0].info.clone(), accounts)
    }

    /// A sweep ended.
    pub(crate) fn ended(&mut self, outcome: Outcome, from: i64, to: i64) {
        let info = SweepInfo {
            id: "01JD0000000000000000000000".into(),
            started_at: at(from),
            finished_at: at(to),
            mode: "serve".into(),
            version: "0".into(),
            baseline: "b".into(),
            baseline_digest: "sha256:0".into(),
            config_digest: "sha256:0".into(),
            shard: Default::default(),
            complete: true,
        };
        let record = SweepRecord {
            info,
            trigger: Trigger::Schedule,
            outcome,
            states: self.view().states(at(to)),
            findings: Default::default(),
            unknown: BTreeMap::new(),
            opened: 0,
            resolved: 0,
        };
        self.sweeps.insert(0, record);
        self.last_complete = Some(at(to));
    }

    /// An exception for accounts whose last day is that of the moment.
    pub(crate) fn except(&mut self, id: &str, accounts: &[u64], last: Timestamp) {
        let ids = accounts.iter().map(|id| format!("{id:012}").parse().unwrap()).collect();
        self.config.exceptions.push(Exception {
            id: id.into(),
            accounts: Selector { ids, ..Selector::default() },
            covers: Covers::Accept(Box::new(Acceptance {
                principals: ["999988887777".parse().unwrap()].into(),
                ..Acceptance::default()
            })),
            reason: "why".into(),
            owner: "who".into(),
            expires: TimeZone::UTC.to_datetime(last).date(),
        });
    }

    pub(crate) fn caps(&mut self, accounts: usize, findings: usize) {
        self.config.web.max_account_series = accounts;
        self.config.web.max_finding_series = findings;
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::new(View {
            config: Arc::new(self.config.clone()),
            ledger: self.ledger.clone(),
            list: AccountList { refreshed_at: Some(at(0)), ..AccountList::default() },
            sweeps: Arc::new(self.sweeps.clone()),
            last_complete: self.last_complete,
            interval: Duration::from_secs(900),
            stale_after: self.stale_after,
            shrunken: Shrunken::No,
            remediation: RemediationView::default(),
            trouble: None,
        })
    }
}
