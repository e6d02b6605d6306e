//! Families of series, built from the catalogue's declarations.

use prometheus::proto::{
    Counter, Gauge, Histogram, LabelPair, Metric as Series, MetricFamily, MetricType,
};

use super::catalogue::{Kind, Metric};
use crate::model::printable_line;

/// Longest label value of text that others wrote. What is escaped last may make it 12 bytes longer.
const LONGEST_TEXT: usize = 244;

/// The series of one metric.
pub(super) struct Family {
    metric: &'static Metric,
    series: Vec<Series>,
}

impl Family {
    pub(super) fn new(metric: &'static Metric) -> Self {
        Self { metric, series: vec![] }
    }

    /// A metric without labels.
    pub(super) fn single(metric: &'static Metric, value: f64) -> MetricFamily {
        let mut family = Self::new(metric);
        family.add(&[], value);
        family.done()
    }

    /// One series, with its labels in the order of the catalogue.
    pub(super) fn add(&mut self, labels: &[&str], value: f64) {
        let mut series = self.labelled(labels);
        match self.metric.kind {
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                series.set_gauge(gauge);
            }
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                series.set_counter(counter);
            }
            Kind::Histogram(_) => return,
        }
        self.series.push(series);
    }

    /// One series of a histogram.
    pub(super) fn add_histogram(&mut self, labels: &[&str], histogram: Histogram) {
        let mut series = self.labelled(labels);
        series.set_histogram(histogram);
        self.series.push(series);
    }

    fn labelled(&self, values: &[&str]) -> Series {
        let pairs = self.metric.labels.iter().zip(values).map(|(label, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(label.name.to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        Series::from_label(pairs.collect())
    }

    pub(super) fn done(self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_owned());
        family.set_help(self.metric.help.to_owned());
        family.set_field_type(match self.metric.kind {
            Kind::Gauge => MetricType::GAUGE,
            Kind::Counter => MetricType::COUNTER,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        });
        family.set_metric(self.series);
        family
    }
}

/// Text that others wrote, as a label value: printable and short.
pub(super) fn label(text: &str) -> String {
    printable_line(text, LONGEST_TEXT)
}
