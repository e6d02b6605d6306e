//! The counters and gauges of events, as the catalogue declares them.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    Result,
};

use super::catalogue::{self as c, Kind, Metric};

/// What events count. Bounded sets of labels are there from the start, with 0.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) registry: Registry,
    pub(super) sweeps: IntCounterVec,
    pub(super) overruns: IntCounter,
    pub(super) in_progress: IntGauge,
    pub(super) scans: IntCounterVec,
    pub(super) scan_seconds: Histogram,
    pub(super) queue: IntGauge,
    pub(super) workers: IntGauge,
    pub(super) busy: IntGauge,
    pub(super) opened: IntCounterVec,
    pub(super) resolved: IntCounterVec,
    pub(super) open_seconds: HistogramVec,
    pub(super) refreshes: IntCounter,
    pub(super) refresh_failures: IntCounter,
    pub(super) reload_successful: IntGauge,
    pub(super) reload_time: IntGauge,
    pub(super) remediations: IntCounterVec,
    pub(super) reloads: IntCounter,
    pub(super) reload_failures: IntCounter,
}

impl Counted {
    pub(super) fn new() -> Result<Self> {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            sweeps: counters(&registry, &c::SWEEPS)?,
            overruns: counter(&registry, &c::SWEEP_OVERRUNS)?,
            in_progress: gauge(&registry, &c::SWEEP_IN_PROGRESS)?,
            scans: counters(&registry, &c::SCANS)?,
            scan_seconds: histogram(&registry, &c::SCAN_DURATION)?,
            queue: gauge(&registry, &c::SCAN_QUEUE)?,
            workers: gauge(&registry, &c::SCAN_WORKERS)?,
            busy: gauge(&registry, &c::SCAN_BUSY)?,
            opened: counters(&registry, &c::FINDINGS_OPENED)?,
            resolved: counters(&registry, &c::FINDINGS_RESOLVED)?,
            open_seconds: histograms(&registry, &c::FINDING_OPEN)?,
            refreshes: counter(&registry, &c::ORG_REFRESHES)?,
            refresh_failures: counter(&registry, &c::ORG_REFRESH_FAILURES)?,
            reload_successful: gauge(&registry, &c::RELOAD_SUCCESSFUL)?,
            reload_time: gauge(&registry, &c::RELOAD_SUCCESS_TIME)?,
            remediations: counters(&registry, &c::REMEDIATIONS)?,
            reloads: counter(&registry, &c::RELOADS)?,
            reload_failures: counter(&registry, &c::RELOAD_FAILURES)?,
            registry,
        })
    }
}

fn counter(registry: &Registry, metric: &'static Metric) -> Result<IntCounter> {
    let made = IntCounter::new(metric.name, metric.help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counters(registry: &Registry, metric: &'static Metric) -> Result<IntCounterVec> {
    let made = IntCounterVec::new(Opts::new(metric.name, metric.help), &metric.label_names())?;
    for values in metric.combinations() {
        made.get_metric_with_label_values(&values)?;
    }
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauge(registry: &Registry, metric: &'static Metric) -> Result<IntGauge> {
    let made = IntGauge::new(metric.name, metric.help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histogram(registry: &Registry, metric: &'static Metric) -> Result<Histogram> {
    let made = Histogram::with_opts(options(metric))?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histograms(registry: &Registry, metric: &'static Metric) -> Result<HistogramVec> {
    let made = HistogramVec::new(options(metric), &metric.label_names())?;
    for values in metric.combinations() {
        made.get_metric_with_label_values(&values)?;
    }
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn options(metric: &'static Metric) -> HistogramOpts {
    let options = HistogramOpts::new(metric.name, metric.help);
    match metric.kind {
        Kind::Histogram(bounds) => options.buckets(bounds.to_vec()),
        Kind::Gauge | Kind::Counter => options,
    }
}
