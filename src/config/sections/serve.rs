//! What only `serve` reads: the schedule, the store, the web server.

use std::net::SocketAddr;
use std::time::Duration;

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::config::combine::{List, Nullable};
use crate::config::kinds::{Count, Span, Switch, Word};
use crate::config::path::FilePath;
use crate::config::reader::{Keys, Section};
use crate::config::secret::TOKEN;
use crate::config::{Calendar, NamedBy, Schedule, StoreConfig, WebConfig, When};

const CRON: Word<String> = Word {
    expects: "five cron fields such as */15 * * * *",
    pattern: "^\\S+( +\\S+){4}$",
    parse: |text| {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed);
        (text.split_ascii_whitespace().count() == 5 && parser.build().parse(text).is_ok())
            .then(|| text.to_owned())
    },
};

const TIMEZONE: Word<String> = Word {
    expects: "a time zone such as Europe/Berlin or UTC",
    pattern: "^[A-Za-z][A-Za-z0-9_+/-]*$",
    parse: |text| TimeZone::get(text).ok().map(|_| text.to_owned()),
};

const LISTEN: Word<SocketAddr> = Word {
    expects: "an address and a port such as 127.0.0.1:9797",
    pattern: "^.+:[0-9]+$",
    parse: |text| text.parse().ok(),
};

const HOST: Word<String> = Word {
    expects: "a host name such as rolewarden.example.com, without a port",
    pattern: "^[A-Za-z0-9.-]+$",
    parse: |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        (!text.is_empty() && text.bytes().all(allowed)).then(|| text.to_ascii_lowercase())
    },
};

/// When sweeps run, and when a judgement holds no more.
pub(super) fn schedule(keys: &mut Keys<'_, '_>) -> (Option<Schedule>, Option<Option<Duration>>) {
    let every = keys.key(
        "every",
        "Time from the start of one sweep to the next (serve).",
        Span("10s", "7d"),
        json!("15m"),
    );
    let cron = keys.key(
        "cron",
        "Five cron fields instead of `every`, no more than 7 days apart (serve).",
        Nullable(CRON),
        json!(null),
    );
    let timezone =
        keys.key("timezone", "Time zone of `cron` (serve).", Nullable(TIMEZONE), json!(null));
    let jitter = keys.key(
        "jitter",
        "Longest random delay of a sweep's start (serve).",
        Span("0s", "1h"),
        json!("30s"),
    );
    let stale_after = keys.key(
        "stale_after",
        "Age at which an account that was not read again is unknown; null is twice the time between sweeps (serve).",
        Nullable(Span("10s", "30d")),
        json!(null),
    );
    if keys.is_set("cron") && keys.is_set("every") {
        keys.problem("cron", "give `every` or `cron`, not both");
    }
    if keys.is_set("timezone") && !keys.is_set("cron") {
        keys.problem("timezone", "is only read with `cron`");
    }
    let when = match (cron, timezone) {
        (Some(Some(pattern)), Some(timezone)) => {
            let timezone = timezone.unwrap_or_else(|| "UTC".to_owned());
            refuse_rare(keys, &pattern, &timezone);
            Some(When::Cron { pattern, timezone })
        }
        (Some(None), Some(_)) => every.map(When::Every),
        _ => None,
    };
    let schedule = when.zip(jitter).map(|(when, jitter)| Schedule { when, jitter });
    (schedule, stale_after)
}

/// Longest time between two sweeps: that of `every`, and what the change of a clock may add.
const LONGEST_GAP: Duration = Duration::from_secs(7 * 24 * 3600 + 3 * 3600);

/// Where sweeps hardly ever come, a judgement counts for as long: it would be believed for years.
fn refuse_rare(keys: &mut Keys<'_, '_>, pattern: &str, timezone: &str) {
    // Any year will do, and always the same: whether a file is valid does not depend on the day.
    let from = jiff::civil::date(2026, 1, 1);
    let Some(calendar) = Calendar::new(pattern, timezone) else { return };
    let Ok(from) = TimeZone::UTC.to_timestamp(from.into()) else { return };
    match calendar.longest_gap(from) {
        Some(gap) if gap <= LONGEST_GAP => {}
        Some(gap) => keys.problem(
            "cron",
            format_args!(
                "leaves {} days between two sweeps; expected at most 7, as for `every`",
                gap.as_secs() / (24 * 3600)
            ),
        ),
        None => keys.problem("cron", "never comes; expected a time at least every 7 days"),
    }
}

/// `store` and `web`.
pub(super) fn serve(keys: &mut Keys<'_, '_>) -> (Option<StoreConfig>, Option<WebConfig>) {
    let kept = keys.key("store", "History (serve).", Section(store), json!({}));
    let web = keys.key("web", "Page, metrics and API (serve).", Section(web), json!({}));
    (kept, web)
}

fn store(keys: &mut Keys<'_, '_>) -> Option<StoreConfig> {
    let path = keys.key(
        "path",
        "The database file, relative to this file; the flag --store overrides it.",
        FilePath,
        json!("rolewarden.db"),
    );
    let retention =
        keys.key("retention", "How long history is kept.", Span("1d", "3650d"), json!("90d"));
    let named_by = match keys.is_set("path") {
        true => NamedBy::Key(keys.position_of("path")),
        false => NamedBy::Default,
    };
    Some(StoreConfig { path: path?, named_by, retention: retention? })
}

fn web(keys: &mut Keys<'_, '_>) -> Option<WebConfig> {
    let listen =
        keys.key("listen", "Address of page, metrics and API.", LISTEN, json!("127.0.0.1:9797"));
    let config_file = keys.key(
        "config_file",
        "TLS and basic auth: a file of the shape of Prometheus' exporter-toolkit, relative to this file.",
        Nullable(FilePath),
        json!(null),
    );
    let token = keys.key(
        "token",
        "Bearer token that POST needs; without one there is no POST. A secret.",
        Nullable(TOKEN),
        json!(null),
    );
    let insecure_bind = keys.key(
        "insecure_bind",
        "Listen on another address than loopback although there is no TLS.",
        Switch,
        json!(false),
    );
    let hosts = keys.key(
        "hosts",
        "Host names, beside addresses and localhost, that requests may be for.",
        List(HOST),
        json!([]),
    );
    let max_accounts = keys.key(
        "max_account_series",
        "Accounts with metrics of their own; 0 turns them off.",
        Count(0..=100_000),
        json!(20_000),
    );
    let max_findings = keys.key(
        "max_finding_series",
        "Findings with metrics of their own.",
        Count(0..=1_000_000),
        json!(20_000),
    );
    Some(WebConfig {
        listen: listen?,
        config_file: config_file?,
        token: token?,
        insecure_bind: insecure_bind?,
        hosts: hosts?.into_iter().collect(),
        max_account_series: usize::try_from(max_accounts?).ok()?,
        max_finding_series: usize::try_from(max_findings?).ok()?,
    })
}
