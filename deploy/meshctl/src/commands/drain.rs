//! `meshctl drain`.

use std::time::{Duration, Instant};

use serde_json::json;
use shared::operations::Operations;

use crate::CtlError;
use crate::output::Output;

/// How long an instance may take to leave the registry.
const LIMIT: Duration = Duration::from_secs(15);

pub(super) async fn run(mesh: &Operations, out: Output, id: &str, no_wait: bool) -> Result<(), CtlError> {
    let began = Instant::now();
    let instance = mesh.drain(id).await?;
    let name = format!("{} {} at {}", instance.service, instance.id, instance.address);
    let left = if no_wait { None } else { Some(mesh.has_left(&instance.id, LIMIT).await?) };
    if left == Some(false) {
        let seconds = LIMIT.as_secs();
        return Err(CtlError::Late(format!(
            "{name} was asked to leave, and is still there after {seconds} s"
        )));
    }
    let answer = json!({ "instance": instance, "left": left.is_some() });
    out.show(&answer, |_| match left {
        Some(_) => format!("{name} has left, after {:.1} s\n", began.elapsed().as_secs_f64()),
        None => format!("{name} was asked to leave\n"),
    })?;
    Ok(())
}
