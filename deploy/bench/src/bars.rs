//! What the figures are held to: ratios of two contenders in one workload, which say more than figures of a machine.

use serde::Serialize;

use crate::compare::Row;
use crate::{events, read};

/// What is compared.
#[derive(Clone, Copy)]
enum Figure {
    /// Calls a second: at least so many times the other's.
    Rate,
    /// The wait that one in a hundred calls exceeds: at most so many times the other's.
    P99,
}

/// A bar that is set.
struct Rule {
    workload: &'static str,
    figure: Figure,
    of: &'static str,
    to: &'static str,
    bar: f64,
}

const RULES: [Rule; 5] = [
    Rule::of_gateway(read::WORKLOAD, Figure::Rate, "GetUser called directly", 0.6),
    Rule::of_gateway(read::WORKLOAD, Figure::Rate, "Fastify", 8.0),
    Rule::of_gateway(read::WORKLOAD, Figure::Rate, "Envoy", 1.2),
    Rule::of_gateway(read::WORKLOAD, Figure::P99, "Envoy", 1.0),
    Rule {
        workload: events::WORKLOAD,
        figure: Figure::Rate,
        of: events::APPLIED,
        to: events::ACKNOWLEDGED,
        bar: 0.5,
    },
];

impl Rule {
    const fn of_gateway(workload: &'static str, figure: Figure, to: &'static str, bar: f64) -> Self {
        Self { workload, figure, of: "gateway", to, bar }
    }

    /// How it is with these rows; nothing when they are not about it.
    fn judge(&self, rows: &[Row]) -> Option<Bar> {
        let row = |name: &str| rows.iter().find(|row| row.workload == self.workload && row.contender == name);
        let (one, other) = (row(self.of)?, row(self.to)?);
        let (what, measured) = match self.figure {
            Figure::Rate => ("calls/s", one.rate / other.rate),
            Figure::P99 => ("p99", one.p99 / other.p99),
        };
        let at_least = matches!(self.figure, Figure::Rate);
        Some(Bar {
            name: format!("{}, {what}: {} to {}", self.workload, self.of, self.to),
            measured,
            bar: self.bar,
            at_least,
            met: if at_least { measured >= self.bar } else { measured <= self.bar },
        })
    }
}

/// A bar, and what was measured.
#[derive(Serialize)]
pub(crate) struct Bar {
    pub(crate) name: String,
    /// A ratio.
    pub(crate) measured: f64,
    pub(crate) bar: f64,
    /// Whether the ratio may be higher, or else lower.
    pub(crate) at_least: bool,
    pub(crate) met: bool,
}

/// All bars that these rows are about.
pub(crate) fn judge(rows: &[Row]) -> Vec<Bar> {
    RULES.iter().filter_map(|rule| rule.judge(rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::row;

    fn met(gateway: f64, direct: f64, envoy: f64) -> Vec<bool> {
        let named = [("gateway", gateway), ("GetUser called directly", direct), ("Envoy", envoy)];
        let rows = named.map(|(name, rate)| row(read::WORKLOAD, name, rate));
        judge(&rows).iter().map(|bar| bar.met).collect()
    }

    #[test]
    fn a_rate_is_to_reach_its_bar_and_a_wait_not_to_exceed_it() {
        assert_eq!(met(600.0, 1000.0, 500.0), [true, true, true]);
        assert_eq!(met(599.0, 1000.0, 500.0), [false, false, true]);
        // The wait of a row in these tests falls as its rate rises.
        assert_eq!(met(600.0, 1000.0, 601.0), [true, false, false]);
    }

    #[test]
    fn only_what_was_measured_is_judged() {
        assert!(judge(&[row(read::WORKLOAD, "gateway", 1.0), row("else", "Envoy", 1.0)]).is_empty());
    }
}
