//! Every metric, declared once: the code that counts and renders, `docs/metrics.md` and the tests follow from this.
//!
//! Names end in a base unit or `_total`. Label values come from closed sets, but for account id, account name,
//! organizational unit and exception id.

use crate::aws::CallOutcome;
use crate::check::ExceptionState;
use crate::ledger::{Outcome, Resolution};
use crate::model::{
    AccountState, Action, CheckName, Severity, SkipReason, StepOutcome, UnknownReason,
};
use crate::plan::Blocked;
use crate::web::Limit;

/// One metric.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) labels: &'static [Label],
    pub(crate) help: &'static str,
    pub(crate) stability: Stability,
    /// Whether `scan --metrics-file` writes it.
    pub(crate) scan: bool,
}

/// Its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Gauge,
    Counter,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// How far it can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stability {
    /// Name, type and labels stay.
    Stable,
    /// Tells of the inside, and changes with it.
    Internal,
}

/// One label.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) name: &'static str,
    pub(crate) values: Values,
}

/// What a label may say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    /// One of these. Every combination of closed sets is there from the start, with 0, unless the help says otherwise.
    Closed(fn() -> Vec<&'static str>),
    /// What it is.
    Open(&'static str),
}

const fn closed(name: &'static str, values: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Closed(values) }
}

const fn open(name: &'static str, what: &'static str) -> Label {
    Label { name, values: Values::Open(what) }
}

const ACCOUNT_ID: Label = open("account_id", "12 digits");
const ACCOUNT_NAME: Label = open("account_name", "as listed");
const OU: Label = open("ou", "path of units, as `/prod`");
const EXCEPTION_ID: Label = open("exception_id", "as configured");
const STATE: Label = closed("state", || AccountState::ALL.map(AccountState::as_str).to_vec());
const REASON: Label = open(
    "reason",
    "one of the reasons of [unknown.md](unknown.md), or empty where the state is not `unknown`",
);
const SKIP_REASON: Label = closed("reason", || SkipReason::ALL.map(SkipReason::as_str).to_vec());
const CHECK: Label = closed("check", || CheckName::ALL.map(CheckName::as_str).to_vec());
const SEVERITY: Label = closed("severity", || Severity::ALL.map(Severity::as_str).to_vec());
const RESOLUTION: Label = closed("resolution", || Resolution::ALL.map(Resolution::as_str).to_vec());
const EXCEPTION_STATE: Label =
    closed("state", || ExceptionState::ALL.map(ExceptionState::as_str).to_vec());
const BASELINE: Label = open("baseline", "its name");
const SHA256: Label = open("sha256", "of its meaning: layout, order and Sids do not count");
const SWEEP_OUTCOME: Label = closed("outcome", || Outcome::ALL.map(Outcome::as_str).to_vec());
const SCAN_OUTCOME: Label = closed("outcome", || {
    ["success"].into_iter().chain(UnknownReason::ALL.map(UnknownReason::as_str)).collect()
});
const JUDGED: Label = closed("outcome", || vec!["success", "failed"]);
const SERVICE: Label = open("aws_service", "`sts`, `iam`, `organizations`, …");
const OPERATION: Label = open("operation", "as `GetRole`");
const CALL_OUTCOME: Label =
    closed("outcome", || CallOutcome::ALL.map(CallOutcome::as_str).to_vec());
const LEVEL: Label = closed("level", || super::logging::LEVELS.map(|(_, name)| name).to_vec());
const ACTION: Label = closed("action", || Action::ALL.map(Action::as_str).to_vec());
const STEP_OUTCOME: Label =
    closed("outcome", || StepOutcome::ALL.map(StepOutcome::as_str).to_vec());
const BLOCKED_REASON: Label = closed("reason", || Blocked::OF_EVERYTHING.to_vec());
const WAITING_REASON: Label = closed("reason", || Blocked::OF_ACCOUNTS.to_vec());
const LIMIT: Label = closed("limit", || Limit::ALL.map(Limit::as_str).to_vec());
const VERSION: Label = open("version", "of rolewarden");
const REVISION: Label = open("revision", "commit, or `unknown`");
const RUSTC: Label = open("rustc", "version of the compiler");

const SCAN_SECONDS: Kind =
    Kind::Histogram(&[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0]);
const CALL_SECONDS: Kind =
    Kind::Histogram(&[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
/// One minute to 30 days.
const OPEN_SECONDS: Kind = Kind::Histogram(&[
    60.0,
    300.0,
    900.0,
    3600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    259_200.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
]);

/// Metrics that belong together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) metrics: &'static [&'static Metric],
}

/// Declares the metrics, and [`GROUPS`], which has them all. `scan` marks those that `scan --metrics-file` writes.
macro_rules! catalogue {
    (@scan scan) => { true };
    (@scan serve) => { false };
    ($($title:literal, $about:literal {
        $($id:ident = $kind:expr, $name:literal [$($label:expr),*] $stability:ident $scan:ident, $help:literal;)*
    })*) => {
        $($(
            pub(crate) static $id: Metric = Metric {
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
                stability: Stability::$stability,
                scan: catalogue!(@scan $scan),
            };
        )*)*
        /// Every metric.
        pub(crate) static GROUPS: &[Group] = &[
            $(Group { title: $title, about: $about, metrics: &[$(&$id),*] }),*
        ];
    };
}

use Kind::{Counter, Gauge};

catalogue! {
    "Accounts", "Computed from what is known when they are scraped. Every selected account is in exactly one state. \
                 A judgement older than `rolewarden_account_stale_after_seconds` holds no more: the account is then \
                 `unknown`, with the reason `stale`. One made by other rules than those in force is `pending`, and an exemption \
                 ends with the last day of its exception." {
        ACCOUNT_INFO = Gauge, "rolewarden_account_info" [ACCOUNT_ID, ACCOUNT_NAME, OU] Stable scan,
            "1 for each selected account: its name and place, for joins.";
        ACCOUNT_STATE = Gauge, "rolewarden_account_state" [ACCOUNT_ID, STATE, REASON] Stable scan,
            "1 for the state each selected account is in. Only the one state it is in has a series.";
        ACCOUNT_LAST_SUCCESS = Gauge, "rolewarden_account_last_success_timestamp_seconds" [ACCOUNT_ID] Stable scan,
            "When each selected account was last judged; 0 = never.";
        ACCOUNT_SERIES_DROPPED = Gauge, "rolewarden_account_series_dropped" [] Stable scan,
            "Accounts without series of their own because there are more than web.max_account_series.";
        ACCOUNTS = Gauge, "rolewarden_accounts" [STATE] Stable scan,
            "Selected accounts by state. Their sum is the number of selected accounts.";
        ACCOUNTS_OUT_OF_SCOPE = Gauge, "rolewarden_accounts_out_of_scope" [SKIP_REASON] Stable scan,
            "Accounts that are left out on purpose; they are in no state.";
    }
    "Findings", "A finding is open until a judgement contradicts it: a failed read closes none. Ages survive restarts. Drift that changes is another finding: as old as the drift of its check in the account, and the one before it is resolved as `changed`." {
        FINDINGS = Gauge, "rolewarden_findings" [CHECK, SEVERITY] Stable scan,
            "Open findings that no exception covers.";
        FINDINGS_EXEMPT = Gauge, "rolewarden_findings_exempt" [CHECK, SEVERITY] Stable scan,
            "Findings that an exception covers.";
        FINDING_FIRST_SEEN =
            Gauge, "rolewarden_finding_first_seen_timestamp_seconds" [ACCOUNT_ID, CHECK, SEVERITY] Stable serve,
            "Since when the oldest open finding of this account, check and severity is known. Only where there is one \
             that no exception covers.";
        FINDING_SERIES_DROPPED = Gauge, "rolewarden_finding_series_dropped" [] Stable serve,
            "Series of findings left out because there are more than web.max_finding_series; the worst are kept.";
        FINDINGS_OPENED = Counter, "rolewarden_findings_opened_total" [CHECK, SEVERITY] Stable serve,
            "Findings that opened.";
        FINDINGS_RESOLVED =
            Counter, "rolewarden_findings_resolved_total" [CHECK, SEVERITY, RESOLUTION] Stable serve,
            "Open findings that were resolved, and by what; `changed`: another finding of the check took its place.";
        FINDING_OPEN = OPEN_SECONDS, "rolewarden_finding_open_seconds" [SEVERITY] Stable serve,
            "Time from opened to resolved, of drift that ended.";
    }
    "Exceptions and baseline", "From the configuration in force." {
        EXCEPTIONS = Gauge, "rolewarden_exceptions" [EXCEPTION_STATE] Stable scan,
            "Exceptions that hold, that hold and end within a week, and that have ended.";
        EXCEPTION_EXPIRY =
            Gauge, "rolewarden_exception_expiry_timestamp_seconds" [EXCEPTION_ID, ACCOUNT_ID, CHECK] Stable scan,
            "End of each exception, for each known account and check it covers. One by finding ids has those of the findings that are there.";
        EXCEPTION_SERIES_DROPPED = Gauge, "rolewarden_exception_series_dropped" [] Stable scan,
            "Series of exceptions left out because there are more than web.max_finding_series; the first to end are kept.";
        BASELINE_INFO = Gauge, "rolewarden_baseline_info" [BASELINE, SHA256] Stable scan,
            "1 for the baseline in force.";
    }
    "Sweeps", "A sweep covers all selected accounts once. What is said of the last sweep survives restarts; a failed \
               sweep, which did not begin, is no last sweep." {
        SWEEPS = Counter, "rolewarden_sweeps_total" [SWEEP_OUTCOME] Stable serve,
            "Sweeps that ended: complete (every account of a fresh list was tried), partial (of an old list), failed \
             (no credentials or no accounts), cancelled.";
        SWEEP_OVERRUNS = Counter, "rolewarden_sweep_overruns_total" [] Stable serve,
            "Sweeps whose time came while the one before still ran.";
        SWEEP_IN_PROGRESS = Gauge, "rolewarden_sweep_in_progress" [] Stable serve,
            "1 while a sweep runs.";
        SWEEP_INTERVAL = Gauge, "rolewarden_sweep_interval_seconds" [] Stable serve,
            "Longest time from the start of one sweep to the next, as configured.";
        STALE_AFTER = Gauge, "rolewarden_account_stale_after_seconds" [] Stable serve,
            "Age at which a judgement holds no more, as configured.";
        LAST_START = Gauge, "rolewarden_last_sweep_start_timestamp_seconds" [] Stable scan,
            "Start of the last sweep that ran or runs; 0 = never.";
        LAST_END = Gauge, "rolewarden_last_sweep_end_timestamp_seconds" [] Stable scan,
            "End of the last sweep that ran; 0 = never.";
        LAST_COMPLETE = Gauge, "rolewarden_last_complete_sweep_timestamp_seconds" [] Stable scan,
            "End of the last sweep that tried every account of a fresh list; 0 = never.";
        LAST_DURATION = Gauge, "rolewarden_last_sweep_duration_seconds" [] Stable scan,
            "Duration of the last sweep that ran.";
        LAST_OUTCOME = Gauge, "rolewarden_last_sweep_outcome" [SWEEP_OUTCOME] Stable scan,
            "1 for how the newest attempt of a sweep ended, failed ones included. No 1 before the first.";
        LAST_ACCOUNTS = Gauge, "rolewarden_last_sweep_accounts" [JUDGED] Stable scan,
            "Selected accounts that were judged, and that could not be, when the last sweep ended.";
        LAST_REQUESTS = Gauge, "rolewarden_last_sweep_aws_requests" [SERVICE, CALL_OUTCOME] Stable scan,
            "Attempts of AWS calls that ended during the last sweep of this process.";
        SCANS = Counter, "rolewarden_scans_total" [SCAN_OUTCOME] Stable serve,
            "Scans of one account that ended: success, or why the account could not be judged.";
        SCAN_DURATION = SCAN_SECONDS, "rolewarden_scan_duration_seconds" [] Stable serve,
            "Duration of the scan of one account, retries and waits included.";
        SCAN_QUEUE = Gauge, "rolewarden_scan_queue_accounts" [] Internal serve,
            "Accounts of the running sweep that wait for a worker.";
        SCAN_WORKERS = Gauge, "rolewarden_scan_workers" [] Internal serve,
            "Accounts that may be scanned at once.";
        SCAN_BUSY = Gauge, "rolewarden_scan_workers_busy" [] Internal serve,
            "Accounts that are being scanned.";
    }
    "List of accounts", "When the organization cannot be listed, the last good list stays in force, marked stale." {
        ORG_REFRESHES = Counter, "rolewarden_org_refreshes_total" [] Stable serve,
            "Attempts to list the accounts.";
        ORG_REFRESH_FAILURES = Counter, "rolewarden_org_refresh_failures_total" [] Stable serve,
            "Attempts that brought no whole list, or one that was not believed.";
        ORG_LAST_REFRESH = Gauge, "rolewarden_org_last_refresh_timestamp_seconds" [] Stable scan,
            "When a whole list was last had; 0 = never.";
        ACCOUNT_LIST_STALE = Gauge, "rolewarden_account_list_stale" [] Stable serve,
            "1 while an older list is in force because the newest attempt failed.";
    }
    "Shards", "With `--total-shards`, several processes share an organization: each lists all of it and sweeps its own \
               accounts, and every other metric is about those. See [shards.md](shards.md)." {
        SHARD_ORDINAL = Gauge, "rolewarden_shard_ordinal" [] Stable scan,
            "Which shard this is, counted from 0; 0 where there is one.";
        TOTAL_SHARDS = Gauge, "rolewarden_total_shards" [] Stable scan,
            "How many shards there are, as this one was told; 1 = it has the whole organization.";
        ORGANIZATION_ACCOUNTS = Gauge, "rolewarden_organization_accounts" [] Stable scan,
            "Selected accounts of the whole organization, as this process last listed it: what rolewarden_accounts of all \
             shards add up to. Before its first list since the start, those it knows.";
    }
    "AWS calls", "Counted since the process started, attempt by attempt. Operations of an ordinary sweep are there from \
                  the start, others once they are called." {
        AWS_REQUESTS = Counter, "rolewarden_aws_requests_total" [SERVICE, OPERATION, CALL_OUTCOME] Stable serve,
            "Attempts that ended. not_found is an answer: there is no such role or policy.";
        AWS_DURATION = CALL_SECONDS, "rolewarden_aws_request_duration_seconds" [SERVICE, OPERATION] Stable serve,
            "Time from sending an attempt to its end.";
        AWS_RETRIES = Counter, "rolewarden_aws_retries_total" [SERVICE, OPERATION] Stable serve,
            "Attempts after a call's first one.";
        AWS_WAIT = Counter, "rolewarden_aws_rate_limit_wait_seconds_total" [SERVICE] Stable serve,
            "Time that calls waited for their turn or backed off, all calls together.";
        SESSION_REQUESTS = Counter, "rolewarden_credential_cache_requests_total" [] Internal serve,
            "Sessions of assumed roles that were asked for.";
        SESSION_HITS = Counter, "rolewarden_credential_cache_hits_total" [] Internal serve,
            "Sessions that were there already, or just being made.";
        SESSIONS = Gauge, "rolewarden_credential_cache_entries" [] Internal serve,
            "Sessions that are kept.";
    }
    "Remediation", "Putting drift right. Off, they stay 0." {
        REMEDIATIONS = Counter, "rolewarden_remediations_total" [ACTION, STEP_OUTCOME] Stable serve,
            "Steps of remediation, and what became of them.";
        REMEDIATION_ENABLED = Gauge, "rolewarden_remediation_enabled" [] Stable serve,
            "1 while rolewarden may change roles: configured and armed.";
        REMEDIATION_STOPPED = Gauge, "rolewarden_remediation_stopped" [] Stable serve,
            "1 while remediation is stopped: by hand, or because the journal of changes was lost.";
        BREAKER_OPEN = Gauge, "rolewarden_remediation_breaker_open" [] Stable serve,
            "1 while remediation is stopped because too many changes failed.";
        REMEDIATION_BLOCKED = Gauge, "rolewarden_remediation_blocked" [BLOCKED_REASON] Stable serve,
            "1 for what blocks every write now, or ended the last run early. All 0 while nothing does, and outside of mode apply.";
        REMEDIATION_PENDING = Gauge, "rolewarden_remediation_pending" [] Stable serve,
            "Drifted accounts that remediation will change, now or later.";
        REMEDIATION_WAITING = Gauge, "rolewarden_remediation_waiting" [WAITING_REASON] Stable serve,
            "Drifted accounts that may not be changed now, by reason.";
        ACCOUNTS_FLAPPING = Gauge, "rolewarden_accounts_flapping" [] Stable serve,
            "Accounts left to people because their role is changed back again and again.";
    }
    "Web server", "Limits that no client can pass: see [operate.md](operate.md#limits-of-the-web-server)." {
        WEB_REFUSED = Counter, "rolewarden_web_requests_refused_total" [LIMIT] Stable serve,
            "Requests refused by a limit: too many connections, large answers under way, or passwords to verify.";
    }
    "Configuration, store and log", "The process itself." {
        BUILD_INFO = Gauge, "rolewarden_build_info" [VERSION, REVISION, RUSTC] Stable scan,
            "1: which rolewarden this is.";
        RELOAD_SUCCESSFUL = Gauge, "rolewarden_config_last_reload_successful" [] Stable serve,
            "1 if the last attempt to load the configuration succeeded.";
        RELOAD_SUCCESS_TIME = Gauge, "rolewarden_config_last_reload_success_timestamp_seconds" [] Stable serve,
            "When the configuration in force was loaded.";
        RELOADS = Counter, "rolewarden_config_reloads_total" [] Stable serve,
            "Attempts to load the configuration again.";
        RELOAD_FAILURES = Counter, "rolewarden_config_reload_failures_total" [] Stable serve,
            "Attempts that failed; the configuration before stayed in force.";
        STATE_SAVES = Counter, "rolewarden_state_saves_total" [] Stable serve,
            "Attempts to write to the store.";
        STATE_SAVE_FAILURES = Counter, "rolewarden_state_save_failures_total" [] Stable serve,
            "Attempts that failed: ages would be lost by a restart.";
        STATE_LAST_SAVE = Gauge, "rolewarden_state_last_save_timestamp_seconds" [] Stable serve,
            "When the store was last written; 0 = never.";
        STATE_DROPPED = Counter, "rolewarden_state_records_dropped_total" [] Stable serve,
            "Records of history that were lost because the store could not be written for too long.";
        LOG_MESSAGES = Counter, "rolewarden_log_messages_total" [LEVEL] Stable serve,
            "Messages logged.";
        LOG_DROPPED = Counter, "rolewarden_log_messages_dropped_total" [] Stable serve,
            "Messages lost because nobody read stderr fast enough; logging never holds up a sweep.";
    }
    "Process", "As every Prometheus client has them; on Linux." {
        PROCESS_CPU = Counter, "process_cpu_seconds_total" [] Stable serve,
            "Total user and system CPU time spent in seconds.";
        PROCESS_MAX_FDS = Gauge, "process_max_fds" [] Stable serve,
            "Maximum number of open file descriptors.";
        PROCESS_OPEN_FDS = Gauge, "process_open_fds" [] Stable serve,
            "Number of open file descriptors.";
        PROCESS_RESIDENT = Gauge, "process_resident_memory_bytes" [] Stable serve,
            "Resident memory size in bytes.";
        PROCESS_START = Gauge, "process_start_time_seconds" [] Stable serve,
            "Start time of the process since unix epoch in seconds.";
        PROCESS_THREADS = Gauge, "process_threads" [] Stable serve,
            "Number of OS threads in the process.";
        PROCESS_VIRTUAL = Gauge, "process_virtual_memory_bytes" [] Stable serve,
            "Virtual memory size in bytes.";
    }
}

impl Metric {
    /// Every combination of the values of its labels; one empty combination for a metric without labels, none where a
    /// label has no closed set.
    pub(crate) fn combinations(&self) -> Vec<Vec<&'static str>> {
        self.labels.iter().fold(vec![vec![]], |combinations, label| {
            let values = match label.values {
                Values::Closed(values) => values(),
                Values::Open(_) => vec![],
            };
            combinations
                .iter()
                .flat_map(|head| values.iter().map(|value| [head.as_slice(), &[*value]].concat()))
                .collect()
        })
    }

    /// The names of its labels.
    pub(crate) fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name).collect()
    }
}
