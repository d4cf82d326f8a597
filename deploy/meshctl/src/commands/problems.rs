//! What is wrong with the mesh.

use shared::health::Status;
use shared::operations::{ConsumerState, InstanceState, Overview};

use crate::times;

/// An event that has waited in an outbox for so many seconds is late.
const LATE: f64 = 10.0;

/// Everything that is wrong, each on one line; nothing when all is well.
pub(super) fn problems(overview: &Overview) -> Vec<String> {
    let mut problems: Vec<_> = overview.missing.iter().map(|service| format!("{service} does not run")).collect();
    problems.extend(overview.instances.iter().flat_map(of_instance));
    problems.extend(overview.consumers.iter().filter_map(of_consumer));
    match overview.dead_letters {
        0 => {}
        1 => problems.push("there is 1 dead letter: `meshctl dlq list`".to_owned()),
        count => problems.push(format!("there are {count} dead letters: `meshctl dlq list`")),
    }
    problems
}

fn of_instance(state: &InstanceState) -> Vec<String> {
    let name = format!("{} {}", state.instance.service, state.instance.id);
    let Some(report) = &state.report else { return vec![format!("{name} does not answer")] };
    let mut problems = match report.status {
        Status::Ready => Vec::new(),
        Status::Degraded => vec![format!("{name} is degraded: {}", report.reasons.join(", "))],
        Status::Unready => vec![format!("{name} is not ready: {}", report.reasons.join(", "))],
    };
    if let Some(outbox) = report.outbox.filter(|outbox| outbox.oldest_seconds >= LATE) {
        let oldest = times::length(outbox.oldest_seconds as u64);
        problems.push(format!("{} events wait in the outbox of {name}, for {oldest}", outbox.waiting));
    }
    problems
}

fn of_consumer(consumer: &ConsumerState) -> Option<String> {
    let ConsumerState { name, pending, .. } = consumer;
    if let Some(left) = consumer.paused_seconds {
        return Some(format!("{name} is paused for {}", times::length(left)));
    }
    // Whoever works on what it was given may not ask for more yet.
    let read = consumer.waiting_pulls > 0 || consumer.ack_pending > 0;
    if *pending > 0 && !read {
        return Some(format!("{pending} events wait for {name}, and nobody takes them"));
    }
    (consumer.redelivered > 0).then(|| format!("{name} tries {} events again", consumer.redelivered))
}
