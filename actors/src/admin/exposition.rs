//! How families of metrics become text. The `prometheus-client` crate writes OpenMetrics; the text
//! format that Prometheus had before, which tools read that do not ask for another, is made from
//! that. What is measured is not known here.

use std::fmt::{self, Write};

use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric,
    GaugeValueEncoder, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows, from 0 at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something was how large, from the start of the process on.
    Histogram,
}

/// What a family is called and means.
#[derive(Debug)]
pub(super) struct Head {
    /// Name without the unit, and without the `_total` of counters.
    pub name: &'static str,
    /// The unit, which becomes part of the name.
    pub unit: Option<Unit>,
    /// What kind of figure.
    pub kind: Kind,
    /// One line for whoever reads the metrics.
    pub help: &'static str,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// A whole number.
    Whole(u64),
    /// A number with a fraction.
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeCounterValue::encode(value, encoder),
            Self::Real(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => EncodeGaugeValue::encode(value, encoder),
            Self::Real(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

/// A sample's labels: names and values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The samples of one family.
#[derive(Debug, Default)]
pub(super) struct Samples {
    values: Vec<(Labels, Value)>,
    distribution: Option<Distribution>,
}

/// The only sample of a histogram.
#[derive(Debug)]
pub(super) struct Distribution {
    /// All that was counted, added up.
    pub sum: f64,
    /// How many were as large as each bound, and larger than the one before. The last is infinity.
    pub buckets: Vec<(f64, u64)>,
}

impl Samples {
    /// Adds the only sample of a family without labels.
    pub fn put(&mut self, value: impl Into<Value>) {
        self.add(Labels::new(), value);
    }

    /// Adds it if it is known.
    pub fn put_known(&mut self, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(value);
        }
    }

    /// Adds a sample. No two of a family have the same labels.
    pub fn add(&mut self, labels: Labels, value: impl Into<Value>) {
        self.values.push((labels, value.into()));
    }

    /// Puts the only sample of a histogram.
    pub fn put_distribution(&mut self, distribution: Distribution) {
        self.distribution = Some(distribution);
    }
}

/// Writes a family; without samples, its head alone.
pub(super) fn write(
    encoder: &mut DescriptorEncoder<'_>,
    head: &Head,
    samples: &Samples,
) -> fmt::Result {
    let kind = match head.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let mut family = encoder.encode_descriptor(head.name, head.help, head.unit.as_ref(), kind)?;
    if let Some(Distribution { sum, buckets }) = &samples.distribution {
        let count = buckets.iter().map(|(_, count)| count).sum();
        return family.encode_histogram::<Labels>(*sum, count, buckets, None);
    }
    for (labels, value) in &samples.values {
        if labels.is_empty() {
            // Given as labels, none would show as `{}`. It is the family's only sample.
            return write_value(family, head.kind, *value);
        }
        write_value(family.encode_family(labels)?, head.kind, *value)?;
    }
    Ok(())
}

fn write_value(encoder: MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    match kind {
        Kind::Counter => ConstCounter::new(value).encode(encoder),
        // A histogram has no single values.
        Kind::Gauge | Kind::Histogram => ConstGauge::new(value).encode(encoder),
    }
}

/// OpenMetrics in the text format 0.0.4. There, a counter's family has the `_total` in its name, and
/// there is neither unit nor end mark.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let help = help.take().unwrap_or_default();
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[derive(Debug)]
    struct Example;

    impl Collector for Example {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let head = Head {
                name: "waiting",
                unit: Some(Unit::Seconds),
                kind: Kind::Counter,
                help: "Time spent.",
            };
            let mut samples = Samples::default();
            samples.add(vec![("who", "a\"b\\".to_owned()), ("at", "1".to_owned())], 1.5);
            samples.add(vec![("who", "c".to_owned()), ("at", "2".to_owned())], 7);
            write(&mut encoder, &head, &samples)?;
            let head = Head { name: "rooms", unit: None, kind: Kind::Gauge, help: "Rooms." };
            let mut samples = Samples::default();
            samples.put_known(Some(3));
            samples.put_known(None::<u64>);
            write(&mut encoder, &head, &samples)?;
            let head = Head {
                name: "steps",
                unit: Some(Unit::Seconds),
                kind: Kind::Histogram,
                help: "Steps.",
            };
            let mut samples = Samples::default();
            let buckets = vec![(0.5, 1), (2.0, 0), (f64::INFINITY, 2)];
            samples.put_distribution(Distribution { sum: 7.25, buckets });
            write(&mut encoder, &head, &samples)
        }
    }

    fn open_metrics() -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Example));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn families_are_written_as_open_metrics() {
        let expected = "# HELP waiting_seconds Time spent.\n\
            # TYPE waiting_seconds counter\n\
            # UNIT waiting_seconds seconds\n\
            waiting_seconds_total{who=\"a\\\"b\\\\\",at=\"1\"} 1.5\n\
            waiting_seconds_total{who=\"c\",at=\"2\"} 7\n\
            # HELP rooms Rooms.\n\
            # TYPE rooms gauge\n\
            rooms 3\n\
            # HELP steps_seconds Steps.\n\
            # TYPE steps_seconds histogram\n\
            # UNIT steps_seconds seconds\n\
            steps_seconds_sum 7.25\n\
            steps_seconds_count 3\n\
            steps_seconds_bucket{le=\"0.5\"} 1\n\
            steps_seconds_bucket{le=\"2.0\"} 1\n\
            steps_seconds_bucket{le=\"+Inf\"} 3\n\
            # EOF\n";
        assert_eq!(open_metrics(), expected);
    }

    #[test]
    fn the_classic_text_has_no_unit_and_names_counters_in_full() {
        let expected = "# HELP waiting_seconds_total Time spent.\n\
            # TYPE waiting_seconds_total counter\n\
            waiting_seconds_total{who=\"a\\\"b\\\\\",at=\"1\"} 1.5\n\
            waiting_seconds_total{who=\"c\",at=\"2\"} 7\n\
            # HELP rooms Rooms.\n\
            # TYPE rooms gauge\n\
            rooms 3\n\
            # HELP steps_seconds Steps.\n\
            # TYPE steps_seconds histogram\n\
            steps_seconds_sum 7.25\n\
            steps_seconds_count 3\n\
            steps_seconds_bucket{le=\"0.5\"} 1\n\
            steps_seconds_bucket{le=\"2.0\"} 1\n\
            steps_seconds_bucket{le=\"+Inf\"} 3\n";
        assert_eq!(classic(&open_metrics()), expected);
    }
}
