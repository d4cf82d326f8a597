//! `meshctl events`.

use futures::StreamExt;
use shared::operations::{Filter, Operations};

use super::event;
use crate::CtlError;
use crate::arguments::Events;
use crate::output::Output;
use crate::table::DOUBTFUL;

pub(super) async fn run(mesh: &Operations, out: Output, command: Events) -> Result<(), CtlError> {
    match command {
        Events::Find { which, until, limit } => find(mesh, out, &which.filter(until), limit).await,
        Events::Get { event: key } => {
            let event = mesh.event(&key).await?;
            out.show(&event, |_| event::whole(&event, &[]))?;
            Ok(())
        }
        Events::Tail { which } => tail(mesh, out, &which.filter(None)).await,
    }
}

async fn find(mesh: &Operations, out: Output, filter: &Filter, limit: usize) -> Result<(), CtlError> {
    let found = mesh.find(filter, limit).await?;
    out.show(&found, |width| {
        let mut table = event::table();
        for event in &found.events {
            table.row(event::row(event));
        }
        if found.gave_up {
            let note =
                "there may be older ones: too many would have to be looked at, so give --since or --stream";
            table.note(DOUBTFUL, note);
        }
        table.draw(width, "no such events")
    })?;
    Ok(())
}

/// Until Ctrl-C, or until nobody reads along.
async fn tail(mesh: &Operations, out: Output, filter: &Filter) -> Result<(), CtlError> {
    let mut events = mesh.tail(filter).await?;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(event) = event.transpose()? else { return Ok(()) };
        out.show_line(&event, |width| {
            let mut table = event::table();
            table.row(event::row(&event));
            table.draw_rows(width)
        })?;
    }
}
