// SPDX-License-Identifier: GPL-2.0

//! Metrics as text: OpenMetrics 1.0, or the older format of Prometheus, which the node exporter reads.

use std::fmt::Write;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// OpenMetrics 1.0
    Openmetrics,
    /// The text format of Prometheus, version 0.0.4, for files that the node exporter reads
    Text,
}

impl Format {
    /// How HTTP calls it.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Openmetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// The samples of one name.
pub(super) struct Metric {
    /// Without the endings of its kind.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) unit: Option<&'static str>,
    pub(super) help: &'static str,
    /// The samples as they are written: of thousands of exports there are many.
    samples: String,
}

/// Names and values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// A number.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Whole(u64),
    /// So many microseconds, told in seconds.
    Micros(u64),
}

impl Metric {
    /// A metric of this software.
    pub(super) fn new(name: &str, kind: Kind, help: &'static str) -> Self {
        Self {
            name: format!("kvblade_{name}"),
            kind,
            unit: None,
            help,
            samples: String::new(),
        }
    }

    /// In a unit, with which the name ends.
    pub(super) fn of(self, unit: Option<&'static str>) -> Self {
        Self { unit, ..self }
    }

    /// A sample.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: u64) {
        let ending = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.add_part(ending, labels, Value::Whole(value));
    }

    /// A sample of several that are one.
    pub(super) fn add_part(&mut self, ending: &'static str, labels: Labels<'_>, value: Value) {
        let text = &mut self.samples;
        text.push_str(&self.name);
        text.push_str(ending);
        push_labels(text, labels);
        text.push(' ');
        match value {
            // A string takes all that is written.
            Value::Whole(number) => _ = write!(text, "{number}"),
            Value::Micros(micros) => text.push_str(&seconds(micros)),
        }
        text.push('\n');
    }

    fn write(&self, format: Format, text: &mut String) -> std::fmt::Result {
        if self.samples.is_empty() {
            return Ok(());
        }
        // The older format knows no endings, and not all kinds.
        let (name, kind) = match (format, self.kind) {
            (Format::Text, Kind::Counter) => (format!("{}_total", self.name), "counter"),
            (Format::Text, Kind::Info) => (format!("{}_info", self.name), "gauge"),
            (_, Kind::Counter) => (self.name.clone(), "counter"),
            (_, Kind::Info) => (self.name.clone(), "info"),
            (_, Kind::Gauge) => (self.name.clone(), "gauge"),
            (_, Kind::Histogram) => (self.name.clone(), "histogram"),
        };
        writeln!(text, "# HELP {name} {}", self.help)?;
        writeln!(text, "# TYPE {name} {kind}")?;
        if let (Some(unit), Format::Openmetrics) = (self.unit, format) {
            writeln!(text, "# UNIT {name} {unit}")?;
        }
        text.push_str(&self.samples);
        Ok(())
    }
}

/// The whole text.
pub(super) fn text(metrics: &[Metric], format: Format) -> String {
    let mut text = String::new();
    for metric in metrics {
        // A string takes all that is written.
        let _ = metric.write(format, &mut text);
    }
    if format == Format::Openmetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn push_labels(text: &mut String, labels: Labels<'_>) {
    for (number, (name, value)) in labels.iter().enumerate() {
        text.push(if number == 0 { '{' } else { ',' });
        text.push_str(name);
        text.push_str("=\"");
        if value.contains(['\\', '"', '\n']) {
            let value = value.replace('\\', "\\\\");
            text.push_str(&value.replace('"', "\\\"").replace('\n', "\\n"));
        } else {
            text.push_str(value);
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
}

/// Microseconds as seconds, as Go writes numbers: so are the bounds of histograms to be.
pub(super) fn seconds(micros: u64) -> String {
    if (1..100).contains(&micros) {
        let (first, rest) = if micros < 10 {
            (micros, 0)
        } else {
            (micros / 10, micros % 10)
        };
        let exponent = if micros < 10 { 6 } else { 5 };
        return match rest {
            0 => format!("{first}e-0{exponent}"),
            rest => format!("{first}.{rest}e-0{exponent}"),
        };
    }
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let text = text.trim_end_matches('0');
    match text.strip_suffix('.') {
        Some(whole) => format!("{whole}.0"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (micros, text) in [
            (0, "0.0"),
            (8, "8e-06"),
            (10, "1e-05"),
            (16, "1.6e-05"),
            (99, "9.9e-05"),
            (128, "0.000128"),
            (524_288, "0.524288"),
            (1_000_000, "1.0"),
            (67_108_864, "67.108864"),
        ] {
            assert_eq!(seconds(micros), text);
        }
    }

    #[test]
    fn both_formats_say_the_same() {
        let mut counted = Metric::new("port_data_bytes", Kind::Counter, "Data.").of(Some("bytes"));
        counted.add(&[("export", "a\"b\\c\nd"), ("operation", "read")], 7);
        let mut about = Metric::new("build", Kind::Info, "About.");
        about.add(&[], 1);
        let none = Metric::new("none", Kind::Gauge, "Nothing.");
        let metrics = [counted, about, none];
        assert_eq!(
            text(&metrics, Format::Openmetrics),
            "# HELP kvblade_port_data_bytes Data.\n\
             # TYPE kvblade_port_data_bytes counter\n\
             # UNIT kvblade_port_data_bytes bytes\n\
             kvblade_port_data_bytes_total{export=\"a\\\"b\\\\c\\nd\",operation=\"read\"} 7\n\
             # HELP kvblade_build About.\n\
             # TYPE kvblade_build info\n\
             kvblade_build_info 1\n\
             # EOF\n"
        );
        assert_eq!(
            text(&metrics, Format::Text),
            "# HELP kvblade_port_data_bytes_total Data.\n\
             # TYPE kvblade_port_data_bytes_total counter\n\
             kvblade_port_data_bytes_total{export=\"a\\\"b\\\\c\\nd\",operation=\"read\"} 7\n\
             # HELP kvblade_build_info About.\n\
             # TYPE kvblade_build_info gauge\n\
             kvblade_build_info 1\n"
        );
    }
}
