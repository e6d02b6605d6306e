//! `sweep`, `log`, and the keys only `serve` reads, which comes later: they are checked, so that a file keeps working.

use serde_json::json;

use super::WORDS;
use crate::config::combine::Nullable;
use crate::config::kinds::{Count, OneOf, Span, Word};
use crate::config::reader::{Keys, Section};
use crate::config::{LogConfig, LogFormat, SweepConfig};

const FORMAT: OneOf<LogFormat> =
    OneOf { words: &[("text", LogFormat::Text), ("json", LogFormat::Json)], later: &[] };

const LEVEL: Word<String> = Word {
    expects: "a log level such as info, or directives such as info,rolewarden=debug",
    pattern: "",
    parse: |text| {
        // A mistyped level would be a directive too: everything from a module of that name, and nothing else.
        let level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
        let meant = |part: &str| part.contains('=') || level(&part.trim().to_ascii_lowercase());
        let parsed = tracing_subscriber::EnvFilter::builder().parse(text);
        ((text.contains('[') || text.split(',').all(meant)) && parsed.is_ok())
            .then(|| text.to_owned())
    },
};

const CRON: Word<String> = Word {
    expects: "five cron fields such as */15 * * * *",
    pattern: "^\\S+( +\\S+){4}$",
    parse: |text| {
        let field = |field: &str| {
            field.bytes().all(|b| b.is_ascii_alphanumeric() || b"*/,-?#".contains(&b))
        };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        (fields.len() == 5 && fields.into_iter().all(field)).then(|| text.to_owned())
    },
};

const TIMEZONE: Word<String> = Word {
    expects: "a time zone such as Europe/Berlin or UTC",
    pattern: "^[A-Za-z][A-Za-z0-9_+/-]*$",
    parse: |text| {
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+/-".contains(&b));
        (first && rest).then(|| text.to_owned())
    },
};

const LISTEN: Word<std::net::SocketAddr> = Word {
    expects: "an address and a port such as 127.0.0.1:9797",
    pattern: "^.+:[0-9]+$",
    parse: |text| text.parse().ok(),
};

const MODE: OneOf<()> = OneOf { words: &[("off", ())], later: &["plan", "apply"] };

pub(super) fn sweep(keys: &mut Keys<'_, '_>) -> Option<SweepConfig> {
    let concurrency = keys.key("concurrency", "Accounts in flight.", Count(1..=1024), json!(64));
    let account_timeout =
        keys.key("account_timeout", "Deadline of one account.", Span("1s", "1h"), json!("60s"));
    let attempt_timeout = keys.key(
        "attempt_timeout",
        "Deadline of one attempt of one call.",
        Span("100ms", "5m"),
        json!("10s"),
    );
    let max_attempts = keys.key(
        "max_attempts",
        "Attempts of one call, the first included.",
        Count(1..=10),
        json!(4),
    );
    schedule(keys);
    let (account_timeout, attempt_timeout) = (account_timeout?, attempt_timeout?);
    if attempt_timeout > account_timeout {
        keys.problem("attempt_timeout", "must not be longer than `account_timeout`");
    }
    Some(SweepConfig {
        concurrency: usize::try_from(concurrency?).ok()?,
        account_timeout,
        attempt_timeout,
        max_attempts: max_attempts?,
    })
}

/// When sweeps run: read by `serve`.
fn schedule(keys: &mut Keys<'_, '_>) {
    keys.key(
        "every",
        "Time from the start of one sweep to the next (serve).",
        Span("1m", "7d"),
        json!("15m"),
    );
    keys.key("cron", "Five cron fields instead of `every` (serve).", Nullable(CRON), json!(null));
    keys.key("timezone", "Time zone of `cron` (serve).", Nullable(TIMEZONE), json!(null));
    keys.key(
        "jitter",
        "Longest random delay of a sweep's start (serve).",
        Span("0s", "1h"),
        json!("30s"),
    );
    if keys.is_set("cron") && keys.is_set("every") {
        keys.problem("cron", "give `every` or `cron`, not both");
    }
    if keys.is_set("timezone") && !keys.is_set("cron") {
        keys.problem("timezone", "is only read with `cron`");
    }
}

pub(super) fn log(keys: &mut Keys<'_, '_>) -> Option<LogConfig> {
    let format =
        keys.key("format", "Text for people, or one JSON object a line.", FORMAT, json!("text"));
    let level = keys.key("level", "Lowest level, or tracing directives.", LEVEL, json!("info"));
    Some(LogConfig { format: format?, level: level? })
}

/// What only the daemon reads.
pub(super) fn daemon(keys: &mut Keys<'_, '_>) {
    let remediation = Section(|keys: &mut Keys<'_, '_>| {
        keys.key(
            "mode",
            "Whether drift is put right; not in this version yet: only off.",
            MODE,
            json!("off"),
        )
    });
    let store = Section(|keys: &mut Keys<'_, '_>| {
        keys.key("path", "The database file.", WORDS, json!("rolewarden.db"));
        keys.key("retention", "How long history is kept.", Span("1d", "3650d"), json!("90d"))
    });
    let web = Section(|keys: &mut Keys<'_, '_>| {
        keys.key("listen", "Address of page, metrics and API.", LISTEN, json!("127.0.0.1:9797"))
    });
    keys.key("remediation", "Putting drift right (serve).", remediation, json!({}));
    keys.key("store", "History (serve).", store, json!({}));
    keys.key("web", "Page, metrics and API (serve).", web, json!({}));
}
