//! Dead letters: events that a consumer could not apply, kept in the stream `DLQ` with the reason and where they
//! came from, until an operator replays or discards them.

use async_nats::HeaderMap;
use async_nats::jetstream;
use bytes::Bytes;

use super::event::MESSAGE_ID;
use super::{DEAD_LETTERS, Nats};

const REASON: &str = "mesh-dlq-reason";
const CONSUMER: &str = "mesh-dlq-consumer";
const SUBJECT: &str = "mesh-dlq-subject";
const STREAM: &str = "mesh-dlq-stream";
const SEQUENCE: &str = "mesh-dlq-sequence";
const DELIVERIES: &str = "mesh-dlq-deliveries";
/// On a replayed event: the one consumer it is for.
const REPLAY_FOR: &str = "mesh-replay-for";

/// A dead letter as an operator sees it.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its sequence number in the stream `DLQ`: what [`replay`] takes.
    pub sequence: u64,
    /// The consumer that could not apply it.
    pub consumer: String,
    /// Why.
    pub reason: String,
    /// The subject it was published on.
    pub subject: String,
    headers: HeaderMap,
    data: Bytes,
}

/// Moves a message to the dead letters; the caller acknowledges the original afterwards.
pub(super) async fn bury(
    nats: &Nats,
    consumer: &str,
    message: &jetstream::Message,
    reason: &str,
) -> Result<(), async_nats::Error> {
    let info = message.info()?;
    let mut headers = message.headers.clone().unwrap_or_default();
    // A header is one line.
    headers.insert(REASON, reason.replace(['\r', '\n'], " ").as_str());
    headers.insert(CONSUMER, consumer);
    headers.insert(SUBJECT, message.subject.as_str());
    headers.insert(STREAM, info.stream);
    headers.insert(SEQUENCE, info.stream_sequence.to_string().as_str());
    headers.insert(DELIVERIES, info.delivered.to_string().as_str());
    // The same burial repeated, because its ack was lost, is one dead letter.
    headers.insert(MESSAGE_ID, format!("{consumer}:{}:{}", info.stream, info.stream_sequence).as_str());
    let subject = format!("dlq.{consumer}.{}", message.subject);
    nats.jetstream.publish_with_headers(subject, headers, message.payload.clone()).await?.await?;
    Ok(())
}

/// Whether a message is for this consumer: every message is, but a replayed one is for the one that failed.
pub(super) fn is_meant_for(headers: Option<&HeaderMap>, consumer: &str) -> bool {
    headers
        .and_then(|headers| headers.get(REPLAY_FOR))
        .is_none_or(|replay_for| replay_for.as_str() == consumer)
}

/// Reads one dead letter; `None` when there is none with this sequence number.
///
/// # Errors
/// When the broker does not answer.
pub async fn get(nats: &Nats, sequence: u64) -> Result<Option<DeadLetter>, async_nats::Error> {
    let stream = nats.jetstream.get_stream_no_info(DEAD_LETTERS).await?;
    let message = match stream.direct_get(sequence).await {
        Ok(message) => message,
        Err(error) if error.kind() == jetstream::stream::DirectGetErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let text = |name: &str| message.headers.get(name).map(ToString::to_string).unwrap_or_default();
    Ok(Some(DeadLetter {
        sequence: message.sequence,
        consumer: text(CONSUMER),
        reason: text(REASON),
        subject: text(SUBJECT),
        headers: message.headers,
        data: message.payload,
    }))
}

/// Delivers a dead letter again, to the consumer that failed, and removes it from the dead letters. The event keeps
/// its id: if it was applied in the meantime, nothing happens. Returns false when there is no such letter.
///
/// # Errors
/// When the broker does not answer; the letter is then still there.
pub async fn replay(nats: &Nats, sequence: u64) -> Result<bool, async_nats::Error> {
    let Some(letter) = get(nats, sequence).await? else { return Ok(false) };
    let mut headers = HeaderMap::new();
    for (name, values) in letter.headers.iter() {
        let name = name.to_string();
        let of_burial = name.starts_with("mesh-dlq-") || name.starts_with("Nats-");
        for value in values.iter().filter(|_| !of_burial) {
            headers.append(name.as_str(), value.as_str());
        }
    }
    headers.insert(REPLAY_FOR, letter.consumer.as_str());
    // A new message id: the stream would take the event's own for a duplicate. Two who replay the same letter at once, or
    // one who died before the removal, publish it once.
    headers.insert(MESSAGE_ID, format!("replay:{sequence}").as_str());
    nats.jetstream.publish_with_headers(letter.subject, headers, letter.data).await?.await?;
    discard(nats, sequence).await?;
    Ok(true)
}

/// Removes a dead letter. Returns false when there is no such letter.
///
/// # Errors
/// When the broker does not answer.
pub async fn discard(nats: &Nats, sequence: u64) -> Result<bool, async_nats::Error> {
    let stream = nats.jetstream.get_stream_no_info(DEAD_LETTERS).await?;
    match stream.delete_message(sequence).await {
        Ok(deleted) => Ok(deleted),
        // The broker has one code for all that can go wrong here.
        Err(error) if get(nats, sequence).await?.is_some() => Err(error.into()),
        Err(_) => Ok(false),
    }
}

/// Whether a message is an event that was delivered again, which all but one consumer have had already.
pub fn is_replayed(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(REPLAY_FOR).is_some())
}
