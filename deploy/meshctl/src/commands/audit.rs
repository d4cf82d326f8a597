//! `meshctl audit`.

use serde_json::Value;
use shared::messaging::OPERATIONS;
use shared::operations::{Filter, Operations, StoredEvent};
use shared::time::Timestamp;

use super::event::split;
use crate::CtlError;
use crate::output::Output;
use crate::table::{Column, DIM, Table, styled};
use crate::times;

pub(super) async fn run(
    mesh: &Operations,
    out: Output,
    since: Option<Timestamp>,
    limit: usize,
) -> Result<(), CtlError> {
    let filter = Filter { stream: Some(OPERATIONS.to_owned()), since, ..Filter::default() };
    let events = mesh.find(&filter, limit).await?.events;
    out.show(&events, |width| {
        let mut table = Table::new([
            ("TIME (UTC)", Column::Text),
            ("OPERATOR", Column::Long),
            ("ASKED FOR", Column::Text),
            ("OF WHAT", Column::Long),
        ]);
        for event in &events {
            table.row([
                styled(DIM, times::stamp(event.stored_at)),
                operator(event).unwrap_or("-").into(),
                asked_for(event).into(),
                about(event).into(),
            ]);
        }
        table.draw(width, "nothing is on record")
    })?;
    Ok(())
}

/// Who did it, when an event says that somebody did something.
pub(super) fn operator(event: &StoredEvent) -> Option<&str> {
    event.data.get("operator")?.as_str()
}

/// `dead_letter replay`, `consumer pause`, …
pub(super) fn asked_for(event: &StoredEvent) -> String {
    let (fact, _) = split(&event.subject);
    let words = fact.trim_start_matches("operations.").trim_end_matches("_requested");
    words.replace(['.', '_'], " ")
}

/// What else the event says, as `name=value`.
pub(super) fn about(event: &StoredEvent) -> String {
    let fields = event.data.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| *name != "operator").map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    fields.collect::<Vec<_>>().join(" ")
}
