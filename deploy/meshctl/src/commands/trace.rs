//! `meshctl trace`.

use std::collections::HashSet;
use std::time::Duration;

use shared::messaging::{DEAD_LETTERS, OPERATIONS};
use shared::operations::{Link, Operations, StoredEvent, Trace};

use super::audit::{about, asked_for, operator};
use super::counted;
use super::event::{place, split};
use crate::CtlError;
use crate::output::Output;
use crate::table::{BAD, Column, DIM, DOUBTFUL, PLAIN, Table, styled};

pub(super) async fn run(
    mesh: &Operations,
    out: Output,
    key: &str,
    within: Option<Duration>,
) -> Result<(), CtlError> {
    let trace = mesh.trace(key, within).await?;
    out.show(&trace, |width| draw(&trace, width))?;
    Ok(())
}

fn draw(trace: &Trace, width: usize) -> String {
    let mut table = Table::new([
        ("AFTER", Column::Number),
        ("FACT", Column::Long),
        ("EVENT", Column::Text),
        ("SERVICE", Column::Text),
        ("ABOUT", Column::Long),
    ]);
    let begin = trace.links.first().map_or(0, |link| link.event.stored_at.as_micros());
    for link in &trace.links {
        let event = &link.event;
        let (fact, about) = split(&event.subject);
        let kind = Kind::of(event);
        let (style, fact) = match kind {
            Kind::Fact => (PLAIN, fact),
            Kind::Replay => (DOUBTFUL, fact),
            Kind::DeadLetter => {
                (BAD, header(event, "mesh-dlq-subject").map_or(fact, |subject| split(subject).0))
            }
            Kind::Asked => (DOUBTFUL, fact),
        };
        table.row([
            styled(DIM, after(event.stored_at.as_micros() - begin)),
            styled(style, format!("{}{fact}", branch(link))),
            place(event).into(),
            event.source.as_deref().unwrap_or("-").trim_start_matches('/').into(),
            about.into(),
        ]);
        if let Some(note) = kind.note(event) {
            table.note(style, format!("{:>width$}{note}", "", width = 8 + 2 * link.depth));
        }
    }
    let streams: HashSet<_> = trace.links.iter().map(|link| &link.event.stream).collect();
    let gave_up = trace.gave_up_after_seconds.map(|seconds| {
        format!(
            "So much was stored that only {seconds:.1} s after each event were read: later effects are here only if they \
             are about something that the chain names. Read on with --within 10m\n"
        )
    });
    format!(
        "{}{} in {}, begun by {}\n{}",
        table.draw(width, ""),
        counted(trace.links.len() as u64, "event"),
        counted(streams.len() as u64, "stream"),
        trace.correlation_id,
        gave_up.unwrap_or_default(),
    )
}

/// What an event is in a chain.
#[derive(Clone, Copy)]
enum Kind {
    Fact,
    Replay,
    DeadLetter,
    Asked,
}

impl Kind {
    fn of(event: &StoredEvent) -> Self {
        match event.stream.as_str() {
            DEAD_LETTERS => Self::DeadLetter,
            OPERATIONS => Self::Asked,
            _ if header(event, "mesh-replay-for").is_some() => Self::Replay,
            _ => Self::Fact,
        }
    }

    fn note(self, event: &StoredEvent) -> Option<String> {
        match self {
            Self::Fact => None,
            Self::Replay => Some(format!("replayed for {}", header(event, "mesh-replay-for")?)),
            Self::DeadLetter => {
                let consumer = header(event, "mesh-dlq-consumer")?;
                let reason = header(event, "mesh-dlq-reason").unwrap_or_default();
                Some(format!("dead letter of {consumer}: {reason}"))
            }
            Self::Asked => Some(format!("{} by {}: {}", asked_for(event), operator(event)?, about(event))),
        }
    }
}

fn header<'a>(event: &'a StoredEvent, name: &str) -> Option<&'a str> {
    event.headers.get(name).map(String::as_str)
}

fn branch(link: &Link) -> String {
    match link.depth {
        0 => String::new(),
        depth => format!("{}└ ", "  ".repeat(depth - 1)),
    }
}

/// `+12 ms`, `+3.4 s`, `+2m`.
fn after(micros: i64) -> String {
    let millis = micros / 1000;
    match millis {
        -999..10_000 => format!("{millis:+} ms"),
        10_000..100_000 => format!("{:+.1} s", millis as f64 / 1000.0),
        _ => format!("+{}", crate::times::length(u64::try_from(millis / 1000).unwrap_or_default())),
    }
}
