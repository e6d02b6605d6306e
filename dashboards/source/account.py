"""One account: what is wrong, since when, what is accepted, and where to look next."""

from board import (
    ACCOUNT,
    HEALTH,
    OVERVIEW,
    RUNBOOKS,
    SEVERITY,
    STATE_COLOURS,
    Column,
    Query,
    Row,
    board,
    board_link,
    graph,
    link,
    outer_link,
    query_variable,
    stat,
    table,
    text_variable,
    timeline,
    values,
    within,
)
from promql import FIRST_SEEN, STATES, code, ranked

DAY = 86_400
ONE = 'job=~"$job", account_id="$account"'

FINDINGS, EXCEPTIONS = 101, 102

STATE_NAMES = values({number: (state.replace("_", " "), STATE_COLOURS[state]) for state, number in STATES.items()})
OWN_PAGE = link(
    "rolewarden's own page: witnesses, diff, commands", "${rolewarden_url}/accounts/${account:percentencode}", new_tab=True
)
ITS_FINDINGS = board_link("What is wrong", ACCOUNT, FINDINGS, account="${account:percentencode}")

# There only while this account has a judgement. A mistyped account, or one that is unknown, must not look clean.
JUDGED = f'max(rolewarden_account_state{{{ONE}, state!="unknown"}})'

now = [
    stat(
        4,
        "State",
        "The state that the account is in now.",
        code("rolewarden_account_state", "state", STATES, 'account_id="$account"'),
        mappings=(STATE_NAMES,),
        links=(OWN_PAGE,),
    ),
    stat(
        4,
        "Kinds of drift",
        "Pairs of check and severity with open findings that no exception covers. No data while the account is not judged and"
        " none is known.",
        f"count(count by (check, severity) ({FIRST_SEEN}{{{ONE}}})) or 0 * {JUDGED}",
        steps=((0, "green"), (1, "red")),
        links=(ITS_FINDINGS,),
    ),
    stat(
        4,
        "Oldest finding",
        "Age of the open finding that has been open longest.",
        f"time() - min({FIRST_SEEN}{{{ONE}}}) or 0 * {JUDGED}",
        unit="s",
        steps=((0, "green"), (1, "yellow"), (DAY, "orange"), (7 * DAY, "red")),
        mappings=(values({0: ("none", "green")}),),
        links=(ITS_FINDINGS,),
    ),
    within(
        4,
        "Last verified",
        "Time since the account was last judged. Overdue when the judgement holds no more.",
        f"(time() - max by (job) (rolewarden_account_last_success_timestamp_seconds{{{ONE}}}))",
        'max by (job) (rolewarden_account_stale_after_seconds{job=~"$job"})',
        links=(board_link("Scanner health", HEALTH),),
    ),
    table(
        8,
        "Account",
        "Name and place of the account; the reason, if it is not verified.",
        f"max by (account_name, ou, state, reason) (max by (job, account_id, state, reason) (rolewarden_account_state{{{ONE}}})"
        " * on (job, account_id) group_left (account_name, ou)"
        f" max by (job, account_id, account_name, ou) (rolewarden_account_info{{{ONE}}}))",
        [
            Column("account_name", "Name"),
            Column("ou", "OU"),
            Column(
                "state",
                "State",
                width=110,
                mappings=(values({s: (s.replace("_", " "), colour) for s, colour in STATE_COLOURS.items()}),),
            ),
            Column("reason", "Reason"),
        ],
        (("Name", False),),
    ),
]

history = [
    timeline(
        24,
        "State over time",
        "The worst state in each step. A gap: rolewarden was not scraped, or the account was not selected.",
        Query(code("rolewarden_account_state", "state", STATES, 'account_id="$account"'), "state"),
        (STATE_NAMES,),
    )
]

findings = table(
    14,
    "What is wrong",
    "Open findings that no exception covers, worst and oldest first: one row for each check and severity. rolewarden's own page"
    " has each finding with its witness and the commands that put it right.",
    ranked(f"time() - min by (check, severity) ({FIRST_SEEN}{{{ONE}}})"),
    [
        Column("severity", "Severity", width=110, mappings=(SEVERITY,)),
        Column(
            "check",
            "Check",
            links=(OWN_PAGE, board_link("This check in all accounts", OVERVIEW, FINDINGS, check='${__data.fields["Check"]}')),
        ),
        Column("Value", "Open for", unit="s", width=140, steps=((0, "text"), (DAY, "orange"), (7 * DAY, "red"))),
    ],
    (("Severity", False), ("Open for", True)),
    id=FINDINGS,
)

exceptions = table(
    10,
    "What is accepted",
    "Exceptions that cover this account, and how long they hold; ended ones first.",
    f"min by (exception_id, check) (rolewarden_exception_expiry_timestamp_seconds{{{ONE}}}) - time()",
    [
        Column("exception_id", "Exception"),
        Column("check", "Check"),
        Column("Value", "Holds for", unit="s", width=140, steps=((-1e12, "red"), (0, "orange"), (7 * DAY, "text"))),
    ],
    (("Holds for", False),),
    id=EXCEPTIONS,
)

more = [
    graph(
        14,
        "Kinds of drift over time",
        "Pairs of check and severity with open findings, by check.",
        Query(f"count by (check) (max by (check, severity) ({FIRST_SEEN}{{{ONE}}}))", "{{check}}"),
        "none",
        stacked=True,
        links=(ITS_FINDINGS,),
    ),
    table(
        10,
        "Alerts of this account",
        "Alerts that fire for this account in this Prometheus. Empty also while the rules are not loaded.",
        'max by (alertname, severity, check) (ALERTS{alertname=~"Rolewarden.+", alertstate="firing", account_id="$account"})',
        [
            Column("alertname", "Alert", links=(link("Runbook", RUNBOOKS + '/${__data.fields["Alert"]}.md', new_tab=True),)),
            Column("severity", "Urgency", width=100),
            Column("check", "Check"),
        ],
        (("Urgency", False), ("Alert", False)),
    ),
]

BOARD = board(
    ACCOUNT,
    "rolewarden / Account",
    "One account: what is wrong, since when, and what is accepted.",
    [
        # Shown with the name, chosen by the number. The text begins with the number whatever the name is.
        query_variable(
            "account",
            "Account",
            "The account that is shown.",
            "query_result(max by (account_id, account_name) (label_join("
            'rolewarden_account_info{job=~"$job"}, "account_name", "  ", "account_id", "account_name")))',
            regex='/account_id="(?<value>[0-9]{12})",account_name="(?<text>.*)"\\}/',
        ),
        text_variable(
            "role", "Role", "Name of the role that rolewarden watches: baseline.role_name.", "AmazonEKSConnectorAgentRole"
        ),
    ],
    [
        outer_link(
            "rolewarden's page of this account",
            "Every finding with its witness, a diff, and the commands that put it right",
            "${rolewarden_url}/accounts/${account:percentencode}",
        ),
        outer_link(
            "CloudTrail: who changed the role",
            "Events of the role by its name. The console shows the account you are signed in to: sign in to this one first."
            " IAM records its events in us-east-1",
            "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/events?ResourceName=${role:percentencode}",
        ),
    ],
    [
        Row("Now", [(5, now)]),
        Row("Findings and exceptions", [(9, [findings, exceptions])]),
        Row("History", [(5, history), (8, more)]),
    ],
)
