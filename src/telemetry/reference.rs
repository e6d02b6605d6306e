//! The catalogue as Markdown: `rolewarden metrics`, and `docs/metrics.md`.

use std::fmt::Write as _;

use super::catalogue::{GROUPS, Kind, Label, Metric, Stability, Values};

const HEAD: &str = "\
# Metrics

What `/metrics` of `rolewarden serve` exports, in the text format of Prometheus, and what `rolewarden scan --metrics-file`
writes for node_exporter's textfile collector. `rolewarden metrics` prints this page.

Names, types and labels are stable: one that goes is announced in the changelog a minor version ahead. Closed sets of label
values may grow. Metrics marked *internal* tell of the inside and may change with it. Those marked with ● are also in the
file of `scan --metrics-file`, which holds no counters: a program that runs once has nothing to go on counting.

Series exist from the start, with 0, wherever all labels have closed sets. A timestamp of 0 is never. Timestamps are seconds
since 1970. Text from accounts stands in the labels `account_name` and `ou` alone, made printable and cut to 256 bytes.

With 10,000 accounts a scrape has some 31,000 series, 3 MB, 300 kB compressed. Scrape every minute, and let
`sample_limit` and `body_size_limit` leave room: exceeding one loses the whole scrape.
";

/// The reference page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for group in GROUPS {
        let about = group.about;
        let _ = write!(page, "\n## {}\n\n{about}\n\n", group.title);
        page.push_str("| name | type | labels | meaning | |\n| --- | --- | --- | --- | --- |\n");
        for metric in group.metrics {
            row(&mut page, metric);
        }
    }
    page
}

fn row(page: &mut String, metric: &Metric) {
    let kind = match metric.kind {
        Kind::Gauge => "gauge".to_owned(),
        Kind::Counter => "counter".to_owned(),
        Kind::Histogram(bounds) => {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            format!("histogram: {}", bounds.join(", "))
        }
    };
    let labels: Vec<_> = metric.labels.iter().map(label).collect();
    let internal = match metric.stability {
        Stability::Internal => " *Internal.*",
        Stability::Stable => "",
    };
    let file = if metric.scan { "●" } else { "" };
    let (name, help) = (metric.name, metric.help);
    let _ =
        writeln!(page, "| `{name}` | {kind} | {} | {help}{internal} | {file} |", labels.join("; "));
}

fn label(label: &Label) -> String {
    match label.values {
        Values::Closed(values) => {
            let values: Vec<_> = values().iter().map(|value| format!("`{value}`")).collect();
            format!("`{}`: {}", label.name, values.join(", "))
        }
        Values::Open(what) => format!("`{}` ({what})", label.name),
    }
}
