//! What came of it: tables for people, JSON for programs and a picture, in `target/bench` or where `--out` says.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;
use shared::time::Clock;

use crate::BoxError;
use crate::bars::{Bar, judge};
use crate::chart;
use crate::compare::{Plan, Row};
use crate::facts::{Fact, Measured};
use crate::arguments::Arguments;

/// What was measured, of what and on what.
#[derive(Serialize)]
pub(crate) struct Report {
    command: String,
    /// With `-dirty` when there were changes on top of it.
    commit: String,
    /// RFC 3339, UTC.
    date: String,
    processor: String,
    cores: usize,
    /// Whether the binaries are optimised: otherwise the figures say nothing about speed.
    optimised: bool,
    /// Runs of each contender, of which the medians are told.
    rounds: usize,
    /// How long a run took.
    seconds: u64,
    rows: Vec<Row>,
    bars: Vec<Bar>,
    facts: Vec<Fact>,
}

impl Report {
    /// On these figures.
    ///
    /// # Errors
    /// When the machine does not tell its processors.
    pub(crate) fn new(command: &str, plan: Plan, measured: Measured) -> Result<Self, BoxError> {
        let Measured { rows, facts } = measured;
        Ok(Self {
            command: command.to_owned(),
            commit: told(Command::new("git").args(["describe", "--always", "--dirty", "--exclude=*"])),
            date: Clock::system().now().to_rfc3339(),
            processor: processor(),
            cores: std::thread::available_parallelism()?.get(),
            optimised: !cfg!(debug_assertions),
            rounds: plan.rounds,
            seconds: plan.duration.as_secs(),
            bars: judge(&rows),
            rows,
            facts,
        })
    }

    /// Prints it, and writes it as JSON and as a picture.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub(crate) fn tell(&self, arguments: &Arguments) -> Result<(), BoxError> {
        print!("{}", self.text());
        let folder =
            arguments.out.clone().map_or_else(usual_folder, Ok)?;
        std::fs::create_dir_all(&folder)?;
        let write = |extension, content: String| {
            let file = folder.join(&self.command).with_extension(extension);
            std::fs::write(&file, content)?;
            println!("written: {}", file.display());
            Ok::<_, BoxError>(())
        };
        write("json", serde_json::to_string_pretty(self)? + "\n")?;
        write("svg", chart::draw(&self.rows))
    }

    fn text(&self) -> String {
        let Self { commit, date, processor, cores, rounds, seconds, .. } = self;
        let mut text = format!(
            "{commit}, {date}, {cores} × {processor}\nmedians of {rounds} runs of {seconds} s in turn\n"
        );
        for rows in self.rows.chunk_by(|one, next| one.workload == next.workload) {
            text += &table(rows);
        }
        if !self.bars.is_empty() {
            text += "\nbars\n";
        }
        for Bar { name, measured, bar, at_least, met } in &self.bars {
            let (bound, verdict) =
                (if *at_least { "at least" } else { "at most" }, if *met { "met" } else { "missed" });
            // Writing to a String does not fail.
            let _ = writeln!(text, "  {name:<62}{measured:>7.2}  {bound:<8} {bar:.2}  {verdict}");
        }
        if !self.facts.is_empty() {
            text += "\nbesides\n";
        }
        for fact in &self.facts {
            text += &(fact.line() + "\n");
        }
        text
    }
}

/// One workload; the rate of each contender is compared with the first one's.
fn table(rows: &[Row]) -> String {
    let Some(Row { workload, contender: first, rate: base, .. }) = rows.first() else { return String::new() };
    let mut text = format!("\n{workload} (ratio: of the rate of {first})\n");
    let heads = ["calls/s", "ratio", "p50 ms", "p99 ms", "p99.9 ms", "CPU us", "MiB"];
    let heads = heads.map(|head| format!("{head:>10}")).concat();
    // Writing to a String does not fail.
    let _ = writeln!(text, "  {:<36}{heads}", "");
    for Row { contender, rate, p50, p99, p999, cpu, memory, .. } in rows {
        let ratio = rate / base;
        let _ = writeln!(
            text,
            "  {contender:<36}{rate:>10.1}{ratio:>10.2}{p50:>10.2}{p99:>10.2}{p999:>10.2}{cpu:>10.1}{memory:>10.1}",
        );
    }
    text
}

/// `target/bench`, beside the folder of this binary.
fn usual_folder() -> Result<PathBuf, BoxError> {
    let this = std::env::current_exe()?;
    let target = this.parent().and_then(Path::parent).ok_or("this binary is in no folder")?;
    Ok(target.join("bench"))
}

/// The model, where the system tells (Linux, macOS).
fn processor() -> String {
    let told_by_linux = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told_by_linux.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(
        || told(Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"])),
        |(_, model)| model.trim().to_owned(),
    )
}

/// The line that a program prints, or that it is unknown.
fn told(command: &mut Command) -> String {
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().ok();
    let line = output.filter(|output| output.status.success()).and_then(|output| {
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|line| !line.is_empty())
    });
    line.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::compare::tests::row;
    use crate::read::WORKLOAD;

    fn report() -> Report {
        let rows =
            vec![row(WORKLOAD, "gateway", 600.0), row(WORKLOAD, "Envoy", 1000.0), row("other", "a", 7.0)];
        Report::new("all", Plan { rounds: 3, duration: Duration::from_secs(2) }, rows.into()).unwrap()
    }

    #[test]
    fn json_tells_every_figure_and_what_it_is_of() {
        let told: Value = serde_json::to_value(report()).unwrap();
        assert_eq!(
            told["rows"][1],
            json!({
                "workload": WORKLOAD, "contender": "Envoy", "rate": 1000.0, "p50": 1.0, "p99": 2.0, "p999": 3.0,
                "cpu": 1000.0, "memory": 8.0,
            })
        );
        let bar = json!({
            "name": "GET /v1/users/me, calls/s: gateway to Envoy", "measured": 0.6, "bar": 1.2, "at_least": true,
            "met": false,
        });
        assert_eq!(told["bars"][0], bar);
        assert_eq!(
            (&told["command"], &told["rounds"], &told["seconds"]),
            (&json!("all"), &json!(3), &json!(2))
        );
        for name in ["commit", "date", "processor"] {
            assert!(told[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        }
    }

    #[test]
    fn the_text_has_a_table_a_workload_and_a_verdict_a_bar() {
        let text = report().text();
        let line = |of: &str| text.lines().find(|line| line.trim_start().starts_with(of)).unwrap().to_owned();
        let figures: Vec<_> = line("Envoy").split_whitespace().map(str::to_owned).collect();
        assert_eq!(figures, ["Envoy", "1000.0", "1.67", "1.00", "2.00", "3.00", "1000.0", "8.0"]);
        assert!(line("other").ends_with("of the rate of a)"), "{text}");
        assert!(
            line("GET /v1/users/me, calls/s: gateway to Envoy").ends_with("0.60  at least 1.20  missed"),
            "{text}"
        );
    }
}
