//! `meshctl consumers`.

use serde_json::json;
use shared::operations::{ConsumerState, Operations};

use crate::CtlError;
use crate::arguments::Consumers;
use crate::output::Output;
use crate::table::{BAD, Cell, Column, DOUBTFUL, PLAIN, Table, styled};
use crate::times;

pub(super) async fn run(mesh: &Operations, out: Output, command: Option<Consumers>) -> Result<(), CtlError> {
    match command.unwrap_or(Consumers::List) {
        Consumers::List => {
            let consumers = mesh.consumers().await?;
            let nothing = "there are no consumers: no service has run yet";
            out.show(&consumers, |width| table(&consumers).draw(width, nothing))?;
        }
        Consumers::Pause { name, pause } => {
            let until = mesh.pause(&name, pause).await?;
            let text = format!("{name} is paused until {}\n", times::stamp(until));
            out.show(&json!({ "consumer": name, "paused_until": until }), |_| text)?;
        }
        Consumers::Resume { name } => {
            mesh.resume(&name).await?;
            let text = format!("{name} gets events again\n");
            out.show(&json!({ "consumer": name, "paused_until": null }), |_| text)?;
        }
    }
    Ok(())
}

/// A row for each consumer.
pub(super) fn table(consumers: &[ConsumerState]) -> Table {
    let mut table = Table::new([
        ("CONSUMER", Column::Text),
        ("STREAM", Column::Text),
        ("LAG", Column::Number),
        ("UNACKED", Column::Number),
        ("AGAIN", Column::Number),
        ("PULLS", Column::Number),
        ("STATE", Column::Text),
    ]);
    for consumer in consumers {
        table.row([
            (&consumer.name).into(),
            (&consumer.stream).into(),
            counted(consumer.pending),
            consumer.ack_pending.into(),
            counted(consumer.redelivered),
            consumer.waiting_pulls.into(),
            state(consumer),
        ]);
    }
    table
}

fn counted(count: u64) -> Cell {
    styled(if count == 0 { PLAIN } else { DOUBTFUL }, count)
}

fn state(consumer: &ConsumerState) -> Cell {
    match consumer.paused_seconds {
        Some(left) => styled(DOUBTFUL, format!("paused {}", times::length(left))),
        None if consumer.waiting_pulls == 0 && consumer.ack_pending == 0 => styled(BAD, "not read"),
        None => "runs".into(),
    }
}
