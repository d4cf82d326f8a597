//! How an event is shown.

use std::fmt::Write;

use shared::operations::StoredEvent;

use crate::table::{BOLD, Cell, Column, DIM, Table, paint, styled};
use crate::times;

/// Attributes of CloudEvents, which are shown by themselves.
const ATTRIBUTES: &str = "ce-";

/// The fact and the aggregate that a subject names: `counsels.message.created.<id>`.
pub(super) fn split(subject: &str) -> (&str, &str) {
    subject.rsplit_once('.').unwrap_or((subject, ""))
}

/// By what an event can be asked for.
pub(super) fn place(event: &StoredEvent) -> String {
    format!("{}:{}", event.stream, event.sequence)
}

/// A table for events, one a row.
pub(super) fn table() -> Table {
    Table::new([
        ("TIME (UTC)", Column::Text),
        ("EVENT", Column::Text),
        ("FACT", Column::Text),
        ("ABOUT", Column::Long),
    ])
}

/// An event's row of it.
pub(super) fn row(event: &StoredEvent) -> [Cell; 4] {
    let (fact, about) = split(&event.subject);
    [styled(DIM, times::stamp(event.stored_at)), place(event).into(), fact.into(), about.into()]
}

/// Everything that is in an event, after what `more` tells of it.
pub(super) fn whole(event: &StoredEvent, more: &[(&str, String)]) -> String {
    let (fact, _) = split(&event.subject);
    let mut text = format!("{}  {}\n", paint(BOLD, fact), place(event));
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}{value}", paint(DIM, &format!("{name:<14}")));
    };
    for (name, value) in more {
        line(name, value);
    }
    line("stored", &event.stored_at.to_rfc3339());
    line("subject", &event.subject);
    let attributes = [
        ("id", &event.id),
        ("type", &event.event_type),
        ("source", &event.source),
        ("aggregate", &event.aggregate),
        ("time", &event.time),
        ("correlation", &event.correlation_id),
        ("causation", &event.causation_id),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            line(name, value);
        }
    }
    for (name, value) in event.headers.iter().filter(|(name, _)| !name.starts_with(ATTRIBUTES)) {
        line("header", &format!("{name}: {value}"));
    }
    // Serde_json shows control characters as escapes.
    let _ = writeln!(text, "{:#}", event.data);
    text
}
