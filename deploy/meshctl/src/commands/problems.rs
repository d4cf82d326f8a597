//! What is wrong with the mesh.

use shared::health::Status;
use shared::operations::{ConsumerState, InstanceState, Overview};

use super::counted;
use crate::times;

/// An event that has waited in an outbox for so many seconds is late.
const LATE: f64 = 10.0;

/// Everything that is wrong, each on one line; nothing when all is well.
pub(super) fn problems(overview: &Overview) -> Vec<String> {
    let mut problems: Vec<_> =
        overview.missing.iter().map(|service| format!("{service} does not run")).collect();
    problems.extend(overview.instances.iter().flat_map(of_instance));
    problems.extend(overview.consumers.iter().filter_map(of_consumer));
    match overview.dead_letters {
        0 => {}
        count => problems.push(format!("{}: see `meshctl dlq list`", counted(count, "dead letter"))),
    }
    problems
}

fn of_instance(state: &InstanceState) -> Vec<String> {
    let name = format!("{} {}", state.instance.service, state.instance.id);
    let Some(report) = &state.report else { return vec![format!("{name} does not answer")] };
    let mut problems = match report.status {
        Status::Ready => Vec::new(),
        Status::Degraded => vec![because(format!("{name} is degraded"), &report.reasons)],
        Status::Unready => vec![because(format!("{name} is not ready"), &report.reasons)],
    };
    if let Some(outbox) = report.outbox.filter(|outbox| outbox.oldest_seconds >= LATE) {
        let oldest = times::length(outbox.oldest_seconds as u64);
        problems.push(format!(
            "{} waiting in the outbox of {name}, for {oldest}",
            counted(outbox.waiting, "event")
        ));
    }
    problems
}

fn because(problem: String, reasons: &[String]) -> String {
    if reasons.is_empty() { problem } else { format!("{problem}: {}", reasons.join(", ")) }
}

fn of_consumer(consumer: &ConsumerState) -> Option<String> {
    let ConsumerState { name, pending, .. } = consumer;
    if let Some(left) = consumer.paused_seconds {
        return Some(format!("{name} is paused for {}", times::length(left)));
    }
    // Whoever works on what it was given may not ask for more yet.
    let read = consumer.waiting_pulls > 0 || consumer.ack_pending > 0;
    if *pending > 0 && !read {
        return Some(format!("{} waiting for {name}, and nobody takes them", counted(*pending, "event")));
    }
    (consumer.redelivered > 0)
        .then(|| format!("{name} tries {} again", counted(consumer.redelivered, "event")))
}
