//! `meshctl replay`.

use serde_json::json;
use shared::Error;
use shared::messaging::CONSUMERS;
use shared::operations::{From, Operations};

use super::counted;
use crate::CtlError;
use crate::output::Output;
use crate::times;

/// Where a consumer begins again: a sequence number, with or without its stream, or a time or age.
pub(super) fn from(consumer: &str, text: &str) -> Result<From, CtlError> {
    if let Ok(sequence) = text.parse() {
        return Ok(From::Sequence(sequence));
    }
    if let Some((stream, sequence)) = text.split_once(':')
        && stream.chars().all(|character| character.is_ascii_alphabetic())
    {
        let reads = CONSUMERS.iter().find(|spec| spec.name == consumer).map_or("", |spec| spec.stream);
        return match sequence.parse() {
            Ok(sequence) if stream == reads => Ok(From::Sequence(sequence)),
            _ => {
                Err(Error::invalid("from", format!("{consumer} reads {reads}: give {reads}:<sequence>"))
                    .into())
            }
        };
    }
    let rule = "must be a sequence number, a time such as 2026-01-02T03:04:05Z, or an age such as 10m";
    Ok(From::Time(times::moment(text).map_err(|_| Error::invalid("from", rule))?))
}

pub(super) async fn run(
    mesh: &Operations,
    out: Output,
    consumer: &str,
    from: From,
    yes: bool,
) -> Result<(), CtlError> {
    let (sequence, events) = mesh.would_replay(consumer, from).await?;
    // From where it was said, so that what is done is what is told.
    let events = if yes { mesh.replay(consumer, From::Sequence(sequence)).await? } else { events };
    let stream = CONSUMERS.iter().find(|spec| spec.name == consumer).map_or("", |spec| spec.stream);
    let answer = json!({
        "consumer": consumer, "from": format!("{stream}:{sequence}"), "events": events, "dry_run": !yes,
    });
    out.show(&answer, |_| {
        let what = format!("{}, from {stream}:{sequence} on", counted(events, "event"));
        if yes {
            format!("{consumer} gets again {what}\n")
        } else {
            format!("{consumer} would get again {what}; what it has applied already changes nothing\nadd --yes to do it\n")
        }
    })?;
    Ok(())
}
