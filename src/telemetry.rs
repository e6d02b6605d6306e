//! Logging: to stderr, so that stdout is the report alone.

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging. `level` is a level, which is about rolewarden alone (its libraries, whose
/// messages may quote whole answers, are silent: what matters of them is in our own words), or a whole
/// `EnvFilter` directive such as `info,aws_smithy_runtime=debug`.
///
/// # Errors
/// The directive cannot be read.
pub fn start(format: LogFormat, level: &str, color: bool) -> Result<(), String> {
    let is_level = level.bytes().all(|b| b.is_ascii_alphanumeric());
    let directive = if is_level { format!("off,rolewarden={level}") } else { level.to_owned() };
    let filter = EnvFilter::try_new(&directive).map_err(|error| {
        let level = crate::model::printable_line(level, 128);
        format!("log level `{level}`: {error}; expected error, warn, info, debug, trace or a RUST_LOG directive")
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A reader of stderr that has gone away must not end the program: telling of it there would panic.
        .log_internal_errors(false)
        .with_target(false);
    // A second start (in tests) keeps the first.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(color).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    Ok(())
}
