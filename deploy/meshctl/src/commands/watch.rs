//! `meshctl status --watch`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use shared::operations::{Operations, Overview};

use super::status::Answer;
use crate::CtlError;
use crate::output::Output;
use crate::table::{BAD, paint};

/// How much there is a second, between two looks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rates {
    /// Calls of instances, by id.
    calls: BTreeMap<String, f64>,
    /// Messages of streams, by name.
    messages: BTreeMap<String, f64>,
}

impl Rates {
    fn between(before: &Overview, after: &Overview, elapsed: Duration) -> Self {
        let rate =
            |from: u64, to: u64| to.saturating_sub(from) as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        let (old, new) = (calls(before), calls(after));
        let calls =
            new.into_iter().filter_map(|(id, count)| Some((id.to_owned(), rate(*old.get(id)?, count))));
        let (old, new) = (messages(before), messages(after));
        let messages =
            new.into_iter().filter_map(|(name, last)| Some((name.to_owned(), rate(*old.get(name)?, last))));
        Self { calls: calls.collect(), messages: messages.collect() }
    }

    /// The calls of an instance.
    pub(super) fn of_instance(&self, id: &str) -> String {
        shown(self.calls.get(id))
    }

    /// The messages of a stream.
    pub(super) fn of_stream(&self, name: &str) -> String {
        shown(self.messages.get(name))
    }
}

fn shown(rate: Option<&f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"))
}

fn calls(overview: &Overview) -> BTreeMap<&str, u64> {
    let told = |state: &shared::operations::InstanceState| Some(state.report.as_ref()?.calls.total);
    overview.instances.iter().filter_map(|state| Some((state.instance.id.as_str(), told(state)?))).collect()
}

fn messages(overview: &Overview) -> BTreeMap<&str, u64> {
    overview.streams.iter().map(|stream| (stream.name.as_str(), stream.last_sequence)).collect()
}

/// Draws the screen anew every so many seconds, until Ctrl-C.
pub(super) async fn run(mesh: &Operations, out: Output, seconds: u64) -> Result<(), CtlError> {
    let mut before: Option<(Overview, Instant)> = None;
    let mut ticks = tokio::time::interval(Duration::from_secs(seconds));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let overview = tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            overview = async {
                ticks.tick().await;
                Box::pin(mesh.overview()).await
            } => overview,
        };
        let now = Instant::now();
        match overview {
            Ok(overview) => {
                let rates = before.as_ref().map(|(old, at)| Rates::between(old, &overview, now - *at));
                let answer = Answer::new(overview, rates);
                show(out, &answer)?;
                before = Some((answer.overview, now));
            }
            // It comes back.
            Err(error) if !out.is_json() => out.redraw(&format!("{}\n", paint(BAD, &error.to_string())))?,
            Err(error) => return Err(error.into()),
        }
    }
}

fn show(out: Output, answer: &Answer) -> Result<(), CtlError> {
    if out.is_json() {
        out.show_line(answer, |_| String::new())?;
        return Ok(());
    }
    out.redraw(&answer.draw(out.size().0))?;
    Ok(())
}
