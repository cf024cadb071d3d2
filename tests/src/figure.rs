//! Figures for `scripts/bench`: one line each, which `tests/bench/table.py` collects.

use std::fmt::Display;

use serde_json::{Value, json};

/// Tells one figure on standard output. `what` names it within its job, `of` says how much was
/// measured, `beside` are peers, floors or promised bounds in the same unit, each with its name.
///
/// Costs nothing worth counting, so that tests always tell it, and judge it nowhere.
pub fn tell<N: Into<Value> + Copy>(
    what: &str,
    ours: impl Into<Value>,
    unit: &str,
    of: impl Display,
    beside: &[(&str, N)],
) {
    let beside: Vec<_> = beside
        .iter()
        .map(|(name, value)| (*name, rounded((*value).into())))
        .collect();
    let ours = rounded(ours.into());
    let line = json!({ "what": what, "ours": ours, "unit": unit, "of": of.to_string(), "beside": beside });
    println!("figure {line}");
}

/// A thousandth of any unit used here is finer than what is measured.
fn rounded(value: Value) -> Value {
    match value.as_f64().filter(|_| value.is_f64()) {
        Some(fraction) => json!((fraction * 1000.0).round() / 1000.0),
        None => value,
    }
}

/// The one in the middle, the upper of two.
///
/// # Panics
/// Without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
