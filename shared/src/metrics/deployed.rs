//! What operators are given fits what is counted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::names::{Kind, METRICS};

/// Words of PromQL that are used, and what Prometheus itself counts.
const WORDS: [&str; 21] = [
    "abs",
    "and",
    "avg_over_time",
    "by",
    "changes",
    "count",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "on",
    "or",
    "rate",
    "sum",
    "time",
    "unless",
    "up",
    "vector",
    "without",
    "ALERTS",
    "scalar",
];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in an expression: neither texts nor labels nor spans of time.
fn names_of(expression: &str) -> BTreeSet<String> {
    let mut bare = String::new();
    let mut rest = expression;
    while let Some(at) = rest.find(['{', '[', '"']) {
        let (before, from) = rest.split_at(at);
        let end = match &from[..1] {
            "{" => '}',
            "[" => ']',
            _ => '"',
        };
        bare.push_str(before);
        let closed = from[1..].find(end).unwrap_or_else(|| panic!("unclosed: {expression}"));
        rest = &from[closed + 2..];
        bare.push(' ');
    }
    bare.push_str(rest);
    // What follows `by` are labels.
    let mut parts = bare.split(" by (");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push(' ');
        plain.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    names.filter(|word| !WORDS.contains(word)).map(str::to_owned).collect()
}

fn check(expression: &str) {
    let mut served = BTreeSet::new();
    for metric in METRICS {
        match metric.kind {
            Kind::Histogram => {
                served.extend(["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)));
            }
            Kind::Counter | Kind::Gauge => {
                served.insert(metric.name.to_owned());
            }
        }
    }
    let names = names_of(expression);
    let unknown: Vec<_> = names.difference(&served).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {expression}");
    assert!(!expression.trim().is_empty());
}

#[test]
fn names_and_labels_keep_the_conventions_of_prometheus() {
    let mut seen = BTreeSet::new();
    for metric in METRICS {
        assert!(seen.insert(metric.name), "{} is there twice", metric.name);
        let is_total = metric.name.ends_with("_total") && metric.name != "process_cpu_seconds_total";
        assert_eq!(is_total, metric.kind == Kind::Counter, "{}", metric.name);
        // By this the recorder knows what it counts in buckets.
        assert!(metric.kind != Kind::Histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        assert!(metric.labels.is_sorted(), "{}", metric.name);
        for label in metric.labels {
            assert!(!label.ends_with("id") && *label != "user", "{label} of {}", metric.name);
        }
    }
}

#[test]
fn dashboards_show_what_is_counted() {
    let mut shown = String::new();
    for entry in fs::read_dir(deploy("grafana")).unwrap() {
        let path = entry.unwrap().path();
        let dashboard: Value = serde_json::from_str(&read(&path)).unwrap();
        assert!(dashboard["uid"].as_str().unwrap().starts_with("hearlers-"), "{}", path.display());
        let panels = dashboard["panels"].as_array().unwrap();
        assert!(!panels.is_empty());
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{}", path.display());
        for panel in panels {
            assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_u64(), "{panel}");
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap();
                check(expression);
                shown.push_str(expression);
            }
        }
    }
    for metric in METRICS {
        assert!(shown.contains(metric.name), "no dashboard shows {}", metric.name);
    }
}

#[test]
fn every_alert_is_about_what_is_counted_and_says_what_to_do() {
    let (alerts, tests) =
        (read(&deploy("prometheus/alerts.yml")), read(&deploy("prometheus/alerts_test.yml")));
    let operations = read(&deploy("../docs/operations.md"));
    let mut number = 0;
    for alert in alerts.split("- alert: ").skip(1) {
        number += 1;
        let name = alert.lines().next().unwrap();
        let (_, after) = alert.split_once("expr:").unwrap();
        let expression: Vec<_> = after
            .lines()
            .enumerate()
            .take_while(|(line, text)| *line == 0 || text.starts_with("          "))
            .map(|(_, text)| text.trim().trim_matches(['|', '\'']))
            .collect();
        check(&expression.join(" "));
        let runbook = format!("runbook: docs/operations.md#{}", name.to_lowercase());
        assert!(alert.contains(&runbook), "{name} has no runbook");
        assert!(alert.contains("severity: page") || alert.contains("severity: ticket"), "{name}");
        assert!(operations.contains(&format!("\n### {name}\n")), "{name} is not in docs/operations.md");
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is not tested");
    }
    assert!(number >= 10, "{number}");
}

#[test]
fn names_are_told_from_what_surrounds_them() {
    let expression = r#"sum by (le, job) (rate(a_total{b="c_total"}[5m])) > 1 unless max(d) == 0"#;
    assert_eq!(names_of(expression).into_iter().collect::<Vec<_>>(), ["a_total", "d"]);
}
