//! `meshctl status`.

use serde::Serialize;
use shared::health::Status;
use shared::operations::{InstanceState, Operations, Overview};
use shared::time::Timestamp;

use super::outbox::backlog;
use super::problems::problems;
use super::streams::{bytes, last_age};
use super::{consumers, counted, watch::Rates};
use crate::CtlError;
use crate::output::Output;
use crate::table::{BAD, Cell, Column, DIM, DOUBTFUL, GOOD, PLAIN, Table, cut, paint, styled};
use crate::times;

/// The shortest beginning of an id that is shown.
const SHORTEST: usize = 8;

/// The mesh, and what is wrong with it.
#[derive(Serialize)]
pub(super) struct Answer {
    problems: Vec<String>,
    #[serde(flatten)]
    pub(super) overview: Overview,
    /// Since the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<Rates>,
}

impl Answer {
    pub(super) fn new(overview: Overview, rates: Option<Rates>) -> Self {
        Self { problems: problems(&overview), overview, rates }
    }

    /// One screen.
    pub(super) fn draw(&self, width: usize) -> String {
        let Self { problems, overview, rates } = self;
        let mut screen = match problems.len() as u64 {
            0 => format!("{}\n", paint(GOOD, "all is well")),
            count => format!("{}\n", paint(BAD, &counted(count, "problem"))),
        };
        for problem in problems {
            screen.push_str(&cut(&format!("  {problem}"), width));
            screen.push('\n');
        }
        // Above what a small terminal has no room for.
        let letters = if overview.dead_letters == 0 { PLAIN } else { BAD };
        screen.push_str(&format!(
            "\n{}  {}\n{}  {}\n",
            paint(DIM, "OUTBOXES    "),
            cut(&outboxes(overview), width.saturating_sub(14)),
            paint(DIM, "DEAD LETTERS"),
            paint(letters, &overview.dead_letters.to_string()),
        ));
        let parts = [
            instances(overview, rates.as_ref()).draw(width, "no instance runs"),
            streams(overview, rates.as_ref()).draw(width, "there are no streams"),
            consumers::table(&overview.consumers).draw(width, "there are no consumers"),
        ];
        for part in parts {
            screen.push('\n');
            screen.push_str(&part);
        }
        screen
    }
}

pub(super) async fn run(mesh: &Operations, out: Output) -> Result<(), CtlError> {
    let answer = Answer::new(Box::pin(mesh.overview()).await?, None);
    out.show(&answer, |width| answer.draw(width))?;
    Ok(())
}

fn instances(overview: &Overview, rates: Option<&Rates>) -> Table {
    let mut columns = vec![
        ("SERVICE", Column::Text),
        ("ID", Column::Text),
        ("ADDRESS", Column::Long),
        ("VER", Column::Long),
        ("UP", Column::Number),
        ("HEALTH", Column::Text),
        ("CALLS", Column::Number),
        ("FAIL", Column::Number),
        ("NOW", Column::Number),
    ];
    if rates.is_some() {
        columns.push(("/S", Column::Number));
    }
    let mut table = Table::new(columns);
    let length = distinct(&overview.instances);
    for state in &overview.instances {
        let instance = &state.instance;
        let (health, style) = health(state);
        let calls = |count: fn(&shared::health::Calls) -> u64| -> Cell {
            state
                .report
                .as_ref()
                .map_or_else(|| "-".to_owned(), |report| count(&report.calls).to_string())
                .into()
        };
        let mut row = vec![
            (&instance.service).into(),
            instance.id.get(..length).unwrap_or(&instance.id).into(),
            (&instance.address).into(),
            (&instance.version).into(),
            styled(DIM, times::age(Timestamp::from_micros(instance.started_at.saturating_mul(1_000_000)))),
            styled(style, health),
            calls(|calls| calls.total),
            calls(|calls| calls.failed),
            calls(|calls| calls.in_flight),
        ];
        if let Some(rates) = rates {
            row.push(rates.of_instance(&instance.id).into());
        }
        table.row(row);
        for reason in state.report.iter().flat_map(|report| &report.reasons) {
            table.note(style, reason);
        }
    }
    for service in &overview.missing {
        table.row([styled(BAD, service), styled(BAD, "missing")]);
    }
    table
}

/// How much of their ids tells all instances apart.
fn distinct(instances: &[InstanceState]) -> usize {
    let mut ids: Vec<_> = instances.iter().map(|state| state.instance.id.as_str()).collect();
    ids.sort_unstable();
    let common =
        |pair: &[&str]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(one, other)| one == other).count();
    ids.windows(2).map(|pair| common(pair) + 1).max().unwrap_or_default().max(SHORTEST)
}

fn health(state: &InstanceState) -> (&'static str, anstyle::Style) {
    match state.report.as_ref().map(|report| report.status) {
        Some(Status::Ready) => ("ready", GOOD),
        Some(Status::Degraded) => ("degraded", DOUBTFUL),
        Some(Status::Unready) => ("unready", BAD),
        None => ("silent", BAD),
    }
}

fn streams(overview: &Overview, rates: Option<&Rates>) -> Table {
    let mut columns = vec![
        ("STREAM", Column::Text),
        ("MESSAGES", Column::Number),
        ("BYTES", Column::Number),
        ("LAST", Column::Number),
    ];
    if rates.is_some() {
        columns.push(("/S", Column::Number));
    }
    let mut table = Table::new(columns);
    for stream in overview.streams.iter().filter(|stream| stream.of_events) {
        let mut row: Vec<Cell> = vec![
            (&stream.name).into(),
            stream.messages.into(),
            bytes(stream.bytes).into(),
            styled(DIM, last_age(stream)),
        ];
        if let Some(rates) = rates {
            row.push(rates.of_stream(&stream.name).into());
        }
        table.row(row);
    }
    table
}

/// What waits in the outbox of each service, as the instance sees it that sees most.
fn outboxes(overview: &Overview) -> String {
    let mut shown = Vec::new();
    for service in shared::mesh::SERVICES {
        let of_service = overview.instances.iter().filter(|state| state.instance.service == service);
        let reports =
            of_service.filter(|state| state.report.as_ref().is_some_and(|report| report.outbox.is_some()));
        let most = reports.max_by_key(|state| {
            state.report.as_ref().and_then(|report| report.outbox).map(|outbox| outbox.waiting)
        });
        shown.push(match most.map(backlog) {
            Some((waiting, oldest)) if oldest != "-" => format!("{service} {waiting} ({oldest})"),
            Some((waiting, _)) => format!("{service} {waiting}"),
            None => format!("{service} -"),
        });
    }
    shown.join("  ")
}

#[cfg(test)]
mod tests {
    use shared::health::{Backlog, Calls, Report};
    use shared::mesh::Instance;
    use shared::operations::{ConsumerState, StreamState};
    use shared::time::Clock;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn instance(service: &str, id: &str, report: Option<Report>) -> InstanceState {
        let started_at = Clock::system().now().as_micros() / 1_000_000 - 7500;
        let instance = Instance {
            service: service.to_owned(),
            id: id.to_owned(),
            address: "counseling-svc-7d9f8b6c5-x2x4z.mesh.svc:50052".to_owned(),
            version: "0.1.0".to_owned(),
            started_at,
        };
        InstanceState { instance, report }
    }

    fn overview() -> Overview {
        let late = Report {
            status: Status::Degraded,
            reasons: vec![
                "broker: it has not answered for 12 seconds, and 3 events wait to be published".to_owned(),
            ],
            outbox: Some(Backlog { waiting: 3, oldest_seconds: 12.5 }),
            calls: Calls { total: 123_456, failed: 7, in_flight: 2, seconds: 9.0 },
        };
        let well = Report { status: Status::Ready, outbox: Some(Backlog::default()), ..Report::default() };
        let consumer = ConsumerState {
            name: "counseling-svc-understanding".to_owned(),
            stream: "COUNSELS".to_owned(),
            owner: Some("counseling-svc"),
            subjects: Vec::new(),
            pending: 1_234_567,
            ack_pending: 0,
            deliveries: 0,
            redelivered: 0,
            waiting_pulls: 0,
            acknowledged_to: 0,
            delivered_to: 0,
            delivered_at: None,
            paused_seconds: None,
        };
        let stream = StreamState {
            name: "COUNSELS".to_owned(),
            description: String::new(),
            subjects: Vec::new(),
            of_events: true,
            messages: 1_234_567,
            bytes: 1 << 30,
            first_sequence: 1,
            last_sequence: 1_234_567,
            last_at: None,
            consumers: 1,
            replicas: 1,
        };
        Overview {
            instances: vec![
                instance("counseling-svc", "0198c0de-1234-7aaa-8000-000000000001", Some(late)),
                instance("counseling-svc", "0198c0de-1235-7aaa-8000-000000000002", None),
                instance("user-svc", "0198c0de-9999-7aaa-8000-000000000003", Some(well)),
            ],
            missing: vec!["payment-svc", "gateway"],
            streams: vec![stream],
            consumers: vec![consumer],
            outbox: 3,
            dead_letters: 2,
        }
    }

    #[test]
    fn a_terminal_of_80_columns_shows_all_that_matters() {
        let screen = Answer::new(overview(), Some(Rates::default())).draw(80);
        let screen = anstream::adapter::strip_str(&screen).to_string();
        assert!(screen.lines().all(|line| line.width() <= 80), "{screen}");
        insta::assert_snapshot!(screen);
    }

    #[test]
    fn nothing_is_wrong_when_everything_runs() {
        let mut overview = overview();
        overview.instances.retain(|state| state.instance.service == "user-svc");
        overview.missing.clear();
        overview.consumers.clear();
        overview.dead_letters = 0;
        assert!(problems(&overview).is_empty());
        assert!(Answer::new(overview, None).draw(80).contains("all is well"));
    }
}
