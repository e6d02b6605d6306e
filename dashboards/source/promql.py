"""Expressions that several panels share.

`$job` stands for every job that is chosen. Counts are summed over processes, as each process has accounts of its own;
series of one account are deduplicated with `max by` or `min by`, as an account may move from one process to another.
"""

# The states of an account, worst first, as the numbers that state tiles and timelines show. 4 is free.
STATES = {"drifted": 6, "unknown": 5, "not_applicable": 3, "exempt": 2, "compliant": 1}

SEVERITIES = ("critical", "high", "medium", "low", "info")

# Sweep intervals after which a complete scan is overdue: what the alert RolewardenSweepOverdue says.
OVERDUE = 2.5

FIRST_SEEN = "rolewarden_finding_first_seen_timestamp_seconds"

# Something, while at least one account has a judgement that holds.
KNOWN = '(sum(rolewarden_accounts{job=~"$job", state!="unknown"}) > 0)'


def known(count: str) -> str:
    """A count whose 0 is said only while something is known. Nothing judged is no good news."""
    return f"({count}) > 0 or ({count}) and on () {KNOWN}"


def named(per_account: str, info: str = "") -> str:
    """Series of accounts with `account_name` and `ou`.

    `info` is a further matcher of the accounts. Accounts may lack an info series (web.max_account_series): they stay,
    without a name, as a finding must not vanish for want of one.
    """
    matcher = f", {info}" if info else ""
    return (
        f"({per_account}) * on (job, account_id) group_left (account_name, ou)"
        f' max by (job, account_id, account_name, ou) (rolewarden_account_info{{job=~"$job"{matcher}}})'
        f' or ({per_account}) unless on (job, account_id) rolewarden_account_info{{job=~"$job"}}'
    )


def ranked(findings: str) -> str:
    """Severities with their rank in front, `1 critical`, so that a table sorts them worst first."""
    for rank, severity in enumerate(SEVERITIES, start=1):
        findings = f'label_replace({findings}, "severity", "{rank} {severity}", "severity", "{severity}")'
    return findings


def code(metric: str, label: str, values: dict[str, int], matchers: str = "") -> str:
    """Which value of a closed set has the 1, as a number: the first of `values` where there are several."""
    matchers = f", {matchers}" if matchers else ""
    return " or ".join(
        f'max({metric}{{job=~"$job"{matchers}, {label}="{value}"}} == 1) * {number}' for value, number in values.items()
    )


def age(timestamp: str) -> str:
    """Seconds since the oldest of a job's timestamps. A timestamp of 0, never, gives more than 30 years."""
    return f'(time() - min by (job) ({timestamp}{{job=~"$job"}}))'


def quantile(share: float, histogram: str, by: str = "") -> str:
    """A quantile over the rate interval. Where nothing happened there is no value, rather than NaN."""
    labels = ", ".join(filter(None, ("le", by)))
    return f'histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{{job=~"$job"}}[$__rate_interval]))) >= 0'
