//! `meshctl outbox`.

use serde_json::json;
use shared::operations::{InstanceState, Operations};

use crate::CtlError;
use crate::output::Output;
use crate::table::{Column, Table};
use crate::times;

pub(super) async fn run(mesh: &Operations, out: Output) -> Result<(), CtlError> {
    let mut instances = mesh.instances().await?;
    instances.retain(|state| state.instance.service != shared::mesh::GATEWAY);
    let answer: Vec<_> = instances
        .iter()
        .map(|state| {
            let instance = &state.instance;
            json!({ "service": instance.service, "instance": instance.id, "outbox": outbox(state) })
        })
        .collect();
    out.show(&answer, |width| {
        let mut table = Table::new([
            ("SERVICE", Column::Text),
            ("INSTANCE", Column::Long),
            ("WAITING", Column::Number),
            ("OLDEST", Column::Number),
        ]);
        for state in &instances {
            let (waiting, oldest) = backlog(state);
            table.row([
                (&state.instance.service).into(),
                (&state.instance.id).into(),
                waiting.into(),
                oldest.into(),
            ]);
        }
        table.draw(width, "no service runs")
    })?;
    Ok(())
}

fn outbox(state: &InstanceState) -> Option<shared::health::Backlog> {
    state.report.as_ref()?.outbox
}

/// How many events wait and how old the oldest is; `-` of an instance that does not tell.
pub(super) fn backlog(state: &InstanceState) -> (String, String) {
    let none = || "-".to_owned();
    match outbox(state) {
        Some(outbox) if outbox.waiting > 0 => {
            (outbox.waiting.to_string(), times::length(outbox.oldest_seconds as u64))
        }
        Some(outbox) => (outbox.waiting.to_string(), none()),
        None => (none(), none()),
    }
}
