//! A mesh that does nothing: how long it takes to start, and what it has in memory.

use std::time::Duration;

use shared::mesh::SERVICES;

use crate::BoxError;
use crate::compare::{Plan, memory};
use crate::facts::{Fact, Measured};
use crate::arguments::Arguments;
use crate::load::quantile;
use crate::mesh::{Mesh, PROVIDER, Store};

/// How long it has done nothing when its memory is measured.
const PAUSE: Duration = Duration::from_secs(5);
/// MiB.
const MEMORY_BAR: f64 = 120.0;
/// Seconds.
const START_BAR: f64 = 2.0;

/// Starts a mesh as often as there are rounds: what is told are medians.
///
/// # Errors
/// When it does not start.
pub(crate) async fn measure(arguments: &Arguments) -> Result<Measured, BoxError> {
    let (mut starts, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..Plan::of(arguments).rounds {
        let mesh = Box::pin(Mesh::start_with(Store::Sqlite, &SERVICES, &PROVIDER)).await?;
        starts.push(mesh.ready_after().as_secs_f64());
        tokio::time::sleep(PAUSE).await;
        sizes.push(memory(&mesh.all_processes()));
    }
    let facts = vec![
        Fact::at_most(
            "start of all processes, until all services answer",
            quantile(&starts, 0.5),
            "s",
            START_BAR,
        ),
        Fact::at_most("all processes of an idle mesh", quantile(&sizes, 0.5), "MiB", MEMORY_BAR),
    ];
    Ok(Measured { rows: Vec::new(), facts })
}
