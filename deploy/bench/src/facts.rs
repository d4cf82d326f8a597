//! Figures that are no rates, such as what a mesh has in memory.

use serde::Serialize;

use crate::compare::Row;

/// A figure, and what it is held to.
#[derive(Clone, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The most it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bar: Option<f64>,
}

impl Fact {
    /// One that is held to nothing.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bar: None }
    }

    /// One that is to be no more than `bar`.
    pub(crate) fn at_most(name: impl Into<String>, value: f64, unit: &'static str, bar: f64) -> Self {
        Self { bar: Some(bar), ..Self::new(name, value, unit) }
    }

    /// A line of a report.
    pub(crate) fn line(&self) -> String {
        let Self { name, value, unit, bar } = self;
        let verdict = bar.map_or_else(String::new, |bar| {
            format!("  at most  {bar:.2}  {}", if *value <= bar { "met" } else { "missed" })
        });
        format!("  {name:<62}{value:>7.2} {unit:<4}{verdict}").trim_end().to_owned()
    }
}

/// What came of a workload.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    pub(crate) facts: Vec<Fact>,
}

impl From<Vec<Row>> for Measured {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, facts: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_meets_its_bar_up_to_the_bar_itself() {
        let verdict = |value| Fact::at_most("start", value, "s", 2.0).line();
        assert!(verdict(2.0).ends_with("2.00 s     at most  2.00  met"), "{}", verdict(2.0));
        assert!(verdict(2.1).ends_with("missed"), "{}", verdict(2.1));
        assert!(Fact::new("start", 2.1, "s").line().ends_with("2.10 s"));
    }
}
