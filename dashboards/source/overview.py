"""Security, at a glance: one answer, what excuses it, and the lists behind every number."""

from board import (
    HEALTH,
    NEUTRAL,
    NEVER,
    OVERVIEW,
    RUNBOOKS,
    SEVERITY,
    SEVERITY_COLOURS,
    STATE_COLOURS,
    TO_ACCOUNT,
    UNKNOWN,
    Column,
    Query,
    Row,
    bars,
    board,
    board_link,
    choice_variable,
    graph,
    link,
    outer_link,
    query_variable,
    stat,
    table,
    values,
    within,
)
from promql import FIRST_SEEN, KNOWN, OVERDUE, SEVERITIES, age, known, named, ranked

CHECKS = (
    "role-exists",
    "trust-policy",
    "inline-policy",
    "attached-policies",
    "effective-permissions",
    "role-attributes",
    "connector-usage",
    "service-linked-role",
)
# Panels that links lead to.
OPEN_DRIFT, NOT_VERIFIED, EXCEPTIONS = 101, 102, 103

DAY = 86_400


def to(title: str, panel: int, **variables: str) -> dict:
    return board_link(title, OVERVIEW, panel, **variables)


def configured(state: str) -> str:
    """Exceptions in this state. All processes of a job have them from one configuration."""
    return f'sum(max by (job) (rolewarden_exceptions{{job=~"$job", state="{state}"}}))'


ALL_DRIFT = to("All open drift", OPEN_DRIFT)
ALL_NOT_VERIFIED = to("Accounts not verified", NOT_VERIFIED)

at_a_glance = [
    stat(
        4,
        "Compliance",
        "Accounts that are right or exempt, of all that are in scope. Accounts that could not be verified count as not right.",
        'sum(rolewarden_accounts{job=~"$job", state=~"compliant|exempt"})'
        ' / (sum(rolewarden_accounts{job=~"$job", state!="not_applicable"}) > 0)',
        unit="percentunit",
        steps=((0, "red"), (0.95, "orange"), (0.99, "green")),
        links=(ALL_DRIFT, ALL_NOT_VERIFIED),
        decimals=2,
    ),
    stat(
        4,
        "Not verified",
        "Accounts without a judgement that holds: they may be right or not. 0 is good only while scans are on time.",
        'sum(rolewarden_accounts{job=~"$job", state="unknown"})',
        steps=((0, "green"), (1, "orange")),
        links=(ALL_NOT_VERIFIED,),
    ),
    within(
        4,
        "Since last complete scan",
        f"Time since a scan last tried every account of a fresh list. Overdue after {OVERDUE} sweep intervals.",
        age("rolewarden_last_complete_sweep_timestamp_seconds"),
        f'{OVERDUE} * max by (job) (rolewarden_sweep_interval_seconds{{job=~"$job"}})',
        links=(board_link("Scanner health", HEALTH),),
    ),
    stat(
        4,
        "Drifted accounts",
        "Accounts whose role is not as the baseline says. No data while no account at all is verified.",
        known('sum(rolewarden_accounts{job=~"$job", state="drifted"})'),
        steps=((0, "green"), (1, "red")),
        links=(ALL_DRIFT,),
    ),
    stat(
        4,
        "Critical findings",
        "Open findings of severity critical that no exception covers.",
        known('sum(rolewarden_findings{job=~"$job", severity="critical"})'),
        steps=((0, "green"), (1, "red")),
        links=(to("Critical drift", OPEN_DRIFT, severity="critical"),),
    ),
    stat(
        4,
        "Oldest open drift",
        'Age of the finding that has been open longest. "none" only while some account is verified.',
        f'time() - min({FIRST_SEEN}{{job=~"$job"}}) or 0 * {KNOWN}',
        unit="s",
        steps=((0, "green"), (1, "yellow"), (DAY, "orange"), (7 * DAY, "red")),
        mappings=(values({0: ("none", "green")}),),
        links=(ALL_DRIFT,),
    ),
]

trend = [
    graph(
        12,
        "Accounts by state",
        "Every selected account is in one state. A gap: rolewarden was not scraped.",
        Query('sum by (state) (rolewarden_accounts{job=~"$job"})', "{{state}}"),
        "none",
        stacked=True,
        by_name=STATE_COLOURS,
        links=(ALL_DRIFT, ALL_NOT_VERIFIED),
    ),
    graph(
        12,
        "Findings opened and resolved",
        "Above zero what opened, by severity; below what was resolved, by what. external: somebody else put it right.",
        [
            Query(
                'sum by (severity) (increase(rolewarden_findings_opened_total{job=~"$job"}[$__rate_interval]))',
                "opened: {{severity}}",
            ),
            Query(
                'sum by (resolution) (increase(rolewarden_findings_resolved_total{job=~"$job"}[$__rate_interval]))',
                "resolved: {{resolution}}",
            ),
        ],
        "none",
        style="bars",
        stacked=True,
        by_name={f"opened: {severity}": colour for severity, colour in SEVERITY_COLOURS.items()}
        | {
            "resolved: remediated": "green",
            "resolved: external": "dark-green",
            "resolved: exempt": STATE_COLOURS["exempt"],
            "resolved: account_left": STATE_COLOURS["not_applicable"],
        },
        negative="/^resolved/",
        links=(ALL_DRIFT,),
        every="15m",
    ),
]

where = [
    bars(
        8,
        "Open findings by check",
        "What is wrong, most frequent first. Checks without findings are left out.",
        Query('sort_desc(sum by (check, severity) (rolewarden_findings{job=~"$job"}) > 0)', "{{severity}}: {{check}}"),
        by_pattern={f"/^{severity}: /": colour for severity, colour in SEVERITY_COLOURS.items()},
        links=(
            to(
                "These findings",
                OPEN_DRIFT,
                check="${__field.labels.check:percentencode}",
                severity="${__field.labels.severity:percentencode}",
            ),
        ),
    ),
    bars(
        8,
        "Drifted accounts by OU",
        "Where drift is, most accounts first; at most 15 units.",
        Query(
            'sort_desc(topk(15, count by (ou) (max by (job, account_id) (rolewarden_account_state{job=~"$job", state="drifted"})'
            " * on (job, account_id) group_left (ou)"
            ' max by (job, account_id, ou) (rolewarden_account_info{job=~"$job"}))))',
            "{{ou}}",
        ),
        steps=((0, "red"),),
        links=(to("Drift of this unit", OPEN_DRIFT, ou="${__field.labels.ou:percentencode}"),),
    ),
    bars(
        8,
        "Not verified, by reason",
        "Why accounts have no judgement that holds. docs/unknown.md says what to do for each reason.",
        Query(
            "sort_desc(count by (reason) (max by (job, account_id, reason)"
            ' (rolewarden_account_state{job=~"$job", state="unknown"})))',
            "{{reason}}",
        ),
        steps=((0, UNKNOWN),),
        links=(to("These accounts", NOT_VERIFIED, reason="${__field.labels.reason:percentencode}"),),
    ),
]

ACCOUNT_COLUMN = Column("account_id", "Account", width=140, links=TO_ACCOUNT)
NAME, OU = Column("account_name", "Name"), Column("ou", "OU")
AGE_STEPS = ((0, "text"), (DAY, "orange"), (7 * DAY, "red"))

open_drift = table(
    24,
    "Open drift",
    "What is wrong in each account, worst and oldest first: one row for each check and severity, with the age of the oldest"
    " finding. The filters above the board apply. An account number leads to the account.",
    named(
        ranked(
            f'time() - min by (job, account_id, check, severity) ({FIRST_SEEN}{{job=~"$job", check=~"$check",'
            ' severity=~"$severity"})'
        ),
        'ou=~"$ou"',
    ),
    [
        ACCOUNT_COLUMN,
        NAME,
        OU,
        Column("severity", "Severity", width=110, mappings=(SEVERITY,)),
        Column("check", "Check", width=190),
        Column("Value", "Open for", unit="s", width=130, steps=AGE_STEPS),
    ],
    (("Severity", False), ("Open for", True)),
    id=OPEN_DRIFT,
)

not_verified = table(
    24,
    "Accounts not verified",
    "Accounts without a judgement that holds, with the reason, longest unverified first.",
    '(max by (job, account_id, reason) (rolewarden_account_state{job=~"$job", state="unknown", reason=~"$reason"})'
    " * on (job, account_id) group_left (account_name, ou)"
    ' max by (job, account_id, account_name, ou) (rolewarden_account_info{job=~"$job", ou=~"$ou"}))'
    " * on (job, account_id) group_left ()"
    ' (time() - max by (job, account_id) (rolewarden_account_last_success_timestamp_seconds{job=~"$job"}))',
    [
        ACCOUNT_COLUMN,
        NAME,
        OU,
        Column("reason", "Reason", width=180),
        Column("Value", "Since verified", unit="s", width=130, steps=AGE_STEPS, mappings=(NEVER,)),
    ],
    (("Since verified", True),),
    id=NOT_VERIFIED,
)

alerts = table(
    24,
    "Alerts that fire",
    "Alerts of rolewarden's rules in this Prometheus, and how often each fires: once for each account, where it is about"
    " accounts. Empty also while the rules are not loaded.",
    'count by (alertname, severity) (ALERTS{alertname=~"Rolewarden.+", alertstate="firing"})',
    [
        Column(
            "alertname",
            "Alert",
            links=(link("Runbook", RUNBOOKS + '/${__data.fields["Alert"]}.md', new_tab=True), ALL_DRIFT, ALL_NOT_VERIFIED),
        ),
        Column("severity", "Urgency", width=180),
        Column("Value", "Firing", width=180),
    ],
    (("Urgency", False), ("Alert", False)),
)

remediation = [
    stat(
        3,
        "Auto-remediation",
        "Whether rolewarden may change roles: configured and armed.",
        'min(rolewarden_remediation_enabled{job=~"$job"})',
        mappings=(values({0: ("off", NEUTRAL), 1: ("on", "green")}),),
    ),
    stat(
        3,
        "Circuit breaker",
        "Open: remediation is stopped because too many changes failed.",
        'max(rolewarden_remediation_breaker_open{job=~"$job"})',
        mappings=(values({0: ("closed", "green"), 1: ("OPEN", "red")}),),
    ),
    stat(
        3,
        "Stopped by hand",
        "Stopped: nothing is written until a person resumes it. Also after the journal of changes was lost.",
        'max(rolewarden_remediation_stopped{job=~"$job"})',
        mappings=(values({0: ("no", "green"), 1: ("STOPPED", "red")}),),
    ),
    stat(
        3,
        "Waiting to be put right",
        "Accounts that remediation will put right, and has not yet.",
        'sum(rolewarden_remediation_pending{job=~"$job"})',
        steps=((0, "green"), (1, "orange")),
        links=(ALL_DRIFT,),
    ),
    stat(
        3,
        "Flapping accounts",
        "Accounts that are left alone because what was put right was undone again and again.",
        'sum(rolewarden_accounts_flapping{job=~"$job"})',
        steps=((0, "green"), (1, "red")),
        links=(ALL_DRIFT,),
    ),
    graph(
        9,
        "Remediations by outcome",
        "Steps of remediation, and what became of them.",
        Query('sum by (outcome) (increase(rolewarden_remediations_total{job=~"$job"}[$__rate_interval]))', "{{outcome}}"),
        "none",
        style="bars",
        stacked=True,
        by_name={
            "applied": "green",
            "failed": "red",
            "verify_failed": "dark-red",
            "rolled_back": "orange",
            "skipped_dry_run": "blue",
            "skipped_limit": "yellow",
            "changed_underneath": "text",
            "superseded": "text",
        },
        every="15m",
    ),
]

resolved = [
    bars(
        12,
        "Time to resolve, by severity",
        "Half of the findings that were resolved in the time shown above were open for less than this.",
        Query(
            "histogram_quantile(0.5, sum by (le, severity)"
            ' (increase(rolewarden_finding_open_seconds_bucket{job=~"$job"}[$__range]))) >= 0',
            "{{severity}}",
        ),
        by_name=SEVERITY_COLOURS,
        links=(ALL_DRIFT,),
    ),
    bars(
        12,
        "Findings covered by exceptions",
        "Open findings that are accepted for a time.",
        Query('sort_desc(sum by (check, severity) (rolewarden_findings_exempt{job=~"$job"}) > 0)', "{{severity}}: {{check}}"),
        by_pattern={f"/^{severity}: /": colour for severity, colour in SEVERITY_COLOURS.items()},
        links=(to("Exceptions", EXCEPTIONS),),
    ),
]
resolved[0].body["fieldConfig"]["defaults"]["unit"] = "s"

exceptions = [
    stat(
        4,
        "Exceptions",
        "Exceptions that hold, that hold and end within a week, and that have ended.",
        [
            Query(configured("active"), "active", steps=((0, NEUTRAL),)),
            Query(configured("expiring"), "expiring", steps=((0, NEUTRAL), (1, "orange"))),
            Query(configured("expired"), "expired", steps=((0, NEUTRAL), (1, "red"))),
        ],
        links=(to("Exceptions", EXCEPTIONS),),
    ),
    table(
        20,
        "Exceptions by expiry",
        "What each exception covers, and how long it holds; ended ones first.",
        named(
            'min by (job, exception_id, account_id, check) (rolewarden_exception_expiry_timestamp_seconds{job=~"$job"}) - time()'
        ),
        [
            Column("exception_id", "Exception"),
            ACCOUNT_COLUMN,
            NAME,
            OU,
            Column("check", "Check", width=190),
            Column("Value", "Holds for", unit="s", width=130, steps=((-1e12, "red"), (0, "orange"), (7 * DAY, "text"))),
        ],
        (("Holds for", False),),
        id=EXCEPTIONS,
    ),
]

BOARD = board(
    OVERVIEW,
    "rolewarden / Overview",
    "Is the role right in every account, and do we know? Purple: we do not know.",
    [
        choice_variable("severity", "Severity", "Filter of the table of open drift.", SEVERITIES),
        choice_variable("check", "Check", "Filter of the table of open drift.", CHECKS),
        query_variable(
            "ou",
            "OU",
            "Filter of the tables of accounts.",
            'label_values(rolewarden_account_info{job=~"$job"}, ou)',
            ".*",
        ),
        query_variable(
            "reason",
            "Reason",
            "Filter of the table of accounts that are not verified.",
            'label_values(rolewarden_account_state{job=~"$job", state="unknown"}, reason)',
            ".*",
        ),
    ],
    [outer_link("rolewarden's own page", "Every account with its witnesses", "${rolewarden_url}/")],
    [
        Row("At a glance", [(5, at_a_glance)]),
        Row("Trend", [(8, trend)]),
        Row("Where and why", [(8, where)]),
        Row("Accounts", [(12, [open_drift]), (9, [not_verified])]),
        Row("Alerts", [(8, [alerts])], closed=True),
        Row("Auto-remediation", [(8, remediation)], closed=True),
        Row("Resolution and exceptions", [(8, resolved), (9, exceptions)], closed=True),
    ],
)
