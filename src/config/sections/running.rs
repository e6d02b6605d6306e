//! `sweep` and `log`.

use serde_json::json;

use super::serve;
use crate::config::kinds::{Count, OneOf, Span, Word};
use crate::config::reader::Keys;
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
    let (schedule, stale_after) = serve::schedule(keys);
    let (account_timeout, attempt_timeout) = (account_timeout?, attempt_timeout?);
    if attempt_timeout > account_timeout {
        keys.problem("attempt_timeout", "must not be longer than `account_timeout`");
    }
    Some(SweepConfig {
        concurrency: usize::try_from(concurrency?).ok()?,
        account_timeout,
        attempt_timeout,
        max_attempts: max_attempts?,
        schedule: schedule?,
        stale_after: stale_after?,
    })
}

pub(super) fn log(keys: &mut Keys<'_, '_>) -> Option<LogConfig> {
    let format =
        keys.key("format", "Text for people, or one JSON object a line.", FORMAT, json!("text"));
    let level = keys.key("level", "Lowest level, or tracing directives.", LEVEL, json!("info"));
    Some(LogConfig { format: format?, level: level? })
}
