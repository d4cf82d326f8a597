//! Dead letters: looking at them, and getting rid of them.

use serde::Serialize;

use super::filter::is_token;
use super::{Filter, Operations, StoredEvent, unavailable};
use crate::Error;
use crate::messaging::{DEAD_LETTERS, dead_letter};
use crate::proto::events::v1;

/// An event that a consumer could not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuriedEvent {
    /// Its sequence number in the stream `DLQ`, by which it is named.
    pub sequence: u64,
    /// The consumer that could not apply it.
    pub consumer: String,
    /// Why.
    pub reason: String,
    /// The subject that it was published on.
    pub published_on: String,
    /// Where it came from: `<stream>:<sequence>`.
    pub origin: String,
    /// How often it was delivered.
    pub deliveries: u64,
    /// The event itself.
    pub event: StoredEvent,
}

impl BuriedEvent {
    pub(super) fn of(event: StoredEvent) -> Self {
        let letter = |name: &str| event.headers.get(&format!("mesh-dlq-{name}")).cloned().unwrap_or_default();
        Self {
            sequence: event.sequence,
            consumer: letter("consumer"),
            reason: letter("reason"),
            published_on: letter("subject"),
            origin: format!("{}:{}", letter("stream"), letter("sequence")),
            deliveries: letter("deliveries").parse().unwrap_or_default(),
            event,
        }
    }
}

/// What became of one dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was done.
    Done,
    /// There is no such dead letter: somebody else was faster.
    Missing,
    /// It could not be done, and the letter is still there.
    Failed(String),
}

impl Operations {
    /// The newest `limit` dead letters, of one consumer or of all, oldest first. The filter's subject is that of the
    /// dead letters: `dlq.<consumer>.<original subject>`.
    ///
    /// # Errors
    /// As [`Operations::find`].
    pub async fn dead_letters(
        &self,
        consumer: Option<&str>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<BuriedEvent>, Error> {
        let mut filter = Filter { stream: Some(DEAD_LETTERS.to_owned()), ..filter.clone() };
        if let Some(subject) = &filter.subject
            && !subject.starts_with("dlq.")
        {
            filter.subject = Some(format!("dlq.*.{subject}"));
        }
        if let Some(consumer) = consumer {
            if !is_token(consumer) {
                return Err(Error::invalid("consumer", "must be a name, without dots, spaces and wildcards"));
            }
            let rest = filter.subject.as_deref().and_then(|subject| subject.splitn(3, '.').nth(2));
            filter.subject = Some(match rest {
                Some(rest) => format!("dlq.{consumer}.{rest}"),
                None => format!("dlq.{consumer}"),
            });
        }
        Ok(self.find(&filter, limit).await?.events.into_iter().map(BuriedEvent::of).collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none with this sequence number.
    pub async fn dead_letter(&self, sequence: u64) -> Result<BuriedEvent, Error> {
        let event = self.event_at(DEAD_LETTERS, sequence).await?;
        event.map(BuriedEvent::of).ok_or(Error::NotFound("dead letter"))
    }

    /// Delivers a dead letter again, to the consumer that failed, and removes it from the dead letters.
    pub async fn replay_dead_letter(&self, sequence: u64) -> Done {
        let replay = async {
            let letter = self.dead_letter(sequence).await?;
            let event = v1::DeadLetterReplayRequested {
                dead_letter: sequence.to_string(),
                consumer: letter.consumer,
                subject: letter.published_on,
                operator: self.operator.clone(),
            };
            self.record(&event, letter.event.cause()).await?;
            dead_letter::replay(&self.nats, sequence).await.map_err(unavailable)
        };
        done(replay.await)
    }

    /// Removes a dead letter for good: the consumer never applies the event. The stream that it came from still has it.
    pub async fn discard_dead_letter(&self, sequence: u64, reason: &str) -> Done {
        let discard = async {
            let letter = self.dead_letter(sequence).await?;
            let event = v1::DeadLetterDiscardRequested {
                dead_letter: sequence.to_string(),
                consumer: letter.consumer,
                subject: letter.published_on,
                operator: self.operator.clone(),
                reason: reason.to_owned(),
            };
            self.record(&event, letter.event.cause()).await?;
            dead_letter::discard(&self.nats, sequence).await.map_err(unavailable)
        };
        done(discard.await)
    }
}

fn done(result: Result<bool, Error>) -> Done {
    match result {
        Ok(true) => Done::Done,
        Ok(false) | Err(Error::NotFound(_)) => Done::Missing,
        Err(error) => Done::Failed(error.to_string()),
    }
}
