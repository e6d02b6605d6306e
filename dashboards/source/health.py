"""Scanner health, for those who run rolewarden: is it on time, is it whole, and if not, why."""

from board import (
    HEALTH,
    NEUTRAL,
    NEVER,
    OVERVIEW,
    RUNBOOKS,
    STATE_COLOURS,
    UNKNOWN,
    Column,
    Query,
    Row,
    bars,
    board,
    board_link,
    graph,
    outer_link,
    stat,
    table,
    values,
    within,
)
from overview import NOT_VERIFIED
from promql import OVERDUE, age, code, quantile

BUILD, BASELINE, SCANS_FAILED, LAST_REQUESTS, SERIES_LEFT_OUT, SHARD_TABLE = 101, 102, 103, 104, 105, 106

COMPLETE = 'rolewarden_last_complete_sweep_timestamp_seconds{job=~"$job"}'
INTERVAL = 'max by (job) (rolewarden_sweep_interval_seconds{job=~"$job"})'

UNVERIFIED = board_link("Accounts not verified", OVERVIEW, NOT_VERIFIED)
FAILED_SCANS = board_link("Scans that failed, by reason", HEALTH, SCANS_FAILED)

# The worst of several processes is shown.
SWEEP_OUTCOMES = {"failed": 4, "cancelled": 3, "partial": 2, "complete": 1}
SWEEP_COLOURS = {"complete": "green", "partial": "yellow", "failed": "red", "cancelled": "#808080"}
CALL_COLOURS = {
    "success": "green",
    "not_found": "dark-green",
    "access_denied": "red",
    "throttled": "orange",
    "client_error": "dark-red",
    "server_error": "dark-orange",
    "timeout": "yellow",
    "network": "blue",
    "cancelled": "#808080",
}


def rate(metric: str, by: str = "", matchers: str = "") -> str:
    return over("rate", metric, by, matchers)


def increase(metric: str, by: str = "", matchers: str = "") -> str:
    return over("increase", metric, by, matchers)


def over(function: str, metric: str, by: str, matchers: str) -> str:
    by, matchers = f" by ({by})" if by else "", f", {matchers}" if matchers else ""
    return f'sum{by} ({function}({metric}{{job=~"$job"{matchers}}}[$__rate_interval]))'


def total(metric: str, matchers: str = "") -> str:
    matchers = f", {matchers}" if matchers else ""
    return f'sum({metric}{{job=~"$job"{matchers}}})'


at_a_glance = [
    stat(
        3,
        "Scan age in intervals",
        f"Sweep intervals since a scan last tried every account of a fresh list. RolewardenSweepOverdue fires beyond {OVERDUE}.",
        f"(time() - (min by (job) ({COMPLETE}) > 0)) / on (job) {INTERVAL} or (min by (job) ({COMPLETE}) == 0) - 1",
        steps=((0, "green"), (1.5, "orange"), (OVERDUE, "red")),
        mappings=(values({-1: ("never", UNKNOWN)}),),
        links=(FAILED_SCANS, UNVERIFIED),
        decimals=1,
    ),
    stat(
        3,
        "Last sweep ended",
        "How the newest attempt of a sweep ended; the worst of several processes. partial: of an old list. failed: it could not begin.",
        code("rolewarden_last_sweep_outcome", "outcome", SWEEP_OUTCOMES),
        mappings=(values({n: (outcome, SWEEP_COLOURS[outcome]) for outcome, n in SWEEP_OUTCOMES.items()}),),
        links=(FAILED_SCANS, UNVERIFIED),
    ),
    within(
        3,
        "Sweep duration",
        "Overdue: a sweep takes longer than the interval, so that sweeps are skipped.",
        'max by (job) (rolewarden_last_sweep_duration_seconds{job=~"$job"})',
        INTERVAL,
        links=(FAILED_SCANS,),
    ),
    stat(
        3,
        "Verified",
        "Share of the accounts in scope that have a judgement that holds.",
        'sum(rolewarden_accounts{job=~"$job", state!~"unknown|not_applicable"})'
        ' / (sum(rolewarden_accounts{job=~"$job", state!="not_applicable"}) > 0)',
        unit="percentunit",
        steps=((0, "red"), (0.75, "orange"), (0.95, "green")),
        links=(UNVERIFIED,),
        decimals=2,
    ),
    stat(
        3,
        "Account list",
        "Time since the organization was last listed in whole. Stale: the newest attempt failed, and an older list is in force.",
        [
            Query(
                f"{age('rolewarden_org_last_refresh_timestamp_seconds')}"
                ' and on (job) max by (job) (rolewarden_account_list_stale{job=~"$job"}) == 0',
                "fresh",
                "green",
            ),
            Query(
                f"{age('rolewarden_org_last_refresh_timestamp_seconds')}"
                ' and on (job) max by (job) (rolewarden_account_list_stale{job=~"$job"}) == 1',
                "stale",
                "red",
            ),
        ],
        unit="s",
        mappings=(NEVER,),
        links=(UNVERIFIED,),
    ),
    stat(
        3,
        "Configuration",
        "Whether the last attempt to load the configuration succeeded. Refused: the one before stays in force.",
        'min(rolewarden_config_last_reload_successful{job=~"$job"})',
        mappings=(values({0: ("refused", "red"), 1: ("in force", "green")}),),
        links=(board_link("Version and start", HEALTH, BUILD), board_link("Baseline in force", HEALTH, BASELINE)),
    ),
    within(
        3,
        "Store written",
        f"Ages of findings are lost by a restart while the store is not written. Overdue after {OVERDUE} sweep intervals.",
        age("rolewarden_state_last_save_timestamp_seconds"),
        f"{OVERDUE} * {INTERVAL}",
        links=(board_link("Version and start", HEALTH, BUILD),),
    ),
    stat(
        3,
        "Series left out",
        "Series of accounts, findings and exceptions that the limits web.max_account_series and web.max_finding_series leave"
        " out. The counts on the boards stay whole; the tables are not.",
        f"{total('rolewarden_account_series_dropped')} + {total('rolewarden_finding_series_dropped')}"
        f" + {total('rolewarden_exception_series_dropped')}",
        steps=((0, "green"), (1, "orange")),
        links=(board_link("Series left out, by kind", HEALTH, SERIES_LEFT_OUT),),
    ),
]

sweeps = [
    graph(
        8,
        "Sweeps by outcome",
        "Sweeps that ended, and sweeps whose time came while the one before still ran.",
        [
            Query(increase("rolewarden_sweeps_total", "outcome"), "{{outcome}}"),
            Query(increase("rolewarden_sweep_overruns_total"), "overrun", "orange"),
        ],
        "none",
        style="bars",
        stacked=True,
        by_name=SWEEP_COLOURS,
        every="15m",
    ),
    graph(
        8,
        "Duration of sweeps",
        "The last sweep's duration beside the interval and the age at which a judgement holds no more.",
        [
            Query('max by (job) (rolewarden_last_sweep_duration_seconds{job=~"$job"})', "last sweep: {{job}}"),
            Query('max(rolewarden_sweep_interval_seconds{job=~"$job"})', "interval", "orange"),
            Query('max(rolewarden_account_stale_after_seconds{job=~"$job"})', "judgements hold for", "red"),
        ],
        "s",
    ),
    graph(
        8,
        "Accounts of the last sweep",
        "Accounts that were judged, and that could not be, when the last sweep ended.",
        Query('sum by (outcome) (rolewarden_last_sweep_accounts{job=~"$job"})', "{{outcome}}"),
        "none",
        stacked=True,
        by_name={"success": "green", "failed": UNKNOWN},
        links=(UNVERIFIED,),
    ),
]

scans = [
    graph(
        8,
        "Account scans that failed, by reason",
        "Scans of one account that ended without a judgement. docs/unknown.md says what to do for each reason.",
        Query(increase("rolewarden_scans_total", "outcome", 'outcome!="success"') + " > 0", "{{outcome}}"),
        "none",
        style="bars",
        stacked=True,
        links=(UNVERIFIED,),
        every="15m",
    ),
    graph(
        8,
        "Account scans per second",
        "All scans of one account that ended, and those that brought a judgement.",
        [
            Query(rate("rolewarden_scans_total"), "ended", "blue"),
            Query(rate("rolewarden_scans_total", matchers='outcome="success"'), "judged", "green"),
        ],
        "cps",
    ),
    graph(
        8,
        "Seconds per account",
        "Duration of the scan of one account, retries and waits included.",
        [
            Query(quantile(0.5, "rolewarden_scan_duration_seconds"), "half below", "green"),
            Query(quantile(0.95, "rolewarden_scan_duration_seconds"), "95 % below", "orange"),
            Query(quantile(0.99, "rolewarden_scan_duration_seconds"), "99 % below", "red"),
        ],
        "s",
    ),
]
scans[0].id = SCANS_FAILED

work = [
    graph(
        8,
        "Queue and workers",
        "Accounts that wait and that are being scanned, beside how many may be at once. A worker that hangs stays busy while the"
        " queue stands still.",
        [
            Query(total("rolewarden_scan_queue_accounts"), "waiting", "orange"),
            Query(total("rolewarden_scan_workers_busy"), "being scanned", "green"),
            Query(total("rolewarden_scan_workers"), "workers", "#808080"),
            Query(total("rolewarden_sweep_in_progress"), "sweeps that run", "blue"),
        ],
        "none",
    ),
    stat(
        4,
        "Last sweep",
        "Time since the last sweep that ran began, and since it ended. Began but not ended: it runs.",
        [
            Query('time() - min(rolewarden_last_sweep_start_timestamp_seconds{job=~"$job"})', "began"),
            Query('time() - min(rolewarden_last_sweep_end_timestamp_seconds{job=~"$job"})', "ended"),
        ],
        unit="s",
        steps=((0, NEUTRAL),),
        mappings=(NEVER,),
        links=(FAILED_SCANS,),
    ),
    bars(
        12,
        "AWS calls of the last sweep",
        "Attempts that ended during the last sweep of this process, by service and outcome.",
        Query(
            'sort_desc(sum by (aws_service, outcome) (rolewarden_last_sweep_aws_requests{job=~"$job"}) > 0)',
            "{{aws_service}}: {{outcome}}",
        ),
        by_pattern={f"/: {outcome}$/": colour for outcome, colour in CALL_COLOURS.items()},
    ),
]
work[2].id = LAST_REQUESTS

aws = [
    graph(
        8,
        "AWS calls per second, by service",
        "Attempts, retries included.",
        Query(rate("rolewarden_aws_requests_total", "aws_service"), "{{aws_service}}"),
        "reqps",
        stacked=True,
        by_name={"iam": "green", "sts": "blue", "organizations": "orange", "eks": "yellow"},
    ),
    graph(
        8,
        "AWS errors per second, by outcome",
        "Attempts that brought no answer. not_found is an answer, and left out.",
        Query(rate("rolewarden_aws_requests_total", "outcome", 'outcome!~"success|not_found"') + " > 0", "{{outcome}}"),
        "reqps",
        stacked=True,
        by_name=CALL_COLOURS,
        links=(board_link("AWS calls of the last sweep", HEALTH, LAST_REQUESTS),),
    ),
    graph(
        8,
        "Share of calls throttled or denied",
        "RolewardenThrottled and RolewardenAccessDenied look at these shares.",
        [
            Query(
                f"{rate('rolewarden_aws_requests_total', 'aws_service', matcher)}"
                f" / ({rate('rolewarden_aws_requests_total', 'aws_service')} > 0)",
                f"{name}: {{{{aws_service}}}}",
            )
            for name, matcher in (("throttled", 'outcome="throttled"'), ("denied", 'outcome="access_denied"'))
        ],
        "percentunit",
        most=1,
    ),
]

aws_time = [
    graph(
        8,
        "Slowest AWS operations",
        "The time below which 95 % of the attempts ended; the five slowest operations.",
        Query(f"topk(5, {quantile(0.95, 'rolewarden_aws_request_duration_seconds', 'operation')})", "{{operation}}"),
        "s",
    ),
    graph(
        8,
        "Retries per second, by operation",
        "Attempts after a call's first one; operations without any are left out.",
        Query(rate("rolewarden_aws_retries_total", "aws_service, operation") + " > 0", "{{aws_service}} {{operation}}"),
        "reqps",
        stacked=True,
    ),
    graph(
        8,
        "Calls that wait for their turn",
        "Seconds waited in each second, all calls together: 3 means that three calls wait at any time.",
        Query(rate("rolewarden_aws_rate_limit_wait_seconds_total", "aws_service"), "{{aws_service}}"),
        "none",
        by_name={"iam": "green", "sts": "blue", "organizations": "orange", "eks": "yellow"},
    ),
]

sessions = [
    graph(
        8,
        "Sessions found in the cache",
        "Share of the asked sessions of assumed roles that were there already, or just being made.",
        Query(
            f"{rate('rolewarden_credential_cache_hits_total')} / ({rate('rolewarden_credential_cache_requests_total')} > 0)",
            "found",
            "green",
        ),
        "percentunit",
        most=1,
    ),
    graph(
        8,
        "Sessions kept",
        "Sessions of assumed roles in the cache.",
        Query(total("rolewarden_credential_cache_entries"), "sessions", "blue"),
        "none",
    ),
    graph(
        8,
        "Remediation steps that failed",
        "By action and outcome. The role may be half changed: read the log and rolewarden's page of the account.",
        Query(
            increase("rolewarden_remediations_total", "action, outcome", 'outcome=~"failed|verify_failed|rolled_back"') + " > 0",
            "{{action}}: {{outcome}}",
        ),
        "none",
        style="bars",
        stacked=True,
        links=(board_link("Overview", OVERVIEW),),
        every="15m",
    ),
]

accounts = [
    graph(
        8,
        "Attempts to list the accounts",
        "All attempts, and those that brought no whole list or one that was not believed.",
        [
            Query(increase("rolewarden_org_refreshes_total"), "attempts", "blue"),
            Query(increase("rolewarden_org_refresh_failures_total"), "failed", "red"),
        ],
        "none",
        style="bars",
        every="15m",
    ),
    bars(
        8,
        "Accounts out of scope",
        "Accounts that are left out on purpose, by reason. They are in no state and in no table.",
        Query('sort_desc(sum by (reason) (rolewarden_accounts_out_of_scope{job=~"$job"}) > 0)', "{{reason}}"),
        steps=((0, STATE_COLOURS["not_applicable"]),),
    ),
    bars(
        8,
        "Series left out, by kind",
        "Raise web.max_account_series or web.max_finding_series, and sample_limit with them.",
        Query(
            " or ".join(
                f'label_replace({total(f"rolewarden_{kind}_series_dropped")}, "kind", "{kind}s", "", "")'
                for kind in ("account", "finding", "exception")
            ),
            "{{kind}}",
        ),
        steps=((0, "green"), (1, "orange")),
    ),
]
accounts[2].id = SERIES_LEFT_OUT

# Where nothing is sharded there is one shard, and it has the organization.
SHARDS = 'max by (job) (rolewarden_total_shards{job=~"$job"})'
ANSWERING = 'count by (job) (count_values by (job) ("shard", rolewarden_shard_ordinal{job=~"$job"}))'

shards = [
    stat(
        4,
        "Shards missing",
        "Shards that there are to be, and that do not answer: nobody watches their accounts.",
        f"sum({SHARDS} - on (job) {ANSWERING})",
        steps=((0, "green"), (1, "red")),
        links=(board_link("Shards", HEALTH, SHARD_TABLE),),
    ),
    stat(
        4,
        "Accounts in no shard",
        "Accounts of the organization, as the shard with the longest list has it, that no shard has. After accounts came or left,"
        " shards differ until each has listed the organization again.",
        'sum(clamp_min(max by (job) (rolewarden_organization_accounts{job=~"$job"})'
        ' - on (job) sum by (job) (rolewarden_accounts{job=~"$job"}), 0))',
        steps=((0, "green"), (1, "red")),
        links=(board_link("Shards", HEALTH, SHARD_TABLE),),
    ),
    table(
        16,
        "Shards",
        "Each process, which shard it is, and its accounts. They are about even; two of one shard, or different totals, are a"
        " mistake.",
        'sum by (job, instance) (rolewarden_accounts{job=~"$job"})'
        ' * on (job, instance) group_left (shard) count_values by (job, instance) ("shard", rolewarden_shard_ordinal{job=~"$job"})'
        ' * on (job, instance) group_left (of) count_values by (job, instance) ("of", rolewarden_total_shards{job=~"$job"})',
        [
            Column("job", "Job"),
            Column("instance", "Process"),
            Column("shard", "Shard", width=90),
            Column("of", "Of", width=90),
            Column("Value", "Accounts", width=120),
        ],
        (("Job", False), ("Shard", False)),
        id=SHARD_TABLE,
    ),
]

store = [
    graph(
        8,
        "Store",
        "Attempts to write to the store, those that failed, and records of history that were lost.",
        [
            Query(increase("rolewarden_state_saves_total"), "writes", "blue"),
            Query(increase("rolewarden_state_save_failures_total"), "failed", "red"),
            Query(increase("rolewarden_state_records_dropped_total"), "records lost", "orange"),
        ],
        "none",
        style="bars",
        every="15m",
    ),
    graph(
        8,
        "Log messages per second",
        "By level; dropped: nobody read stderr fast enough.",
        [
            Query(rate("rolewarden_log_messages_total", "level"), "{{level}}"),
            Query(rate("rolewarden_log_messages_dropped_total"), "dropped", "dark-red"),
        ],
        "cps",
        by_name={"error": "red", "warn": "orange", "info": "blue"},
    ),
    graph(
        8,
        "Configuration loads",
        "Attempts to load the configuration again, and those that failed.",
        [
            Query(increase("rolewarden_config_reloads_total"), "attempts", "blue"),
            Query(increase("rolewarden_config_reload_failures_total"), "failed", "red"),
        ],
        "none",
        style="bars",
        every="15m",
    ),
]

# process_* metrics are every program's: rolewarden's are those of the targets that have its build_info.
OURS = 'and on (job, instance) rolewarden_build_info{job=~"$job"}'

process = [
    graph(
        6,
        "Memory",
        "Resident memory of each process.",
        Query(f'process_resident_memory_bytes{{job=~"$job"}} {OURS}', "{{instance}}"),
        "bytes",
    ),
    graph(
        6,
        "CPU",
        "CPU seconds used in each second.",
        Query(f'rate(process_cpu_seconds_total{{job=~"$job"}}[$__rate_interval]) {OURS}', "{{instance}}"),
        "none",
    ),
    graph(
        6,
        "File descriptors in use",
        "Share of the open files that the process may have.",
        Query(f'process_open_fds{{job=~"$job"}} / process_max_fds {OURS}', "{{instance}}"),
        "percentunit",
    ),
    graph(
        6,
        "Threads",
        "Threads of each process.",
        Query(f'process_threads{{job=~"$job"}} {OURS}', "{{instance}}"),
        "none",
    ),
]

scrape = [
    graph(
        6,
        "Scrapes",
        "1: the target answered. 0: it did not, and every number of it is gone.",
        Query('min by (job, instance) (up{job=~"$job"})', "{{job}} {{instance}}"),
        "none",
        most=1,
    ),
    graph(
        6,
        "Duration of scrapes",
        "Keep it well below the scrape timeout.",
        Query(f'scrape_duration_seconds{{job=~"$job"}} {OURS}', "{{instance}}"),
        "s",
    ),
    graph(
        6,
        "Samples of a scrape",
        "More than sample_limit loses the whole scrape.",
        Query(f'scrape_samples_scraped{{job=~"$job"}} {OURS}', "{{instance}}"),
        "none",
    ),
    graph(
        6,
        "Failed notifications per second",
        "Alerts that this Prometheus could not hand over, and notifications that Alertmanager could not send: nobody hears."
        " Needs Prometheus and Alertmanager to be scraped too.",
        [
            Query("sum(rate(prometheus_notifications_dropped_total[$__rate_interval]))", "dropped by Prometheus", "orange"),
            Query("sum(rate(prometheus_notifications_errors_total[$__rate_interval]))", "not taken by Alertmanager", "red"),
            Query(
                "sum by (integration) (rate(alertmanager_notifications_failed_total[$__rate_interval]))",
                "not sent: {{integration}}",
            ),
        ],
        "cps",
    ),
]

versions = [
    table(
        12,
        "Version and start",
        "Each process, its version and how long it has been up, newest first.",
        'time() - process_start_time_seconds{job=~"$job"} * on (job, instance) group_left (version, revision, rustc)'
        ' rolewarden_build_info{job=~"$job"}',
        [
            Column("job", "Job"),
            Column("instance", "Process"),
            Column("version", "Version", width=100),
            Column("revision", "Revision"),
            Column("rustc", "Compiler"),
            Column("Value", "Up for", unit="s", width=120, steps=((0, "orange"), (3_600, "text"))),
        ],
        (("Up for", False),),
        id=BUILD,
    ),
    table(
        12,
        "Baseline in force",
        "What accounts are compared with. Processes of one job should have the same.",
        'count by (job, baseline, sha256) (rolewarden_baseline_info{job=~"$job"})',
        [
            Column("job", "Job", width=110),
            Column("baseline", "Baseline", width=170),
            Column("sha256", "SHA-256 of its meaning"),
            Column("Value", "Processes", width=90),
        ],
        (("Job", False), ("Baseline", False)),
        id=BASELINE,
    ),
]

BOARD = board(
    HEALTH,
    "rolewarden / Scanner health",
    "Is the scanner on time, does it see every account, and if not, why?",
    [],
    [
        outer_link("rolewarden's own page", "Every account with its witnesses", "${rolewarden_url}/"),
        outer_link("Runbooks", "What each alert means and what to do", RUNBOOKS),
    ],
    [
        Row("At a glance", [(5, at_a_glance)]),
        Row("Sweeps", [(8, sweeps), (8, scans), (8, work)]),
        Row("AWS calls", [(8, aws), (8, aws_time), (8, sessions)]),
        Row("List of accounts and limits", [(7, accounts)]),
        Row("Shards", [(6, shards)]),
        Row("Configuration, store and log", [(7, store), (6, versions)]),
        Row("Process and scrape", [(7, process), (7, scrape)], closed=True),
    ],
)
