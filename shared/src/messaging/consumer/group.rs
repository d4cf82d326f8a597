//! Events that wait together take effect together: one transaction, and so one write to the disk, for many of them.

use std::time::Duration;

use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt;
use futures::future::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Consumer, HandlerError, Outcome, PreparingHandler, deliveries};
use crate::error::Chain;
use crate::messaging::measure::Delivery;

/// How many at most. What breaks a promise on purpose does so event by event.
const MOST: usize = if cfg!(feature = "sabotage") { 1 } else { 256 };
/// How long a transaction takes in another event: on SQLite nobody else writes meanwhile.
const OPEN: Duration = Duration::from_millis(10);

/// How a pull ended.
type Ended = Result<(), async_nats::Error>;

impl<H: PreparingHandler> Consumer<H> {
    /// This message and those behind it that are there already, and how the pull ended if it did so behind them. What takes
    /// long to prepare, or need not be applied in order, is applied by itself.
    pub(super) fn gather(
        &self,
        first: jetstream::Message,
        messages: &mut pull::Stream,
    ) -> (Vec<jetstream::Message>, Option<Ended>) {
        let most = if H::PREPARES || self.spec.concurrency > 1 { 1 } else { MOST };
        let mut group = vec![first];
        while group.len() < most {
            match messages.next().now_or_never() {
                Some(Some(Ok(message))) => group.push(message),
                Some(Some(Err(error))) => return (group, Some(Err(error.into()))),
                Some(None) => return (group, Some(Err("the pull ended".into()))),
                None => break,
            }
        }
        (group, None)
    }

    /// Applies these events in their order, and tells the broker of each.
    pub(super) async fn deliver_all(&self, messages: Vec<jetstream::Message>) {
        let mut rest = &messages[..];
        while let Some(first) = rest.first() {
            let applied = if rest.len() > 1 { self.apply_some(rest).await } else { Err(0) };
            rest = match applied {
                Ok(applied) => &rest[applied..],
                // By itself it shows what is wrong, and the others do not suffer from it.
                Err(0) => {
                    self.deliver(first.clone()).await;
                    &rest[1..]
                }
                Err(failed) => {
                    let (before, behind) = rest.split_at(failed);
                    let applied = self.apply_some(before).await.unwrap_or_default();
                    for message in before[applied..].iter().chain(behind.first()) {
                        self.deliver(message.clone()).await;
                    }
                    behind.get(1..).unwrap_or_default()
                }
            };
        }
    }

    /// Applies the first of these events, as many as there is time for, and tells how many; or none, and tells which failed.
    async fn apply_some(&self, messages: &[jetstream::Message]) -> Result<usize, usize> {
        let mut failed = 0;
        self.try_some(messages, &mut failed).await.map_err(|error| {
            tracing::debug!(error = %Chain(&error), failed, "events are applied in smaller groups");
            failed
        })
    }

    async fn try_some(
        &self,
        messages: &[jetstream::Message],
        failed: &mut usize,
    ) -> Result<usize, HandlerError> {
        // One that cannot be read is found before any takes effect in vain.
        let mut events = Vec::with_capacity(messages.len());
        for message in messages {
            let (span, began) = (self.span(message), Instant::now());
            match span.in_scope(|| self.read(message, deliveries(message))) {
                Ok(event) => events.push((message, span, began, event)),
                Err(error) if events.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        let transaction = self.database.begin().await?;
        let opened = Instant::now();
        let mut applied = Vec::with_capacity(events.len());
        for (index, (message, span, began, event)) in events.into_iter().enumerate() {
            if index > 0 && opened.elapsed() > OPEN {
                break;
            }
            *failed = index;
            let apply = async {
                let Some(event) = event else { return Ok(Outcome::Known) };
                let prepared = self.handler.prepare(&event).await?;
                self.apply_in(&transaction, &event, prepared).await
            };
            let outcome = apply.instrument(span.clone()).await?;
            applied.push((message, span, began, outcome));
        }
        *failed = 0;
        transaction.commit().await?;
        let number = applied.len();
        for (message, span, began, outcome) in applied {
            let delivery = Delivery::begin(self.spec.name, deliveries(message), began);
            self.settle(message, delivery, Ok(outcome)).instrument(span).await;
        }
        Ok(number)
    }
}
