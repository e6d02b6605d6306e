//! Logging: to stderr, so that stdout is the report alone. One message is one line, whatever stands in it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::LogFormat;
use crate::model::is_dangerous;

/// Messages that wait for stderr at most; more are dropped, and counted.
const WAITING: usize = 4096;

/// Longest wait for messages that are still to be written when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The levels that are counted, and their names.
pub(super) const LEVELS: [(Level, &str); 3] =
    [(Level::ERROR, "error"), (Level::WARN, "warn"), (Level::INFO, "info")];

/// Messages by level. The log belongs to the process, and so do its counts.
static COUNTS: [AtomicU64; LEVELS.len()] = [const { AtomicU64::new(0) }; LEVELS.len()];

/// Messages that found no room.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Messages logged so far, by level.
pub(super) fn counts() -> impl Iterator<Item = (&'static str, u64)> {
    LEVELS.iter().zip(&COUNTS).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
}

/// Messages lost so far.
pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Starts logging. `level` is a level, which is about rolewarden alone (its libraries, whose
/// messages may quote whole answers, are silent: what matters of them is in our own words), or a whole
/// `EnvFilter` directive such as `info,aws_smithy_runtime=debug`.
///
/// # Errors
/// The directive cannot be read.
pub fn start(format: LogFormat, level: &str, color: bool) -> Result<(), String> {
    install(format, level, color, Out::Stderr)
}

/// As [`start`], but whoever logs never waits for stderr: a thread writes, and what it cannot keep up with is dropped.
/// The value flushes when it is dropped.
///
/// # Errors
/// As [`start`]; or there can be no thread.
pub fn start_detached(format: LogFormat, level: &str, color: bool) -> Result<Flush, String> {
    let (queue, messages) = sync_channel(WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    let out = Out::Queue(queue, Arc::clone(&waiting));
    install(format, level, color, out)?;
    let flush = Flush(Arc::clone(&waiting));
    let writer = std::thread::Builder::new().name("log".to_owned());
    writer
        .spawn(move || write_all(&messages, &waiting, &mut io::stderr()))
        .map_err(|error| format!("failed to start the thread that writes the log: {error}"))?;
    Ok(flush)
}

fn install(format: LogFormat, level: &str, color: bool, out: Out) -> Result<(), String> {
    let is_level = level.bytes().all(|b| b.is_ascii_alphanumeric());
    let directive = if is_level { format!("off,rolewarden={level}") } else { level.to_owned() };
    let filter = EnvFilter::try_new(&directive).map_err(|error| {
        let level = crate::model::printable_line(level, 128);
        format!("log level `{level}`: {error}; expected error, warn, info, debug, trace or a RUST_LOG directive")
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines { format, color, out })
        // A reader of stderr that has gone away must not end the program: telling of it there would panic.
        .log_internal_errors(false)
        .with_target(false);
    // A second start (in tests) keeps the first.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(color).finish().with(Count).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).finish().with(Count).try_init(),
    };
    Ok(())
}

/// Counts what is logged.
struct Count;

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let of = LEVELS.iter().zip(&COUNTS).find(|((counted, _), _)| *counted == level);
        if let Some((_, count)) = of {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone)]
enum Out {
    Stderr,
    Queue(SyncSender<Vec<u8>>, Arc<AtomicUsize>),
}

/// Makes every message one line, and hands it on.
#[derive(Debug, Clone)]
struct Lines {
    format: LogFormat,
    color: bool,
    out: Out,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// One message: the formatter writes it at once.
struct Line<'a>(&'a Lines);

impl Write for Line<'_> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let line = line(&String::from_utf8_lossy(message), self.0.format, self.0.color);
        match &self.0.out {
            Out::Stderr => io::stderr().write_all(line.as_bytes())?,
            Out::Queue(queue, waiting) => {
                waiting.fetch_add(1, Ordering::SeqCst);
                if queue.try_send(line.into_bytes()).is_err() {
                    waiting.fetch_sub(1, Ordering::SeqCst);
                    DROPPED.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The message as one line: what would break it or change how it is shown is escaped. The formatter escapes what
/// terminals obey in its own way; the colours are its own.
fn line(message: &str, format: LogFormat, color: bool) -> String {
    let message = message.strip_suffix('\n').unwrap_or(message);
    let mut line = String::with_capacity(message.len() + 1);
    for c in message.chars() {
        match format {
            LogFormat::Text if color && c == '\u{1b}' => line.push(c),
            LogFormat::Text if is_dangerous(c) => line.extend(c.escape_unicode()),
            LogFormat::Json if is_dangerous(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            }
            LogFormat::Text | LogFormat::Json => line.push(c),
        }
    }
    line.push('\n');
    line
}

/// Writes what comes, and says when something was lost.
fn write_all(messages: &Receiver<Vec<u8>>, waiting: &AtomicUsize, out: &mut impl Write) {
    let mut told = 0;
    for message in messages {
        // A reader that has gone away is nobody to complain to.
        let _ = out.write_all(&message);
        waiting.fetch_sub(1, Ordering::SeqCst);
        let lost = dropped();
        if lost > told && waiting.load(Ordering::SeqCst) < WAITING / 2 {
            tracing::warn!(
                messages = lost - told,
                "log messages were dropped: stderr is not read fast enough"
            );
            told = lost;
        }
    }
}

/// Waits for what is still to be written, when it is dropped; not for long.
#[derive(Debug)]
#[must_use = "messages that were not written yet are lost without it"]
pub struct Flush(Arc<AtomicUsize>);

impl Drop for Flush {
    fn drop(&mut self) {
        let end = Instant::now() + LAST_WORDS;
        while self.0.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_changes_nothing_around_it() {
        let hostile = "a\nb\r\u{1b}[2J\u{202e}c\u{9b}d\u{e0001}\n";
        let cases = [
            (LogFormat::Text, false, "a\\u{a}b\\u{d}\\u{1b}[2J\\u{202e}c\\u{9b}d\\u{e0001}\n"),
            (LogFormat::Text, true, "a\\u{a}b\\u{d}\u{1b}[2J\\u{202e}c\\u{9b}d\\u{e0001}\n"),
            (LogFormat::Json, false, "a\\u000ab\\u000d\\u001b[2J\\u202ec\\u009bd\\udb40\\udc01\n"),
        ];
        for (format, color, want) in cases {
            assert_eq!(line(hostile, format, color), want, "case {format:?} {color}");
        }
        let json = line("{\"a\":\"\u{202e}\u{e0001}\"}\n", LogFormat::Json, false);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["a"], "\u{202e}\u{e0001}", "it is still the same JSON");
    }

    #[test]
    fn logging_goes_on_while_nobody_reads_and_counts_what_it_dropped() {
        let (queue, messages) = sync_channel(2);
        let waiting = Arc::new(AtomicUsize::new(0));
        let out = Out::Queue(queue, Arc::clone(&waiting));
        let lines = Lines { format: LogFormat::Text, color: false, out };
        let before = dropped();
        for message in ["one\n", "two\n", "three\n", "four\n"] {
            lines.make_writer().write_all(message.as_bytes()).unwrap();
        }
        assert_eq!(dropped() - before, 2);
        assert_eq!(waiting.load(Ordering::SeqCst), 2);
        drop(lines);
        let mut written = Vec::new();
        write_all(&messages, &waiting, &mut written);
        assert_eq!(written, b"one\ntwo\n");
        let begun = Instant::now();
        drop(Flush(waiting));
        assert!(begun.elapsed() < LAST_WORDS, "there is nothing to wait for");
    }
}
