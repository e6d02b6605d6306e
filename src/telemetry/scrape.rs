//! A scrape: everything rendered once, for whoever asks within the same second.

use std::io::Write as _;
use std::sync::{Arc, Weak};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use prometheus::proto::{Bucket, Histogram, MetricFamily};
use prometheus::{Encoder as _, TextEncoder};

use super::catalogue as c;
use super::collector::{self, seconds};
use super::events::{Telemetry, lock};
use super::family::Family;
use super::logging;
use crate::aws::{CallOutcome, DURATION_BOUNDS_MS, Operation, Traffic};
use crate::ledger::{Outcome, View};
use crate::web::Limit;

/// The media type of what [`Telemetry::scrape`] gives.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The metrics in the text format of Prometheus.
#[derive(Debug, Default)]
pub struct Rendered {
    /// As text.
    pub plain: Vec<u8>,
    /// The same, compressed by gzip.
    pub gzip: Vec<u8>,
}

/// The newest rendering.
#[derive(Debug)]
pub(super) struct Kept {
    view: Weak<View>,
    at: Timestamp,
    rendered: Arc<Rendered>,
}

impl Telemetry {
    /// The metrics now. Scrapes of the same view in the same second share one rendering, and wait for it.
    ///
    /// It takes some ten milliseconds where there are ten thousand accounts: not for a thread that has others to serve.
    pub fn scrape(&self, view: &Arc<View>, now: Timestamp) -> Arc<Rendered> {
        let mut kept = lock(&self.kept);
        if let Some(kept) = &*kept
            && kept.at == now
            && kept.view.as_ptr() == Arc::as_ptr(view)
        {
            return Arc::clone(&kept.rendered);
        }
        let plain = self.render(view, now);
        let rendered = Arc::new(Rendered { gzip: gzip(&plain), plain });
        let view = Arc::downgrade(view);
        *kept = Some(Kept { view, at: now, rendered: Arc::clone(&rendered) });
        rendered
    }

    fn render(&self, view: &View, now: Timestamp) -> Vec<u8> {
        let mut families = collector::families(view, now);
        families.extend(self.process(view));
        families.extend(calls(&self.traffic.read()));
        families.extend(self.counted.registry.gather());
        text(families)
    }

    /// What the process knows beside the view.
    pub(super) fn process(&self, view: &View) -> Vec<MetricFamily> {
        let mut messages = Family::new(&c::LOG_MESSAGES);
        for (level, count) in logging::counts() {
            messages.add(&[level], count as f64);
        }
        let mut refused = Family::new(&c::WEB_REFUSED);
        for limit in Limit::ALL {
            refused.add(&[limit.as_str()], self.refusals.read(limit) as f64);
        }
        let store = lock(&self.store).clone();
        let sweep = lock(&self.sweep);
        let begun = sweep.running_since.or(view.newest().map(|sweep| sweep.info.started_at));
        let outcome = sweep.outcome.or(view.sweeps.first().map(|sweep| sweep.outcome));
        vec![
            build(),
            messages.done(),
            refused.done(),
            Family::single(&c::LOG_DROPPED, logging::dropped() as f64),
            Family::single(&c::STATE_SAVES, (store.saves + store.failures) as f64),
            Family::single(&c::STATE_SAVE_FAILURES, store.failures as f64),
            Family::single(&c::STATE_LAST_SAVE, seconds(store.saved_at)),
            Family::single(&c::STATE_DROPPED, store.dropped as f64),
            Family::single(&c::LAST_START, seconds(begun)),
            outcomes(outcome),
            requests(&sweep.last.0, &sweep.last.1),
        ]
    }
}

/// The commit this was built from, where whoever built it said so.
const REVISION: &str = match option_env!("ROLEWARDEN_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Which rolewarden this is.
pub(super) fn build() -> MetricFamily {
    let mut build = Family::new(&c::BUILD_INFO);
    build.add(&[env!("CARGO_PKG_VERSION"), REVISION, env!("ROLEWARDEN_RUSTC")], 1.0);
    build.done()
}

/// 1 for the outcome, 0 for the others.
pub(super) fn outcomes(outcome: Option<Outcome>) -> MetricFamily {
    let mut family = Family::new(&c::LAST_OUTCOME);
    for one in Outcome::ALL {
        family.add(&[one.as_str()], f64::from(u8::from(Some(one) == outcome)));
    }
    family.done()
}

/// The services of these operations, each once.
fn services(operations: &[Operation]) -> Vec<&'static str> {
    let mut services: Vec<_> = operations.iter().map(|operation| operation.parts().0).collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// What was sent between two moments.
pub(super) fn requests(before: &Traffic, after: &Traffic) -> MetricFamily {
    let mut family = Family::new(&c::LAST_REQUESTS);
    let count = |traffic: &Traffic, service, outcome| -> u64 {
        let of = traffic.operations.iter().filter(|operation| operation.parts().0 == service);
        of.map(|operation| operation.ended(outcome)).sum()
    };
    for service in services(&after.operations) {
        for outcome in CallOutcome::ALL {
            let sent = count(after, service, outcome) - count(before, service, outcome);
            family.add(&[service, outcome.as_str()], sent as f64);
        }
    }
    family.done()
}

/// Everything sent since the process started.
fn calls(traffic: &Traffic) -> Vec<MetricFamily> {
    let mut requests = Family::new(&c::AWS_REQUESTS);
    let mut durations = Family::new(&c::AWS_DURATION);
    let mut retries = Family::new(&c::AWS_RETRIES);
    let mut waits = Family::new(&c::AWS_WAIT);
    for operation in &traffic.operations {
        let (service, name) = operation.parts();
        for outcome in CallOutcome::ALL {
            requests.add(&[service, name, outcome.as_str()], operation.ended(outcome) as f64);
        }
        durations.add_histogram(&[service, name], histogram(operation));
        retries.add(&[service, name], operation.retries as f64);
    }
    for service in services(&traffic.operations) {
        let of = traffic.operations.iter().filter(|operation| operation.parts().0 == service);
        waits.add(&[service], of.map(|operation| operation.waited.as_secs_f64()).sum());
    }
    vec![
        requests.done(),
        durations.done(),
        retries.done(),
        waits.done(),
        Family::single(&c::SESSION_REQUESTS, traffic.session_requests as f64),
        Family::single(&c::SESSION_HITS, traffic.session_hits as f64),
        Family::single(&c::SESSIONS, traffic.sessions as f64),
    ]
}

fn histogram(operation: &Operation) -> Histogram {
    let mut histogram = Histogram::default();
    let mut sum = 0;
    let buckets = DURATION_BOUNDS_MS.iter().zip(operation.durations).map(|(bound, count)| {
        sum += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound as f64 / 1000.0);
        bucket.set_cumulative_count(sum);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(operation.outcomes.iter().sum());
    histogram.set_sample_sum(operation.took.as_secs_f64());
    histogram
}

/// The families as text, in the order of their names. A family without series is left out.
pub(super) fn text(mut families: Vec<MetricFamily>) -> Vec<u8> {
    families.retain(|family| !family.get_metric().is_empty());
    families.sort_by(|a, b| a.name().cmp(b.name()));
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
        tracing::error!(%error, "metrics could not be rendered");
    }
    text
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let written = gzip.write_all(plain).and_then(|()| gzip.finish());
    written.unwrap_or_default()
}
