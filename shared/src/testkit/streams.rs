//! What happens to events on their way.

use async_nats::HeaderMap;

use super::eventually;
use crate::id::new_id;
use crate::messaging::dead_letter::{self, DeadLetter};
use crate::messaging::{ConsumerSpec, DEAD_LETTERS, Event, Nats, ReceivedEvent};

/// Puts the last event with this subject into its stream once more, as the relay does when an ack was lost for longer
/// than the stream remembers message ids.
///
/// # Panics
/// When there is no such event.
pub async fn deliver_again(nats: &Nats, stream: &str, subject: &str) {
    let jetstream = &nats.jetstream;
    let stream = jetstream.get_stream(stream).await.expect("the stream is there");
    let message = stream.get_last_raw_message_by_subject(subject).await;
    let mut message = message.expect("an event with this subject is there");
    message.headers.insert("Nats-Msg-Id", new_id());
    let publish = jetstream.publish_with_headers(message.subject, message.headers, message.payload);
    publish.await.expect("the event is sent").await.expect("the stream takes the event");
}

/// Every `E` about this aggregate in its stream, in order.
///
/// # Panics
/// When the stream is not there, or an event cannot be read.
pub async fn events<E: Event>(nats: &Nats, aggregate_id: &str) -> Vec<E> {
    let stream = E::SUBJECT.split('.').next().unwrap_or_default().to_uppercase();
    let mut stream = nats.jetstream.get_stream(stream).await.expect("the stream is there");
    let subject = format!("{}.{aggregate_id}", E::SUBJECT);
    let mut events = Vec::new();
    let state = &stream.info().await.expect("the stream answers").state;
    for sequence in state.first_sequence..=state.last_sequence {
        let message = stream.get_raw_message(sequence).await.expect("no event is missing");
        if message.subject.as_str() == subject {
            let event = ReceivedEvent::read(&subject, Some(&message.headers), message.payload);
            events.push(event.expect("an event").data().expect("its data"));
        }
    }
    events
}

/// Waits until the consumer has nothing left to do.
///
/// # Panics
/// When it is busy for too long.
pub async fn idle(nats: &Nats, spec: &ConsumerSpec) {
    let stream = nats.jetstream.get_stream(spec.stream).await.expect("the stream is there");
    eventually("the consumer is idle", async || {
        // A busy broker may be late with an answer.
        let info = stream.consumer_info(spec.name).await;
        info.is_ok_and(|info| info.num_pending == 0 && info.num_ack_pending == 0)
    })
    .await;
}

/// Waits until the consumer has tried in vain to handle what is still there.
///
/// # Panics
/// When everything works.
pub async fn tried_in_vain(nats: &Nats, spec: &ConsumerSpec) {
    let stream = nats.jetstream.get_stream(spec.stream).await.expect("the stream is there");
    eventually("the consumer has tried in vain", async || {
        // It may not have begun yet.
        stream.consumer_info(spec.name).await.is_ok_and(|info| info.num_redelivered > 0)
    })
    .await;
}

/// Waits for the first dead letter.
///
/// # Panics
/// When there is none in time.
pub async fn first_dead_letter(nats: &Nats) -> DeadLetter {
    let stream = nats.jetstream.get_stream(DEAD_LETTERS).await.expect("the stream is there");
    eventually("a dead letter", async || {
        stream.get_info().await.expect("the stream answers").state.messages > 0
    })
    .await;
    dead_letter::get(nats, 1).await.expect("the stream answers").expect("the first dead letter is there")
}

/// Publishes what a producer of another version says, of which nothing here needs to know the type or the data.
///
/// # Panics
/// When the stream does not take it.
pub async fn publish_as_told(nats: &Nats, subject: &str, event_type: &str, id: &str, data: &str) {
    let mut headers = HeaderMap::new();
    let attributes =
        [("ce-specversion", "1.0"), ("ce-id", id), ("ce-type", event_type), ("ce-source", "/newer-svc")];
    for (name, value) in attributes {
        headers.insert(name, value);
    }
    let publish = nats.jetstream.publish_with_headers(subject.to_owned(), headers, data.to_owned().into());
    publish.await.expect("the event is sent").await.expect("the stream takes the event");
}
