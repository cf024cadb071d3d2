//! The text format of Prometheus, as it grows.

use std::fmt::Display;

/// Base units: milliseconds as seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a length of 285 years is exact to the millisecond"
)]
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// A moment as Prometheus counts it; 0 for one before 1970.
pub(super) fn unix_seconds(unix_ms: i64) -> f64 {
    seconds(u64::try_from(unix_ms).unwrap_or(0))
}

/// The text format, as it grows.
pub(super) struct Text(pub(super) String);

impl Text {
    /// Begins a family of samples; all of them follow at once.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0
            .push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family that was begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            self.0.push_str(&format!("{label}=\"{text}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.0.push_str(&format!(" {value}\n"));
    }

    /// A family of one sample without labels.
    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}
