//! The catalogue as Markdown: `rolewarden metrics`, and `docs/metrics.md`.

use std::collections::BTreeMap;
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
        let _ = write!(page, "\n## {}\n\n{}\n\n", group.title, group.about);
        page.push_str("| name | type | labels | meaning | |\n| --- | --- | --- | --- | --- |\n");
        for metric in group.metrics {
            row(&mut page, metric);
        }
    }
    page.push_str("\n## Values of labels\n\n| label | values | of |\n| --- | --- | --- |\n");
    for ((label, values), of) in labels() {
        let _ = writeln!(page, "| `{label}` | {values} | {of} |");
    }
    page
}

fn row(page: &mut String, metric: &Metric) {
    let (kind, buckets) = match metric.kind {
        Kind::Gauge => ("gauge", String::new()),
        Kind::Counter => ("counter", String::new()),
        Kind::Histogram(bounds) => {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            ("histogram", format!(" Buckets: {}.", bounds.join(", ")))
        }
    };
    let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{}`", label.name)).collect();
    let internal = match metric.stability {
        Stability::Internal => " *Internal.*",
        Stability::Stable => "",
    };
    let (name, help, labels) = (metric.name, metric.help, labels.join(", "));
    let file = if metric.scan { "●" } else { "" };
    let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help}{buckets}{internal} | {file} |");
}

/// Every label with its values, and the metrics that have it so where others have it otherwise.
fn labels() -> BTreeMap<(&'static str, String), String> {
    let mut found: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for metric in GROUPS.iter().flat_map(|group| group.metrics) {
        for label in metric.labels {
            let of = found.entry((label.name, values(label))).or_default();
            of.push(format!("`{}`", metric.name.trim_start_matches("rolewarden_")));
        }
    }
    let sets = found.keys().map(|(name, _)| *name).collect::<Vec<_>>();
    let alone = |name: &str| sets.iter().filter(|other| **other == name).count() == 1;
    found
        .into_iter()
        .map(|(key, of)| {
            let of = if alone(key.0) { "all that have it".to_owned() } else { of.join(", ") };
            (key, of)
        })
        .collect()
}

fn values(label: &Label) -> String {
    match label.values {
        Values::Closed(values) => {
            values().iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
        }
        Values::Open(what) => what.to_owned(),
    }
}
